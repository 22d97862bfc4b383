"""`orderlake rollback`: the tables as if a load had never come, whatever came after it; and back again."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest

from orderlake.cli import main
from orderlake.errors import ConfigError, NotFoundError
from orderlake.rollback import Wish
from orderlake.rollback.which import loaded
from tests.property.histories import KEYLESS
from tests.reference import NOON, SECOND, expected, found, new_lake, order, put, visible_parquet, written

pytestmark = pytest.mark.e2e


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path / "shop") as opened:
        yield opened


def load(lake, *files):
    """Load these files together; the id of their load."""
    return lake.run([lake.project.root / file.uri for file in files])[0].load_id


def event(lake, uri):
    """The last event of a file."""
    return [load for load in lake.loads() if load.source == uri][-1]


@pytest.fixture
def three(lake):
    """A file, one that corrects part of it and adds to it, and one that corrects part of that."""
    raw = lake.project.raw
    files = [
        written(lake, raw / "orders_1.json", [order(1, "A", "B"), order(2, "C"), order(3, "D")], NOON),
        written(lake, raw / "orders_2.json", [order(2, "X"), order(3, "D"), order(4, "Y")], NOON + SECOND),
        written(lake, raw / "orders_3.json", [order(4, "Z"), order(5)], NOON + 2 * SECOND),
    ]
    return files, [load(lake, file) for file in files]


def call(capsys, lake, *words):
    capsys.readouterr()
    code = main(["--project", str(lake.project.root), *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_each_load_rolls_back_to_tables_that_never_had_it_and_comes_back(lake, three):
    files, loads = three
    for gone, load_id in zip(files, loads, strict=True):
        done = lake.rollback(load_id)
        rest = [file for file in files if file is not gone]
        assert found(lake) == expected(rest)
        assert (done.is_done, done.loads, done.sources) == (True, (load_id,), (gone.uri,))
        assert lake.verify().findings == ()
        (again,) = lake.restore(load_id)
        assert (again.status, again.nth % 2) == ("loaded", 0)
        assert found(lake) == expected(files)
        assert lake.verify().findings == ()


def test_what_was_loaded_again_is_rolled_back_by_any_of_its_ids(lake, three):
    files, loads = three
    undoing = lake.rollback(loads[1]).rollback
    with pytest.raises(NotFoundError, match="is a rollback itself"):
        lake.rollback(undoing)
    (again,) = lake.restore(undoing)
    for load_id in (loads[1], again.load_id):
        lake.rollback(load_id)
        assert found(lake) == expected([files[0], files[2]])
        lake.restore(load_id)
    assert found(lake) == expected(files)
    assert lake.verify().findings == ()


def test_all_of_them_in_any_order_leave_nothing(lake, three):
    files, loads = three
    for load_id, left in ((loads[1], [files[0], files[2]]), (loads[0], [files[2]]), (loads[2], [])):
        lake.rollback(load_id)
        assert found(lake) == expected(left)
        assert lake.verify().findings == ()
    assert visible_parquet(lake) == []
    with pytest.raises(NotFoundError, match="rolled back already"):
        lake.rollback(loads[0])


def test_what_was_rolled_back_is_told_by_every_run_and_loaded_by_none(capsys, lake, three):
    files, loads = three
    lake.rollback(loads[1])
    reports = {report.source: report for report in lake.run()}
    assert {report.status for report in reports.values()} == {"unchanged"}
    assert "rolled back" in reports[files[1].uri].reason
    code, out, _ = call(capsys, lake, "run", str(lake.project.root / files[1].uri))
    assert (code, "unchanged" in out, "rolled back" in out) == (0, True, True)
    code, out, _ = call(capsys, lake, "loads", "--status", "rolled_back")
    assert (code, out.count("rolled_back"), files[1].uri in out) == (0, 1, True)
    assert found(lake) == expected([files[0], files[2]])


def test_a_new_version_of_a_file_that_was_rolled_back_loads_as_ever(lake, three):
    files, loads = three
    lake.rollback(loads[1])
    corrected = written(lake, lake.project.root / files[1].uri, [order(2, "W")], NOON + 9 * SECOND)
    (report,) = [report for report in lake.run() if report.status != "unchanged"]
    assert (report.status, report.loaded) == ("loaded", 1)
    assert found(lake) == expected([files[0], files[2], corrected])
    with pytest.raises(NotFoundError, match="changed since"):
        lake.restore(loads[1])


def test_one_file_of_a_load_goes_alone(lake, three):
    files, _ = three
    pair = [
        written(lake, lake.project.raw / f"orders_{name}.json", [order(number, name)], NOON + 5 * SECOND)
        for name, number in (("x", 1), ("y", 2))
    ]
    load_id = load(lake, *pair)
    (by_name,) = lake.rollback(Wish(load_id, sources=[pair[0].uri.rsplit("/", 1)[-1]], dry_run=True)).sources
    assert by_name == pair[0].uri
    done = lake.rollback(Wish(load_id[:8], sources=[lake.project.root / pair[0].uri]))
    assert done.sources == (pair[0].uri,)
    assert found(lake) == expected([*files, pair[1]])
    with pytest.raises(NotFoundError, match=r"orders_9\.json: not in load"):
        lake.rollback(Wish(load_id, sources=["raw/orders_9.json"]))
    lake.rollback(load_id)
    assert found(lake) == expected(files)


def test_files_that_cannot_be_read_again_stop_it_and_are_named_with_what_helps(lake, three, tmp_path):
    files, loads = three
    before, heads = found(lake), lake._backends.catalog.tables()
    original = lake.project.root / files[0].uri
    backup = tmp_path / "backup" / "orders_1.json"
    backup.parent.mkdir()
    shutil.copy2(original, backup)
    put(original, [order(77)], NOON + 50 * SECOND)
    with pytest.raises(NotFoundError, match=r"nothing was done.*raw/orders_1\.json .*--from DIR.*--without FILE"):
        lake.rollback(loads[1])
    assert (found(lake), lake._backends.catalog.tables()) == (before, heads)

    lake.rollback(Wish(loads[1], kept=[backup.parent]))
    assert found(lake) == expected([files[0], files[2]])
    assert lake.verify().findings == ()


def test_a_loss_that_is_accepted_is_named(capsys, lake, three):
    files, loads = three
    (lake.project.root / files[0].uri).unlink()
    code, out, _ = call(capsys, lake, "rollback", loads[1], "--without", "raw/orders_1.json", "--yes")
    assert (code, "without raw/orders_1.json" in out) == (0, True)
    # Order 3 is the first file's still: the second was equal to it.
    standing = {row[0] for row in lake.query("SELECT order_id FROM orders").rows}
    assert standing == {1, 4, 5}
    assert lake.verify().findings == ()


def test_a_load_that_met_nothing_needs_no_file(lake, three):
    files, _ = three
    alone = written(lake, lake.project.raw / "orders_9.json", [order(99, "A")], NOON + 9 * SECOND)
    load_id = load(lake, alone)
    for file in (*files[:2], alone):
        (lake.project.root / file.uri).unlink()
    done = lake.rollback(load_id)
    assert done.restored == {}
    assert found(lake) == expected(files)


def test_a_file_that_reads_otherwise_than_it_did_is_not_taken_for_what_it_was(lake, three):
    _, loads = three
    pipeline = lake.project.pipelines / "orders.yaml"
    told = pipeline.read_text("utf-8").replace("email: string from", "email: string required from")
    told = told.replace("    person:", "    # person:")  # what may be forgotten cannot be required
    pipeline.write_text(told, "utf-8")
    with new_lake(lake.project.root) as changed, pytest.raises(NotFoundError, match=r"is refused now.*at record 1"):
        changed.rollback(loads[1])


def test_records_set_aside_by_a_load_that_is_rolled_back_are_closed(lake, three):
    bad = lake.project.raw / "orders_bad.json"
    put(bad, [{**order(1), "order_date": "never"}, order(50)], NOON + 7 * SECOND)
    load_id = lake.run([bad])[0].load_id
    assert [record["status"] for record in lake.quarantine()] == ["open"]
    done = lake.rollback(load_id)
    assert (done.removed, done.set_aside) == (1, 1)
    assert [record["status"] for record in lake.quarantine()] == ["replaced"]
    assert lake.verify().findings == ()
    lake.restore(load_id)
    assert [record["status"] for record in lake.quarantine()] == ["open"]
    assert lake.verify().findings == ()


def test_rolling_back_a_mended_record_opens_it_again(lake):
    bad = lake.project.raw / "orders_bad.json"
    put(bad, [{**order(1), "order_date": "never"}], NOON)
    lake.run()
    mended = lake.fix("raw/orders_bad.json", 1, json.dumps(order(1, "A")))
    assert [record["status"] for record in lake.quarantine()] == ["fixed"]
    lake.rollback(mended.load_id)
    assert [record["status"] for record in lake.quarantine()] == ["open"]
    assert lake.query("SELECT count(*) FROM orders").rows == ((0,),)
    again = lake.fix("raw/orders_bad.json", 1, json.dumps(order(1, "A")))
    assert (again.outcome, again.is_new) == ("loaded", True)
    assert lake.verify().findings == ()


def test_a_rolled_back_correction_leaves_the_records_of_its_file_as_they_were(lake, tmp_path):
    """The older version of the file is open again in quarantine: nothing has replaced it."""
    path, kept = lake.project.raw / "orders_bad.json", tmp_path / "kept" / "orders_bad.json"
    put(path, [{**order(1), "order_date": "never"}, order(2, "A")], NOON)
    lake.run()
    kept.parent.mkdir()
    shutil.copy2(path, kept)
    put(path, [order(1), order(2, "B")], NOON + SECOND)
    lake.run()
    assert [record["status"] for record in lake.quarantine()] == ["replaced"]
    lake.rollback(Wish("last", kept=[kept]))
    assert [record["status"] for record in lake.quarantine()] == ["open"]
    assert lake.query("SELECT order_id, product_id FROM order_lines").rows == ((2, "A"),)
    assert lake.verify().findings == ()


def test_a_dry_run_says_what_would_be_done_and_does_nothing(capsys, lake, three):
    files, loads = three
    heads, history = lake._backends.catalog.tables(), lake.loads()
    code, out, _ = call(capsys, lake, "rollback", loads[1][:10], "--dry-run", "--json")
    plan = json.loads(out)
    assert (code, plan["is_done"], plan["removed"]) == (0, False, 2)
    assert plan["restored"] == {files[0].uri: 2}
    code, out, _ = call(capsys, lake, "rollback", "last", "--dry-run")
    assert (code, "would" in out) == (0, True)
    assert (lake._backends.catalog.tables(), lake.loads()) == (heads, history)


def test_it_asks_before_it_does_anything(capsys, lake, three):
    code, _, err = call(capsys, lake, "rollback", "last")
    assert (code, "--yes" in err) == (78, True)
    assert found(lake) == expected(three[0])


def test_the_words_of_the_command(capsys, lake, three):
    _, loads = three
    code, out, _ = call(capsys, lake, "rollback", loads[1], "--yes")
    assert code == 0
    assert f"rolled back  load {loads[1]}: raw/orders_2.json" in out
    assert "2 records of raw/orders_1.json put back" in out
    code, out, _ = call(capsys, lake, "rollback", loads[1][:12], "--undo", "--json")
    assert (code, json.loads(out)[0]["status"]) == (0, "loaded")
    code, _, err = call(capsys, lake, "rollback", "0123456789")
    assert (code, "there is no load 0123456789" in err) == (66, True)
    code, _, err = call(capsys, lake, "rollback", loads[1], "--undo")
    assert (code, "nothing of load" in err) == (66, True)


def test_an_id_that_may_be_several_is_asked_for_whole(lake, three):
    history = [replace(report, load_id=f"5f{at}") for at, report in enumerate(lake.loads())]
    with pytest.raises(ConfigError, match="5f may be any of 5f0, 5f1, 5f2: write more of the id"):
        loaded(lake.project, history, Wish("5f"))


def test_a_rejected_load_has_nothing_to_roll_back(lake):
    (lake.project.raw / "orders_bad.json").write_bytes(b"\x1f\x8b\x08 no gzip")
    (report,) = lake.run()
    assert report.status == "rejected"
    with pytest.raises(NotFoundError, match="rejected"):
        lake.rollback(report.load_id)
    with pytest.raises(NotFoundError, match="nothing is loaded"):
        lake.rollback("last")


def test_a_twin_stands_for_what_was_rolled_back(lake, three):
    """The records of an equal file, duplicates till then, are the ones in the tables now."""
    files, loads = three
    twin = written(lake, lake.project.raw / "orders_twin.json", files[1].records, NOON + SECOND)
    load(lake, twin)
    lake.rollback(loads[1])
    assert found(lake) == expected([files[0], files[2], twin])
    assert {row[0] for row in lake.query("SELECT _source_file FROM orders WHERE order_id = 2").rows} == {twin.uri}
    assert lake.verify().findings == ()


def test_rolling_back_the_newest_of_equal_versions_lets_a_version_between_them_win(lake):
    raw = lake.project.raw
    first = written(lake, raw / "orders_a.json", [order(1, "A")], NOON)
    load(lake, first)
    last = written(lake, raw / "orders_c.json", [order(1, "A")], NOON + 2 * SECOND)
    load_id = load(lake, last)
    between = written(lake, raw / "orders_b.json", [order(1, "B")], NOON + SECOND)
    load(lake, between)
    assert found(lake) == expected([first, last, between])
    lake.rollback(load_id)
    assert found(lake) == expected([first, between])
    assert lake.verify().findings == ()
    lake.rollback(event(lake, between.uri).load_id)
    assert found(lake) == expected([first])
    assert lake.verify().findings == ()


def test_a_file_that_a_rollback_removed_is_there_again_after_a_lost_ledger(lake, three):
    """Finishing old commits anew must not remove what a later one has put there."""
    files, loads = three
    lake.rollback(loads[1])
    lake.restore(loads[1])
    shown = visible_parquet(lake)
    lake.close()
    for file in (lake.project.root / ".orderlake").glob("ledger.db*"):
        os.unlink(file)  # noqa: PTH108 - beside the others
    with new_lake(lake.project.root) as again:
        again.run()
        assert visible_parquet(again) == shown
        assert found(again) == expected(files)
        assert event(again, files[1].uri).nth == 2


def test_content_that_stands_for_another_file_leaves_with_its_own_version_though_a_newer_one_came(tmp_path):
    """Without a key equal content stands once: here that of the first version of a.csv, for b.csv too."""

    def put_rows(lake, name, tick, *rows):
        path = lake.project.raw / name
        path.write_text("\n".join(["product,stars", *rows, ""]), "utf-8")
        os.utime(path, ns=(NOON + tick * SECOND, NOON + tick * SECOND))
        return path

    with new_lake(tmp_path / "shop", lambda _: KEYLESS) as lake:
        (first,) = lake.run([put_rows(lake, "a.csv", 2, "A,2")])
        put_rows(lake, "a.csv", 3)
        put_rows(lake, "b.csv", 1, "A,2")
        lake.run()
        lake.rollback(first.load_id)
        for table in ("ratings", "ratings_plain"):
            assert lake.query(f"SELECT product, stars FROM {table}").rows == (("A", 2),)
        assert lake.query("SELECT _source_file FROM ratings").rows == (("raw/b.csv",),)
        assert lake.verify().ok
