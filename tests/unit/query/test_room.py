"""Memory for questions: more than a load has where there is plenty, and what was asked for where that was said."""

import os

import pytest

from orderlake import Lake
from orderlake.config import DEFAULT_MEMORY_MB
from orderlake.query.room import room_mb

GIB = 2**30


@pytest.mark.parametrize(
    ("machine", "limit", "most"),
    [
        (64 * GIB, "max", 2048), (6 * GIB, "max", 1536), (64 * GIB, str(2 * GIB), 512), (64 * GIB, str(GIB // 4), 192),
        (GIB // 2, "max", 192),
    ],
)  # fmt: skip
def test_questions_may_take_a_quarter_of_the_machine_or_the_container(tmp_path, monkeypatch, machine, limit, most):
    (tmp_path / "memory.max").write_text(limit)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": machine // 4096, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert room_mb(192, tmp_path / "memory.max") == most


def test_a_machine_that_does_not_tell_gives_what_loads_have(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sysconf")
    assert room_mb(192, tmp_path / "nothing") == 192


@pytest.mark.parametrize(("settings", "most"), [("", 1024), ("memory_mb: 300\n", 300)])
def test_a_console_asks_with_room_unless_the_project_says_how_much(tmp_path, monkeypatch, settings, most):
    monkeypatch.setattr("orderlake.querying.room_mb", lambda least: 1024 if least == DEFAULT_MEMORY_MB else 0)
    Lake.init(tmp_path, ["orders"]).close()
    with (tmp_path / "orderlake.yaml").open("a") as file:
        file.write(settings)
    with Lake(tmp_path) as lake, lake.session(confined=True) as session:
        ((limit,),) = session.engine.cursor().execute("SELECT current_setting('memory_limit')").fetchall()
    assert float(limit.split()[0]) == pytest.approx(most * 1e6 / 2**20, rel=0.01)
