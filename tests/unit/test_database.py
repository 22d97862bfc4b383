"""The SQLite file: errors are ours, and a transaction that failed leaves the connection usable."""

import sqlite3
import threading
from contextlib import closing

import pytest

from orderlake.database import Database
from orderlake.errors import CatalogUnavailableError, ConfigError

SCHEMA = "CREATE TABLE IF NOT EXISTS t (x TEXT)"


def rows(database):
    return database.rows("SELECT x FROM t ORDER BY x")


def test_a_transaction_is_kept_whole(tmp_path):
    with closing(Database(tmp_path / "deep" / "d.db", SCHEMA)) as database:
        with database.writing() as connection:
            connection.execute("INSERT INTO t VALUES ('a')")
        with pytest.raises(CatalogUnavailableError), database.writing() as connection:
            connection.executemany("INSERT INTO t VALUES (json(?))", [("1",), ("no json",)])
        assert rows(database) == [("a",)]


def test_who_opens_a_file_that_another_is_just_making_waits_for_it(tmp_path, monkeypatch):
    opened, refused = [], threading.Event()
    set_up = Database._is_set_up

    def noted(database, schema):
        done = set_up(database, schema)
        if not done:
            refused.set()
        return done

    monkeypatch.setattr(Database, "_is_set_up", noted)
    with closing(sqlite3.connect(tmp_path / "d.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        thread = threading.Thread(target=lambda: opened.append(Database(tmp_path / "d.db", SCHEMA)))
        connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda path, **words: connect(path, **{**words, "factory": Hasty}))
        thread.start()
        assert refused.wait(30)
        other.execute("COMMIT")
        thread.join(30)
    with closing(opened[0]) as database:
        assert rows(database) == []


class Hasty(sqlite3.Connection):
    """A connection that does not wait for a lock, as SQLite does not while a file is being made."""

    def execute(self, sql, *parameters):
        return super().execute("PRAGMA busy_timeout = 0" if "busy_timeout" in sql else sql, *parameters)


def test_a_file_that_is_never_let_go_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite3, "connect", lambda path, connect=sqlite3.connect, **words: connect(path, factory=Hasty))
    monkeypatch.setattr("orderlake.database._WAIT_SECONDS", 0.05)
    with closing(sqlite3.connect(tmp_path / "d.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CatalogUnavailableError, match=r"d\.db: others have it locked"):
            Database(tmp_path / "d.db", SCHEMA)


def test_a_file_that_may_not_be_written_is_a_matter_of_rights_and_not_of_trying_again(tmp_path, monkeypatch):
    Database(tmp_path / "d.db", SCHEMA).close()
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **words: connect(f"file:{path}?mode=ro", uri=True, **words))
    with (
        closing(Database(tmp_path / "d.db", SCHEMA)) as database,
        pytest.raises(ConfigError, match="an account that may write in"),
        database.writing() as connection,
    ):
        connection.execute("INSERT INTO t VALUES ('a')")


def test_a_transaction_of_one_thread_is_not_seen_by_another_before_it_is_committed(tmp_path):
    with closing(Database(tmp_path / "d.db", SCHEMA)) as database:
        seen, reading = [], threading.Event()

        def look():
            reading.set()
            seen.extend(rows(database))

        with database.writing() as connection:
            connection.execute("INSERT INTO t VALUES ('a')")
            other = threading.Thread(target=look)
            other.start()
            assert reading.wait(30)
            other.join(0.05)  # without turns it has looked by now, into the open transaction
            connection.execute("DELETE FROM t")
        other.join()
        assert seen == []


def test_the_stamp_changes_with_a_change_by_us_or_by_others_and_not_by_reading(tmp_path):
    with closing(Database(tmp_path / "d.db", SCHEMA)) as one, closing(Database(tmp_path / "d.db", SCHEMA)) as two:
        stamps = [one.stamp()]
        for writer in (one, two, two):
            with writer.writing() as connection:
                connection.execute("INSERT INTO t VALUES ('a')")
            rows(one)
            stamps.append(one.stamp())
            assert one.stamp() == stamps[-1]
        assert len(set(stamps)) == 4


def test_a_full_disk_is_an_error_of_ours_and_the_next_transaction_works(tmp_path):
    with closing(Database(tmp_path / "d.db", SCHEMA)) as database:
        pages = int(str(database.rows("PRAGMA page_count")[0][0]))
        database.rows(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(CatalogUnavailableError, match="full"), database.writing() as connection:
            connection.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 100)
        database.rows("PRAGMA max_page_count = 100000")
        with database.writing() as connection:
            connection.execute("INSERT INTO t VALUES ('a')")
        assert rows(database) == [("a",)]


def test_a_commit_that_fails_is_rolled_back(tmp_path):
    """Deferred constraints fail at COMMIT, as a disk may."""
    schema = (
        "CREATE TABLE p (id INTEGER PRIMARY KEY); "
        "CREATE TABLE t (x INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    with closing(Database(tmp_path / "d.db", schema)) as database:
        database.rows("PRAGMA foreign_keys = ON")
        with pytest.raises(CatalogUnavailableError), database.writing() as connection:
            connection.execute("INSERT INTO t VALUES (1)")
        with database.writing() as connection:
            connection.execute("INSERT INTO p VALUES (1)")
            connection.execute("INSERT INTO t VALUES (1)")
        assert rows(database) == [(1,)]


@pytest.mark.parametrize("in_the_way", ["a folder", "no database"])
def test_a_file_that_cannot_be_opened_is_an_error_of_ours(tmp_path, in_the_way):
    path = tmp_path / "d.db"
    if in_the_way == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"neither a database nor anything like one, but long enough " * 50)
    with pytest.raises(CatalogUnavailableError, match=r"d\.db"):
        Database(path, SCHEMA)


def test_an_unknown_statement_is_an_error_of_ours(tmp_path):
    with closing(Database(tmp_path / "d.db", SCHEMA)) as database:
        with pytest.raises(CatalogUnavailableError) as caught:
            database.rows("SELEKT")
        assert isinstance(caught.value.__cause__, sqlite3.Error)
