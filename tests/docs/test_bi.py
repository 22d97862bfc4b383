"""Recipes for BI tools: the commands run, the policy is JSON, and the settings that lineage shows are accepted."""

import json
import re
import shlex

import yaml

from orderlake.cli import main
from orderlake.config import load_project
from tests.docs.test_documentation import ROOT, _blocks
from tests.reference import NOON, new_lake, order, written

BI = (ROOT / "docs" / "bi.md").read_text(encoding="utf-8")
LINEAGE = (ROOT / "docs" / "lineage.md").read_text(encoding="utf-8")


def test_every_export_that_is_shown_works(tmp_path, monkeypatch, capsys):
    with new_lake(tmp_path) as lake:
        written(lake, lake.project.raw / "orders_1.json", [order(1, "A", customer={"customer_id": 1})], NOON)
        lake.run()
    monkeypatch.chdir(tmp_path)
    commands = [line.split("  #")[0] for block in _blocks(BI, "sh") for line in block.splitlines()]
    assert len(commands) == 5
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0, capsys.readouterr().err


def test_options_that_are_named_exist(capsys):
    assert main(["export", "--help"]) == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    shown = {
        word
        for line in BI.splitlines()
        for found in re.findall(r"orderlake export[^`\n]*", line)
        for word in re.findall(r"--[a-z-]+", found)
    }
    assert shown - {"--env"} <= known


def test_the_policy_is_one():
    (block,) = _blocks(BI, "json")
    policy = json.loads(block)
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Allow"}
    assert not [action for statement in policy["Statement"] for action in statement["Action"] if "*" in action]


def test_the_settings_of_lineage_are_accepted(tmp_path):
    (block,) = _blocks(LINEAGE, "")
    assert set(yaml.safe_load(block)) == {"lineage"}
    new_lake(tmp_path).close()
    file = tmp_path / "orderlake.yaml"
    file.write_text(file.read_text() + block)
    assert load_project(tmp_path).lineage == {"url": "http://localhost:5000"}
