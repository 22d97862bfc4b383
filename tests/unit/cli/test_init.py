"""`orderlake init`: a project, and what to type next."""

import shlex

import pytest


def test_it_says_what_was_made_and_what_to_type_next(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = cli("init", "my shop", "--pipeline", "orders")
    assert answer.code == 0
    assert "Made a project in my shop:" in answer.out
    assert (tmp_path / "my shop" / "pipelines" / "orders.yaml").is_file()
    steps = [line.strip() for line in answer.out.split("Next:\n")[1].splitlines()]
    assert steps[0] == "cd 'my shop'"
    assert steps[-2:] == ["orderlake run", "orderlake query 'SELECT * FROM orders LIMIT 5'"]


def test_what_it_says_to_type_next_works(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = cli("init", ".").out.split("Next:\n")[1].splitlines()
    for step in steps:
        words = shlex.split(step.split(" # ")[0])
        assert cli(*words[1:]).code == 0, step


@pytest.mark.parametrize(
    "words", [["--pipeline", "orders", "shopify"], ["--pipeline", "orders", "--pipeline", "shopify"]]
)
def test_several_pipelines_can_be_named(cli, tmp_path, words):
    answer = cli("init", str(tmp_path), *words, "--json")
    assert answer.json["pipelines"] == ["orders", "shopify"]
    assert answer.json["made"] == ["orderlake.yaml", "pipelines/orders.yaml", "pipelines/shopify.yaml", "raw/"]


def test_a_project_that_is_there_already_is_left_alone(cli, project):
    (project / "orderlake.yaml").write_text("memory_mb: 300\n", "utf-8")
    assert cli("init", ".", "--pipeline", "orders").lines == [". is a project already: nothing to make"]
    assert (project / "orderlake.yaml").read_text("utf-8") == "memory_mb: 300\n"


def test_a_pipeline_can_be_added_to_a_project(cli, project):
    answer = cli("init", ".", "--pipeline", "shopify")
    assert answer.lines[0] == "Added to the project in .:"
    assert "pipelines/shopify.yaml" in answer.lines[1]


def test_an_unknown_pipeline_is_answered_with_those_there_are(cli, tmp_path):
    answer = cli("init", str(tmp_path / "shop"), "--pipeline", "nope")
    assert answer.code == 78
    assert "orders" in answer.err
    assert not (tmp_path / "shop").exists()


def test_a_project_is_made_whatever_lake_is_worked_on_otherwise(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERLAKE_ENV", "aws")
    assert cli("init", str(tmp_path / "shop"), "--pipeline", "orders").code == 0
