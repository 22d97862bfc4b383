"""Ctrl-C: no bug of ours, whoever hears of it first."""

import pytest

from orderlake.lake import Lake


@pytest.mark.parametrize("heard", [KeyboardInterrupt(), RuntimeError("Query interrupted")], ids=["us", "the engine"])
def test_a_question_that_is_interrupted_says_so_and_no_more(cli, loaded, monkeypatch, heard):
    def stopped(*_, **__):
        raise heard

    for name in ("query", "session", "saved_query"):
        monkeypatch.setattr(Lake, name, stopped)
    answer = cli("query", "SELECT 1")
    assert answer.code == 130
    assert answer.err.startswith("orderlake: interrupted; ")
    assert len(answer.err.splitlines()) == 1
