"""`orderlake generate`: files of any size, the same bytes for the same words."""

from datetime import date

import pytest


def test_it_tells_the_files_it_made_and_their_sizes(cli, tmp_path):
    answer = cli("generate", "orders", "--orders", "10", "--seed", "3", "--out", str(tmp_path / "new"))
    assert answer.code == 0
    (made,) = (tmp_path / "new").iterdir()
    assert answer.out.startswith(f"{made}  ")


def test_json_gives_paths_and_bytes(cli, tmp_path):
    files = cli("generate", "olist", "--orders", "5", "--out", str(tmp_path), "--json").json
    assert len(files) == 9
    assert all((tmp_path / file["path"]).stat().st_size == file["bytes"] for file in files)


def test_the_same_words_give_the_same_bytes(cli, tmp_path):
    words = ["generate", "shopify", "--orders", "5", "--format", "ndjson", "--start", "2025-06-01", "--days", "3"]
    for folder in ("a", "b"):
        assert cli(*words, "--out", str(tmp_path / folder)).code == 0
    (first,), (second,) = ((tmp_path / folder).iterdir() for folder in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert date(2025, 6, 1).isoformat() in first.read_text("utf-8")


def test_what_is_generated_loads(cli, project):
    assert cli("generate", "orders", "--orders", "20", "--out", "raw").code == 0
    (report,) = cli("run", "--json").json
    assert (report["status"], report["read"]) == ("loaded", 20)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nothing"], 2),
        (["orders", "--start", "someday"], 2),
        (["orders", "--format", "csv"], 78),
        (["orders", "--orders", "-1"], 78),
    ],
)
def test_what_cannot_be_generated_is_refused(cli, tmp_path, words, code):
    answer = cli("generate", *words, "--out", str(tmp_path / "new"))
    assert answer.code == code
    assert answer.err.startswith("orderlake: ")
    assert not (tmp_path / "new").exists()
