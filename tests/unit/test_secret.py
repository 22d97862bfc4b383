"""The project's key: made once, for its owner alone, and never made anew where it is missed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from orderlake.errors import ConfigError
from orderlake.secret import VARIABLE, project_key


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_it_is_made_at_first_and_stays(tmp_path: Path) -> None:
    first = project_key(tmp_path / "state", is_made=True)
    assert project_key(tmp_path / "state", is_made=True) == first
    assert len(first) == 64
    assert stat.S_IMODE((tmp_path / "state" / "pii.key").stat().st_mode) == 0o600
    assert [each.name for each in (tmp_path / "state").iterdir()] == ["pii.key"]


def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert project_key(tmp_path, is_made=True) == b"from the environment"
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"put .*pii\.key back as it was"):
        project_key(tmp_path, is_made=False)


def test_a_short_key_is_none(tmp_path: Path) -> None:
    (tmp_path / "pii.key").write_text("secret")
    with pytest.raises(ConfigError, match="at least 16 letters"):
        project_key(tmp_path, is_made=True)


def test_a_file_that_is_no_text_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "pii.key").write_bytes(b"\xff" * 40)
    with pytest.raises(ConfigError, match="cannot be read"):
        project_key(tmp_path, is_made=True)
