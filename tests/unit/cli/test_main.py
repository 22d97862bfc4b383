"""The command line as a whole: verbs, help, errors, exit codes."""

import io
import json
import shlex
import sys

import pytest

import orderlake
from orderlake.cli import main as entry
from orderlake.cli.main import VERBS, parser_of
from orderlake.errors import CommitConflictError, LakeError
from orderlake.lake import Lake


def test_without_a_verb_the_help_names_every_verb(cli):
    answer = cli()
    assert answer.code == 0
    for verb, summary in VERBS.items():
        assert f"{verb:<11} {summary}" in answer.out


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_ends_with_an_example_of_it(cli, verb):
    answer = cli(verb, "--help")
    assert answer.code == 0
    example = answer.out.split("\nexample:\n")[1].splitlines()
    assert all(line.startswith("  ") for line in example)
    assert f"orderlake {verb}" in example[0]


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_of_a_verb_are_understood(verb):
    parser, module = parser_of(verb)
    for line in module.EXAMPLE.strip().splitlines():
        words = shlex.split(line, comments=True)
        start = words.index("orderlake")
        end = next((at for at, word in enumerate(words) if at > start and word in {"|", ">", ">>"}), len(words))
        assert words[start + 1] == verb
        parser.parse_intermixed_args(words[start + 2 : end])


@pytest.mark.parametrize("verb", VERBS)
def test_every_argument_of_a_verb_is_explained(verb):
    parser, _ = parser_of(verb)
    assert [action.dest for action in parser._actions if not action.help] == []


def test_the_version_is_told(cli):
    answer = cli("--version")
    assert (answer.code, answer.out) == (0, f"orderlake {orderlake.__version__}\n")


def test_an_unknown_verb_is_answered_with_the_nearest_one(cli):
    answer = cli("qeury", "SELECT 1")
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err == "orderlake: there is no verb 'qeury': did you mean `orderlake query`?\n"


def test_a_verb_like_no_other_is_answered_with_where_they_are_listed(cli):
    assert "`orderlake --help` lists the verbs" in cli("zzz").err


@pytest.mark.parametrize("words", [["--json"], ["run", "--bogus"], ["loads", "--limit", "many"], ["init"], ["--bogus"]])
def test_a_command_that_cannot_be_understood_exits_with_2(cli, words):
    answer = cli(*words)
    assert answer.code == 2
    assert answer.err


def test_options_mean_the_same_before_and_after_the_verb(cli, loaded, monkeypatch):
    monkeypatch.chdir("/")
    before = cli("--project", str(loaded), "--json", "tables")
    after = cli("tables", "--json", f"--project={loaded}")
    assert before.code == after.code == 0
    assert before.json == after.json


def test_the_nearest_project_upward_is_used(cli, loaded, monkeypatch):
    monkeypatch.chdir(loaded / "raw")
    assert cli("query", "SELECT count(*) FROM orders", "--format", "csv").lines[1] == "2"


def test_without_a_project_the_message_says_how_to_make_one(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = cli("run")
    assert answer.code == 66
    assert answer.err.startswith("orderlake: no orderlake.yaml in ")
    assert "orderlake init" in answer.err


def test_with_json_an_error_is_an_object_on_stderr(cli, tmp_path):
    answer = cli("loads", "--json", "--project", str(tmp_path))
    assert (answer.code, answer.out) == (66, "")
    error = json.loads(answer.err)
    assert error["error"] == "NotFoundError"
    assert "orderlake init" in error["message"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(LakeError("odd"), 70), (CommitConflictError("busy"), 75), (PermissionError(13, "Permission denied", "/x"), 70)],
    ids=repr,
)
def test_an_expected_error_is_one_line_without_a_traceback(cli, loaded, monkeypatch, error, code):
    monkeypatch.setattr(Lake, "loads", lambda self: throw(error))
    answer = cli("loads")
    assert answer.code == code
    assert answer.err.startswith("orderlake: ")
    assert "Traceback" not in answer.err


def test_a_bug_is_shown_whole(cli, loaded, monkeypatch):
    monkeypatch.setattr(Lake, "loads", lambda self: throw(ZeroDivisionError("oh")))
    answer = cli("loads")
    assert answer.code == 70
    assert "Traceback" in answer.err
    assert answer.err.splitlines()[-1] == "orderlake: this is a bug in orderlake: ZeroDivisionError: oh"


def test_an_interrupt_exits_with_130(cli, loaded, monkeypatch):
    monkeypatch.setattr(Lake, "run", lambda *_, **__: throw(KeyboardInterrupt()))
    answer = cli("run")
    assert answer.code == 130
    assert answer.err.startswith("orderlake: interrupted")
    assert "Traceback" not in answer.err


def test_a_reader_who_leaves_is_no_error(loaded, monkeypatch, capsys):
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    assert entry(["tables"]) == 0
    assert capsys.readouterr().err == ""


def throw(error: BaseException) -> None:
    raise error
