"""What the ledger leaves on disk: nothing of a claim that was given back."""

from contextlib import closing

from orderlake.ledger.sqlite import SqliteLedger


def test_a_claim_that_was_given_back_leaves_no_file(tmp_path):
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        with ledger.claim([f"{number:03d}" for number in range(300)]) as won:
            assert len(won) == len(list((tmp_path / "claims").iterdir())) == 300
        assert list((tmp_path / "claims").iterdir()) == []


def test_the_claim_file_of_the_dead_is_taken_over(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "a").touch()
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger, ledger.claim(["a"]) as won:
        assert won == {"a"}


def test_a_ledger_opened_twice_is_one(tmp_path):
    with closing(SqliteLedger(tmp_path / "ledger.db")) as one, closing(SqliteLedger(tmp_path / "ledger.db")) as two:
        assert list(one.loads()) == list(two.loads()) == []


def test_a_place_after_every_load_is_before_none_of_them(tmp_path):
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        assert list(ledger.recent(1, "9" * 40).loads) == []
