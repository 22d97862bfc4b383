"""Many records are mended in one go: in few commits, each for itself, and twice is once."""

import json

import pytest

from orderlake import Lake
from orderlake.mending import Which
from tests.reference import NOON, SECOND, new_lake, order, put


def bad(number, **more):
    return order(number, "P1", day="never", **more)


@pytest.fixture
def lake(tmp_path):
    with new_lake(tmp_path) as opened:
        put(opened.project.raw / "orders_a.json", [order(1), bad(2), bad(3), bad(3)], NOON)
        put(opened.project.raw / "orders_b.json", [bad(number) for number in range(10, 30)], NOON + SECOND)
        opened.run()
        yield opened


def edited(lake, change):
    """The open records, exported, each changed, as a file."""
    file = lake.project.root / "mend.ndjson"
    lake.export_quarantine(file, force=True)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    file.write_text("\n".join(json.dumps(each | {"record": change(each["record"])}) for each in lines), "utf-8")
    return file


def mended(record):
    return record | {"order_date": "2024-02-03"}


def test_many_are_loaded_by_one_load(lake):
    done = lake.fix_file(edited(lake, mended))
    assert (done.ok, done.count("loaded"), len(done.records)) == (True, 23, 23)
    assert len({each.load_id for each in done.records}) == 1
    assert lake.query("SELECT count(*) FROM orders").rows == ((23,),)
    assert lake.quarantine_counts() == {"open": 0, "fixed": 23, "replaced": 0, "dropped": 0}
    assert lake.verify().ok


def test_a_batch_does_what_one_after_the_other_does(lake, tmp_path):
    lake.fix_file(edited(lake, mended))
    with new_lake(tmp_path / "other") as other:
        for name, time in (("orders_a.json", NOON), ("orders_b.json", NOON + SECOND)):
            records = json.loads((lake.project.raw / name).read_text())
            put(other.project.raw / name, records, time)
        other.run()
        for each in other.quarantine():
            other.fix(each["source"], each["position"], json.dumps(mended(json.loads(each["record"]))))

        def files(one):
            found = (one.project.raw / "mended").rglob("*.json")
            return {(file.relative_to(one.project.root), file.stat().st_mtime_ns) for file in found}

        assert files(lake) == files(other)


def test_a_second_time_loads_nothing_and_another_text_does(lake):
    file = edited(lake, mended)
    lake.fix_file(file)
    loads = len(lake.loads())
    again = lake.fix_file(file)
    assert (again.ok, again.count("unchanged"), len(lake.loads())) == (True, 23, loads)
    file.write_text(file.read_text("utf-8").replace('"10.00"', '"11.00"'), "utf-8")
    assert lake.fix_file(file).count("loaded") == 23
    assert lake.query("SELECT DISTINCT total_amount::VARCHAR FROM orders ORDER BY 1").rows == (("10.00",), ("11.00",))


def test_what_died_between_writing_and_loading_is_loaded_by_the_next_run(lake, monkeypatch):
    file = edited(lake, mended)

    def killed(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(Lake, "load", killed)
    with pytest.raises(KeyboardInterrupt):
        lake.fix_file(file)
    monkeypatch.undo()
    lake.run()
    assert lake.quarantine_counts()["fixed"] == 23
    assert lake.fix_file(file).count("unchanged") == 23


def spoiled(record):
    return mended(record) if record["order_id"] != 12 else {"order_id": "x"}


def test_what_cannot_be_mended_stops_no_other(lake):
    done = lake.fix_file(edited(lake, spoiled))
    assert (done.count("loaded"), done.count("set aside", "wrong")) == (22, 1)
    assert lake.quarantine_counts()["open"] == 1


def test_a_replay_groups_what_is_still_wrong(lake):
    done = lake.replay_all()
    assert (done.ok, done.count("set aside")) == (False, 23)
    assert done.why == [("order_date is not a date like 2024-12-31", 23)]
    loads = len(lake.loads())
    assert lake.replay_all(Which(source="orders_a")).count("set aside") == 3
    assert len(lake.loads()) == loads


def test_a_replay_leaves_out_what_is_closed(lake):
    lake.drop(Which(source="orders_a"), "no")
    assert len(lake.replay_all().records) == 20
    named = lake.quarantine(which=Which(status="dropped"))[0]["id"]
    assert [each.id for each in lake.replay_all(Which(ids=(named,))).records] == [named]


@pytest.mark.parametrize(("on_fail", "status"), [("drop", "dropped"), ("quarantine", "open")])
def test_a_record_that_a_check_takes_out_names_it_and_is_dropped_at_once_where_it_says_so(tmp_path, on_fail, status):
    check = f"not_free: {{range: {{column: total_amount, min: 1}}, on_fail: {on_fail}}}"

    def checked(text):
        return text.replace("          email_is_an", f"          {check}\n          email_is_an", 1)

    with new_lake(tmp_path, checked) as lake:
        put(lake.project.raw / "orders.json", [order(1), order(2, total="0.50")], NOON)
        lake.run()
        (record,) = lake.quarantine()
        assert (record["status"], record["check_name"], record["action"]) == (status, "not_free", on_fail)
        assert record["closed_by"] == (record["load_id"] if on_fail == "drop" else None)
        assert lake.verify().ok
        assert lake.fix("raw/orders.json", 2, json.dumps(order(2, total="0.60"))).outcome == "quarantined"
        assert lake.quarantine_counts()[status] == 1
        assert lake.fix("raw/orders.json", 2, json.dumps(order(2, total="5.00"))).outcome == "loaded"
        assert lake.quarantine_counts()["fixed"] == 1
        assert lake.verify().ok


def test_a_mended_record_whose_load_is_rolled_back_is_open_again(lake):
    done = lake.fix("raw/orders_a.json", 2, json.dumps(mended(bad(2))))
    lake.rollback(done.load_id)
    assert lake.quarantined(done.id)[0]["status"] == "open"
    again = lake.fix("raw/orders_a.json", 2, json.dumps(mended(bad(2))))
    assert (again.outcome, again.is_new) == ("loaded", True)
    assert lake.quarantined(done.id)[0]["status"] == "fixed"
    assert lake.verify().ok
