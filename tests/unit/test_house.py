"""The house rules that no linter holds: sizes, names, and what must never be in the tree."""

import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "orderlake"
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
ENVIRONMENTS = {"aws", "bench", "console", "dbt", "dev", "spark", "runtime"}
TOOLS = {"rie", "tools"}
"""Locks of what runs beside orderlake, without it."""

LONGEST_MODULE = 400
DRAWERS = {"utils", "util", "helpers", "helper", "common", "core", "misc"}

# Each pattern is written so that it does not match its own line.
FORBIDDEN = {
    "a package registry's host": re.compile(r"py[p]i\.org|python[h]osted\.org|registry\.npm[j]s\.org"),
    "a folder of one machine": re.compile(r"(?<![\w.)}:/-])/(?:wor[k]|roo[t])/"),
    "a package folder of one machine": re.compile(r"/opt/(?:wheel[s]|pyp[i])|/tmp/(?:bash_job[s]|ven[v])"),
    "a file address of one machine": re.compile(r"file:///(?:roo[t]|wor[k]|op[t])\b"),
    "a merge left half done": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}
REQUIREMENT = re.compile(r"^[a-z0-9][a-z0-9._-]*(?:\[[a-z0-9, -]+\])?==\S+(?: ; .+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def kept_files() -> list[Path]:
    """Every file that is or could be committed, by git's account; all but hidden folders where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not any(p[0] == "." for p in path.relative_to(ROOT).parts[:-1])]
    else:
        found = [ROOT / name for name in listed.split("\0") if name]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def text_of(path: Path) -> str | None:
    """Give a text file's content; None when it is binary."""
    raw = path.read_bytes()
    return None if b"\0" in raw else raw.decode("utf-8", errors="replace")


def blocks(lock: Path) -> list[list[str]]:
    """Cut a lock into its requirements, each with the lines that belong to it; comments are left out."""
    lines = [line for line in lock.read_text("utf-8").splitlines() if line and not line.lstrip().startswith("#")]
    starts = [number for number, line in enumerate(lines) if not line.startswith(" ")] + [len(lines)]
    return [lines[start:end] for start, end in pairwise(starts)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("module", modules(), ids=name_of)
def test_a_module_can_be_read_in_one_sitting(module):
    assert len(module.read_text("utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("module", modules(), ids=name_of)
def test_a_module_is_named_for_what_it_does(module):
    parts = {part.lstrip("_") for part in module.relative_to(SOURCE).with_suffix("").parts}
    assert not parts & DRAWERS


def test_every_folder_of_code_is_a_package():
    """Without its __init__ a folder is invisible to the layers' lint."""
    folders = {module.parent for module in modules()}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what):
    found = {name_of(path): FORBIDDEN[what].findall(text_of(path) or "") for path in kept_files()}
    assert {name: matches for name, matches in found.items() if matches} == {}


def test_there_is_a_lock_for_each_environment():
    assert {lock.stem for lock in LOCKS} == ENVIRONMENTS | TOOLS


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_pins_every_requirement_with_hashes(lock):
    assert blocks(lock)
    for requirement, *hashes in blocks(lock):
        assert REQUIREMENT.match(requirement)
        assert hashes
        assert [line for line in hashes if not HASH.match(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_holds_no_address(lock):
    text = lock.read_text("utf-8")
    assert re.findall(r"\S*://\S*|^-.*|\S+ @ .*", text, re.MULTILINE) == []


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.stem in ENVIRONMENTS], ids=name_of)
def test_a_lock_holds_what_the_runtime_needs_and_the_build_backend(lock):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    locked = {requirement.split("==")[0] for requirement, *_ in blocks(lock)}
    assert {re.split(r"[^a-z0-9-]", name)[0] for name in wanted} <= locked


def test_the_locks_agree_on_the_runtime():
    pins = {lock.stem: {requirement for requirement, *_ in blocks(lock)} for lock in LOCKS}
    assert all(pins["runtime"] <= pins[environment] for environment in ENVIRONMENTS)


def test_the_build_backend_is_asked_for_in_one_voice():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]
