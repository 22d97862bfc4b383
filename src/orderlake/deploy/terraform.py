"""Terraform, run for one project: our module, the project's state, what terraform says as lines, its errors as ours.

    terraform = Terraform(project.state / "terraform", {"name": "shop", "region": "eu-central-1", "package": "…zip"})
    terraform.init()
    terraform.plan()            # True when something would change; `show()` is the plan as data
    terraform.apply()           # what was planned
    terraform.outputs()         # by the names of AwsSettings, and more

All of it lives in that one folder: a copy of the module, the variables, the plan, and `terraform.tfstate`, which is all
that is known about what was made, so keep it; a `backend.tf` of your own in that folder keeps it elsewhere, in a bucket
say. With AWS_ENDPOINT_URL set, it is an emulator that is deployed to.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from orderlake.errors import ConfigError, NotFoundError, TransientError

Told = Callable[[str], None]

_INSTALL: Final = "install Terraform 1.9 or newer (HashiCorp has packages of it, so have brew, choco and asdf)"
_MIRROR_ROOTS: Final = ("~/.terraform.d/plugins", "/usr/local/share", "/usr/share", "/opt")
_PROVIDER: Final = "hashicorp/aws"
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_STATE: Final = "terraform.tfstate"
_BACKEND: Final = 'terraform {\n  backend "local" {\n    path = "../terraform.tfstate"\n  }\n}\n'
_PLAN: Final = "deployment.tfplan"
_VARIABLES: Final = "variables.tfvars.json"
_VARIABLES_WORD: Final = f"-var-file=../{_VARIABLES}"
_CLI_CONFIG: Final = "terraform.rc"
_AT_ONCE: Final = 30
_KEPT_LINES: Final = 400
_CHANGES: Final = 2
_PASSING: Final = (
    "throttl",
    "rate exceeded",
    "i/o timeout",
    "handshake timeout",
    "timeout while",
    "timed out",
    "connection refused",
    "connection reset",
    "no such host",
    "state lock",
    "try again",
    "serviceunavailable",
    "internalerror",
    "internal server error",
    "exceeded maximum number of attempts",
    "could not connect",
)
"""What terraform says when it may well work the next time."""


class Terraform:
    """Terraform in one folder. Raises, with terraform's own words, ConfigError; TransientError when AWS is away."""

    def __init__(self, folder: Path, variables: Mapping[str, Any], on_line: Told = lambda _: None) -> None:
        self.folder = folder.resolve()
        self.module = self.folder / "module"
        self._variables = {"emulator": True, **variables} if "AWS_ENDPOINT_URL" in os.environ else dict(variables)
        self._tell = on_line
        self.secrets: dict[str, str] = {}
        """Variables for plans that are in no file of ours and on no command line: Terraform's environment has them."""

    def init(self) -> None:
        """Lay the module out and get its provider: from a folder of this machine where there is one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # of another's folder its owner decides
            self.folder.chmod(0o700)  # plans and the state hold what is secret
        for old in (*self.module.rglob("*.tf"), *self.module.rglob("*.sql")):  # the lock of the provider stays
            old.unlink()
        ignored = shutil.ignore_patterns("tests", ".*", "*.md")
        shutil.copytree(module_folder(), self.module, ignore=ignored, dirs_exist_ok=True)
        backend = self.folder / "backend.tf"
        text = backend.read_text(encoding="utf-8") if backend.is_file() else _BACKEND
        (self.module / "backend.tf").write_text(text, encoding="utf-8")
        mirror = provider_mirror()
        if mirror is not None:
            (self.folder / _CLI_CONFIG).write_text(cli_config(mirror), encoding="utf-8")
        # Before anything was made, the state may still move elsewhere without more ado.
        self._run("init", "-input=false", *(() if (self.folder / _STATE).is_file() else ("-reconfigure",)))

    def plan(self, *, destroy: bool = False) -> bool:
        """Work out what would change; True when something would. `apply` then does just that."""
        self._write_variables()
        words = ("-destroy",) if destroy else ()
        changed = self._run("plan", "-input=false", "-detailed-exitcode", f"-out={_PLAN}", _VARIABLES_WORD, *words)
        return changed == _CHANGES

    def show(self) -> dict[str, Any]:
        """The plan as Terraform's plan JSON."""
        return self._json("show", "-json", _PLAN)

    def apply(self) -> None:
        """Do what was planned; makes the plan first when there is none. If it fails half-way, plan and apply again."""
        plan = self.module / _PLAN
        if not plan.is_file():
            self.plan()
        try:
            self._run("apply", "-input=false", f"-parallelism={_AT_ONCE}", _PLAN)
        finally:
            plan.unlink(missing_ok=True)  # a plan is good for one time

    def destroy(self) -> None:
        """Remove all that was made. Buckets must be empty, unless `force_destroy` was true when it was last applied."""
        self._write_variables()
        self._run("destroy", "-input=false", "-auto-approve", f"-parallelism={_AT_ONCE}", _VARIABLES_WORD)

    def outputs(self) -> dict[str, Any]:
        """The outputs by name; empty before the first apply and after a destroy."""
        return {name: output["value"] for name, output in self._json("output", "-json").items()}

    def resources(self) -> list[str]:
        """The addresses of what there is, as the state has it."""
        return self._captured("state", "list").split("\n")[:-1] if (self.folder / _STATE).is_file() else []

    def _write_variables(self) -> None:
        text = json.dumps(self._variables, indent=2, default=str)
        (self.folder / _VARIABLES).write_text(text, encoding="utf-8")

    def _json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._captured(*words))
        return found

    def _captured(self, *words: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own words
            [*self._command(), *words], env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise error_of(words[0], done.stderr.splitlines())
        return done.stdout

    def _run(self, verb: str, *words: str) -> int:
        """Run terraform, hand on its lines as they come, and give its exit code when that is no failure."""
        said: deque[str] = deque(maxlen=_KEPT_LINES)
        command = [*self._command(), verb, "-no-color", *words]
        environment = self._environment()
        if verb == "plan":
            environment |= {f"TF_VAR_{name}": value for name, value in self.secrets.items()}
        with _started(command, environment) as process:
            for line in process.stdout or ():
                said.append(self._veiled(line.rstrip("\n")))
                self._tell(said[-1])
        if process.returncode not in ((0, _CHANGES) if verb == "plan" else (0,)):
            raise error_of(verb, said)
        return process.returncode

    def _veiled(self, line: str) -> str:
        """Without secrets: Terraform hides them, but AWS may quote what it refuses."""
        for value in filter(None, self.secrets.values()):
            line = line.replace(value, "(sensitive value)")
        return line

    @staticmethod
    def program() -> str:
        """Where terraform is; ConfigError says how to get it."""
        found = shutil.which("terraform")
        if found is None:
            raise ConfigError(f"there is no terraform here: {_INSTALL}")
        return found

    def _command(self) -> list[str]:
        found = self.program()
        if not self.module.is_dir():
            raise ConfigError(f"there is no Terraform module in {self.folder}: init() puts it there")
        return [found, f"-chdir={self.module}"]

    def _environment(self) -> dict[str, str]:
        ours = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_DATA_DIR": str(self.folder / "data")}
        config = self.folder / _CLI_CONFIG
        if config.is_file() and not Path(os.environ.get("TF_CLI_CONFIG_FILE", "")).is_file():
            ours["TF_CLI_CONFIG_FILE"] = str(config)
        return os.environ | ours


def module_folder() -> Path:
    """The folder of the module: in the source tree, or where the wheel put it. NotFoundError when it is in neither."""
    source = Path(__file__).resolve().parents[3] / "infra" / "terraform"
    if (source / "versions.tf").is_file():
        return source
    try:
        shipped = metadata.files("orderlake") or ()
    except metadata.PackageNotFoundError:
        shipped = ()
    for file in shipped:
        if file.name == "versions.tf" and file.parent.name == "terraform":
            return Path(str(file.locate())).resolve().parent
    raise NotFoundError("there is no Terraform module here: install orderlake from its wheel, or from a checkout")


def variable_names() -> list[str]:
    """The names of the module's variables, in its order."""
    text = (module_folder() / "variables.tf").read_text(encoding="utf-8")
    return re.findall(r'^variable "(\w+)"', text, re.MULTILINE)


def provider_mirror(environment: Mapping[str, str] | None = None, roots: Iterable[str] = _MIRROR_ROOTS) -> Path | None:
    """The folder that holds the AWS provider for this machine, unpacked or as `terraform providers mirror` makes it.

    TF_PLUGIN_DIR may name it; else it is looked for in the roots, and one folder down.
    """
    named = (os.environ if environment is None else environment).get("TF_PLUGIN_DIR")
    here = _platform()
    for root in [Path(named)] if named else [Path(each).expanduser() for each in roots]:
        for host in (*root.glob("*"), *root.glob("*/*")):
            provider = host / _PROVIDER
            if any(provider.glob(f"*/{here}")) or any(provider.glob(f"terraform-provider-*_{here}.zip")):
                return host.parent
    return None


def cli_config(mirror: Path) -> str:
    """A Terraform CLI configuration that takes the AWS provider from this folder, and all else from its registry."""
    only = f"[{json.dumps(_PROVIDER)}]"
    return (
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path    = {json.dumps(str(mirror))}\n    include = {only}\n  }}\n"
        f"  direct {{\n    exclude = {only}\n  }}\n"
        "}\n"
    )


def error_of(verb: str, said: Iterable[str]) -> ConfigError | TransientError:
    """What terraform said went wrong, as an error of ours: its own words from the first `Error:` on."""
    lines = [re.sub(r"^[│╷╵]\s?", "", line).rstrip() for line in said]
    first = next((at for at, line in enumerate(lines) if line.startswith("Error:")), max(0, len(lines) - 20))
    message = re.sub(r"\n{3,}", "\n\n", "\n".join(lines[first:]).strip())
    passing = any(sign in message.lower() for sign in _PASSING)
    return (TransientError if passing else ConfigError)(f"terraform {verb}: {message or 'it failed without a word'}")


@contextmanager
def _started(command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process with its output as lines. It ends before we do: interrupted, it has to write down what it made so far.

    It is in a session of its own, for Ctrl-C to reach it once, from here: at the second it would drop everything.
    """
    with subprocess.Popen(  # noqa: S603 - our own words
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            yield process
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise


def _platform() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"
