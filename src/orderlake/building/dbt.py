"""dbt as a process of its own: what it is given, what it tells as it goes, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from orderlake.building.models import Models
from orderlake.building.report import Step
from orderlake.errors import ConfigError, TransientError

PROFILE: Final = "orderlake"
_QUIET: Final = {
    "DO_NOT_TRACK": "1",
    "PYTHONIOENCODING": "utf-8",
    # dbt is run as a module that its own package has imported already, and says so; its libraries deprecate things.
    "PYTHONWARNINGS": "ignore",
}
_STATUS: Final[Mapping[str, Literal["warned", "failed"]]] = {"warn": "warned", "error": "failed"}
"""By the level at which dbt tells of a node that is done; what it calls its state is not the same for all kinds."""
_REFUSED: Final = 2
"""dbt's exit code when it cannot even begin: a model that does not parse, a profile, a selection of nothing."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where builds are made: a folder of our own with the profile, logs and what dbt leaves behind."""

    folder: Path

    @property
    def database(self) -> Path:
        """The private DuckDB file; a copy of what the tables say, that can be made again."""
        return self.folder / "marts.duckdb"

    @property
    def target(self) -> Path:
        """The manifest and the results of the last build."""
        return self.folder / "target"

    @property
    def docs(self) -> Path:
        """The documentation, and what dbt needs to make it."""
        return self.folder / "docs"

    @property
    def log(self) -> Path:
        """Everything that dbt said."""
        return self.folder / "logs" / "dbt.log"

    def write_profile(self, target: str, output: Mapping[str, Any]) -> None:
        """Tell dbt where to build. JSON is YAML."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({PROFILE: {"target": target, "outputs": {target: output}}}, indent=1)
        (self.folder / "profiles.yml").write_text(text, encoding="utf-8")

    def manifest(self) -> dict[str, Any]:
        """What there was to build."""
        return self._left("manifest.json")

    def results(self) -> list[dict[str, Any]]:
        """How each node of the last build went."""
        return list(self._left("run_results.json").get("results", ()))

    def _left(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.target / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found


@dataclass(slots=True)
class Told:
    """What a run of dbt told: its steps, and what it called errors."""

    steps: list[Step] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


def run_dbt(
    workshop: Workshop, models: Models, words: Sequence[str], target: Path, on_step: Callable[[Step], None]
) -> Told:
    """Run one command of dbt and hear it out; models and tests that failed are in what it told.

    ConfigError when dbt cannot begin, TransientError when it was stopped.
    """
    told = Told()
    with _process(_command(workshop, models, words, target)) as process:
        for line in process.stdout or ():
            step = _heard(line.rstrip("\n"), told)
            if step is not None:
                told.steps.append(step)
                on_step(step)
        code = process.wait()
    if code < 0:
        raise TransientError(f"dbt was stopped by signal {-code}; nothing was published: `orderlake build` goes on")
    if code >= _REFUSED:
        said = "\n".join(told.errors or told.other[-20:]) or f"exit code {code}"
        raise ConfigError(f"dbt cannot build {models.folder}: {said}\nThe log: {workshop.log}")
    return told


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for dbt: no settings of dbt or Python but ours, for the profile and the flags are ours.

    >>> sorted(environment({"HOME": "/h", "DBT_TARGET": "x", "DBT_ENV_SECRET_A": "s", "PYTHONWARNINGS": "error"}))
    ['DBT_ENV_SECRET_A', 'DO_NOT_TRACK', 'HOME', 'PYTHONIOENCODING', 'PYTHONWARNINGS']
    """
    return {
        key: value for key, value in environ.items() if not key.startswith("DBT_") or key.startswith("DBT_ENV_")
    } | _QUIET


def _command(workshop: Workshop, models: Models, words: Sequence[str], target: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "dbt.cli.main", *words),
        *("--project-dir", str(models.folder), "--profiles-dir", str(workshop.folder), "--profile", PROFILE),
        *("--target-path", str(target), "--log-path", str(workshop.log.parent)),
        *("--vars", json.dumps(dict(models.variables))),
        *("--log-format", "json", "--log-format-file", "text", "--no-use-colors"),
        "--no-send-anonymous-usage-stats",
    ]


@contextmanager
def _process(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the block."""
    process = subprocess.Popen(  # noqa: S603 - our own words
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=environment(os.environ),
    )
    try:
        with process:
            yield process
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _heard(line: str, told: Told) -> Step | None:
    """Understand one line: a step that is done, an error, or something else."""
    try:
        event = json.loads(line)
        info, data = event["info"], event["data"]
    except (ValueError, TypeError, KeyError):
        told.other.append(line)
        return None
    if info["level"] == "error" and info["msg"]:
        told.errors.append(str(info["msg"]))
    node = data.get("node_info")
    if not node or "index" not in data or info["name"] == "LogStartLine":
        return None
    return Step(
        str(node["resource_type"]),
        str(node["node_name"]),
        "skipped" if "Skip" in info["name"] else _STATUS.get(info["level"], "ok"),
        round(float(data.get("execution_time", 0)), 3),
        int(data["index"]),
        int(data.get("total", data.get("num_models", 0))),  # of tests dbt counts "models"
    )
