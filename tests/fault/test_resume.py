"""A large file whose load dies is resumed: what was staged is not staged again, and the tables are none the wiser."""

import gzip
import json
import os
import signal
import time
from contextlib import contextmanager
from importlib.metadata import version

import pytest

from orderlake import Lake, loading, resume
from orderlake.cli import main
from orderlake.errors import TransientError
from orderlake.kernel import stage
from orderlake.kernel.journal import HEAD, Journal
from orderlake.kernel.worker import Worker
from orderlake.model.report import LoadReport
from orderlake.storage.local import LocalStore
from tests.fault.worker import ended, small_shares, spawn
from tests.reference import NOON, SECOND, Written, expected, found, new_lake, order
from tests.unit.kernel.test_windows import small_windows

pytestmark = pytest.mark.fault

SHARE = 8_000
LINEAGE = "SELECT order_id, _source_file, _source_row, _version FROM orders ORDER BY ALL"
SET_ASIDE = "SELECT source, position, line, field, reason, record, check_name FROM quarantine ORDER BY ALL"


def orders(count=400):
    return [order(n, *("P" * (n % 4)), day=f"2024-01-{1 + n % 28:02}") for n in range(1, count + 1)]


def text_of(records, layout):
    texts = [each if isinstance(each, str) else json.dumps(each) for each in records]
    return "\n".join(texts) + "\n" if layout == "lines" else f"[{', '.join(texts)}]"


def put(lake, records, layout="lines", mtime=NOON, name="orders_big.json"):
    """A file of orders, and what the reference has to know of it; a text among the records is no JSON."""
    path = lake.project.raw / name
    text = text_of(records, layout).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    os.utime(path, ns=(mtime, mtime))
    return Written(f"raw/{name}", mtime, tuple(each for each in records if isinstance(each, dict)))


def die(folder, **spec):
    status, _ = ended(spawn(folder, share=SHARE, **spec))
    assert status == -signal.SIGKILL


def journals(lake):
    return sorted((lake.project.state / "staged").glob("*"))


def entries(lake):
    """The entries of parts in the only journal there is."""
    (folder,) = journals(lake)
    return sorted(each for each in folder.glob("*.json") if each.name != HEAD)


class Watched:
    """Counts the tasks that are staged, and hears of what is resumed."""

    def __init__(self, monkeypatch):
        self.staged, self.told = 0, []
        small_shares(monkeypatch.setattr, SHARE)
        work = Worker._stage

        def counted(worker, cursor, task):
            self.staged += 1
            return work(worker, cursor, task)

        monkeypatch.setattr(Worker, "_stage", counted)

    def run(self, lake, paths=(), **how):
        self.staged, self.told = 0, []
        lake.on_resumed = lambda source, *counts: self.told.append((source.uri, *counts))
        return lake.run(paths, **how)


@pytest.fixture
def watched(monkeypatch):
    return Watched(monkeypatch)


def undisturbed(folder, records, layout, queries, name):
    """What queries give after a load of the same file that nothing disturbs."""
    with new_lake(folder) as lake:
        put(lake, records, layout, name=name)
        lake.run()
        return [lake.query(sql).rows for sql in queries]


@pytest.mark.parametrize("layout", ["lines", "array"])
@pytest.mark.parametrize("kept", [1, 5])
def test_a_load_that_is_killed_after_some_parts_stages_only_the_others(tmp_path, watched, layout, kept):
    with new_lake(tmp_path / "lake") as lake:
        made = put(lake, orders(), layout)
        die(lake.project.root, kept=kept)
        before = len(entries(lake))
        assert kept <= before < kept + os.cpu_count()
        (report,) = watched.run(lake)
        ((uri, resumed, parts),) = watched.told
        assert (uri, resumed) == (made.uri, before)
        assert (report.status, report.read, report.loaded) == ("loaded", 400, 400)
        assert report.resumed_parts == resumed
        assert lake.ledger.applied([report.identity])[report.identity].resumed_parts == resumed
        assert watched.staged == parts - resumed > 0
        assert found(lake) == expected([made])
        alone = undisturbed(tmp_path / "twin", orders(), layout, [LINEAGE], "orders_big.json")
        assert [lake.query(LINEAGE).rows] == alone
        assert journals(lake) == []
        assert lake.verify().findings == ()
        assert {(report.status, report.resumed_parts) for report in watched.run(lake)} == {("unchanged", 0)}


@pytest.mark.parametrize("verb", [["run"], ["watch", "--once", "--interval", "0", "--settle", "0"]])
def test_people_and_programs_are_told_of_what_is_resumed(tmp_path, watched, capsys, verb):
    with new_lake(tmp_path) as lake:
        for number, words in enumerate(([], ["--json"])):
            put(lake, orders(), mtime=NOON + number * SECOND)
            with pytest.raises(TransientError):
                lake.run(on_step=break_off)
            parts = len(entries(lake))
            assert main([*verb, *words, "--project", str(tmp_path)]) == 0
            said = capsys.readouterr().out
            if words:
                (report,) = (json.loads(line) for line in said.splitlines()) if verb[0] == "watch" else json.loads(said)
                assert (report["status"], report["resumed_parts"]) == ("loaded", parts)
                assert "staged before" not in said
            else:
                assert f"resumed    raw/orders_big.json  {parts} of {parts} parts were staged before\n" in said


def break_off(step):
    raise TransientError(str(step))


def test_a_load_that_dies_again_and_again_gets_further_each_time(tmp_path, watched):
    with new_lake(tmp_path) as lake:
        made = put(lake, orders())
        counts = []
        for _ in range(3):
            die(tmp_path, kept=3)
            counts.append(len(entries(lake)))
        assert counts[0] >= 3
        assert counts == sorted(counts)
        assert counts[2] >= counts[1] + 3 >= counts[0] + 6
        watched.run(lake)
        assert watched.told[0][1] == counts[2]
        assert found(lake) == expected([made])


@pytest.mark.parametrize("step", [1, 4, 5, 6, 7])
def test_a_load_that_dies_as_it_commits_stages_nothing_again(tmp_path, watched, step):
    with new_lake(tmp_path) as lake:
        made = put(lake, orders())
        die(tmp_path, kill=(1, step))
        (report,) = watched.run(lake)
        assert (report.status, watched.staged) == ("loaded", 0)
        ((_, resumed, parts),) = watched.told
        assert resumed == parts > 5
        assert found(lake) == expected([made])
        assert journals(lake) == []
        assert lake.verify().findings == ()


def test_what_is_left_by_a_load_that_dies_after_its_commit_goes_with_the_next(tmp_path, watched):
    with new_lake(tmp_path) as lake:
        made = [put(lake, orders())]
        die(tmp_path, kill=(1, 8))
        assert journals(lake) != []
        made.append(put(lake, [order(900, "N")], mtime=NOON + SECOND, name="orders_next.json"))
        assert [report.status for report in watched.run(lake)] == ["unchanged", "loaded"]
        assert journals(lake) == []
        assert found(lake) == expected(made)


def test_records_that_are_set_aside_are_so_once_with_their_lines(tmp_path, watched):
    """Of each kind, in each part: no JSON, no such day, and what a check of the pipeline sets aside."""
    records = orders()
    for at in range(0, 400, 20):
        records[at] = '{"order_id": 1, "order_date":'
        records[at + 5] = {**records[at + 5], "order_date": "2024-02-30"}
        records[at + 9] = {**records[at + 9], "products": [{"product_id": "X", "price": "-1", "quantity": 0}]}
    queries = [LINEAGE, SET_ASIDE]
    with new_lake(tmp_path / "lake") as lake:
        put(lake, records)
        die(lake.project.root, kept=4)
        (report,) = watched.run(lake)
        assert watched.told[0][1] >= 4
        assert (report.loaded, report.quarantined) == (340, 60)
        assert [lake.query(sql).rows for sql in queries] == undisturbed(
            tmp_path / "twin", records, "lines", queries, "orders_big.json"
        )
        assert lake.verify().findings == ()


def test_records_that_are_looked_at_twice_are_kept_with_their_part(tmp_path, watched, monkeypatch):
    """The sieve keeps out more than a check takes out: what the careful look finds good is loaded."""
    monkeypatch.setattr(stage, "sieve_of", lambda *_: 'r."order_id" % 7 <> 0')

    def fail(step):
        raise TransientError(str(step))

    with new_lake(tmp_path) as lake:
        made = put(lake, orders())
        with pytest.raises(TransientError):
            lake.run(on_step=fail)
        (report,) = watched.run(lake)
        assert (watched.staged, report.loaded) == (0, 400)
        assert found(lake) == expected([made])


def test_a_compressed_file_passes_through_in_windows_and_is_resumed(tmp_path, watched, monkeypatch):
    name = "orders_big.json.gz"
    monkeypatch.setattr(stage, "_COPIED", 1)
    small_windows(monkeypatch, SHARE)
    with new_lake(tmp_path) as lake:
        made = put(lake, orders(1_200), name=name)

        def fail(step):
            raise TransientError(str(step))

        most = []
        work = Worker._stage

        def looked(worker, cursor, task):
            most.append(sum(each.stat().st_size for each in worker.folder.iterdir() if each.is_file()))
            return work(worker, cursor, task)

        monkeypatch.setattr(Worker, "_stage", looked)
        with pytest.raises(TransientError):
            lake.run(on_step=fail)
        assert max(most) < 6 * SHARE < len(text_of(orders(1_200), "lines")) / 3
        kept = entries(lake)
        kept[2].unlink()
        watched.run(lake)
        assert watched.told == [(made.uri, len(kept) - 1, len(kept))]
        assert found(lake) == expected([made])


# --- what is begun anew -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["the file", "its pipeline", "orderlake", "duckdb", "the format"])
def test_parts_of_something_else_are_staged_anew_and_removed(tmp_path, watched, monkeypatch, change):
    with new_lake(tmp_path) as lake:
        made = put(lake, orders())
        die(tmp_path, kept=5)
        (old,) = journals(lake)
        if change == "the file":
            made = put(lake, orders(300), mtime=NOON + SECOND)
        elif change == "its pipeline":
            pipeline = lake.project.pipelines / "orders.yaml"
            pipeline.write_text(pipeline.read_text("utf-8").replace("order_date: date required", "order_date: date"))
        elif change in ("orderlake", "duckdb"):
            monkeypatch.setattr(resume, "version", lambda name: "next" if name == change else version(name))
        else:
            monkeypatch.setattr("orderlake.kernel.journal.FORMAT", 2)
    with Lake(tmp_path) as lake:

        def there(step):
            if step == 1 and change in ("the file", "its pipeline"):
                assert not old.exists()

        (report,) = watched.run(lake, on_step=there)
        assert report.status == "loaded"
        assert watched.told == []
        assert watched.staged > 5
        assert found(lake) == expected([made])
        lake.run([put_next(lake)])
        assert journals(lake) == []


def put_next(lake):
    return lake.project.root / put(lake, [order(900)], mtime=NOON + 2 * SECOND, name="orders_next.json").uri


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "an entry that is cut short": lambda entry, files: os.truncate(entry, entry.stat().st_size - 9),
    "an entry with another bit": lambda entry, files: flip(entry),
    "no entry": lambda entry, files: entry.unlink(),
    "an entry of another part": lambda entry, files: entry.write_bytes(
        entry.with_name(f"{int(entry.stem) - 1:06d}.json").read_bytes()
    ),
    "a file with another bit": lambda entry, files: flip(files[0]),
    "a file that is cut short": lambda entry, files: os.truncate(files[0], 100),
    "no file": lambda entry, files: files[0].unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_is_staged_again_and_no_other(tmp_path, watched, damage):
    with new_lake(tmp_path) as lake:
        made = put(lake, orders())
        die(tmp_path, kill=(1, 6))
        kept = entries(lake)
        DAMAGES[damage](kept[3], sorted(kept[3].parent.glob(f"staged-*-{kept[3].stem}-*.parquet")))
        (report,) = watched.run(lake)
        assert report.status == "loaded"
        assert watched.staged == 1
        assert watched.told == [(made.uri, len(kept) - 1, len(kept))]
        assert found(lake) == expected([made])


def test_a_journal_whose_head_is_damaged_is_begun_anew(tmp_path, watched):
    with new_lake(tmp_path) as lake:
        made = put(lake, orders())
        die(tmp_path, kept=5)
        flip(journals(lake)[0] / HEAD)
        watched.run(lake)
        assert watched.told == []
        assert found(lake) == expected([made])
        assert journals(lake) == []


def test_parts_that_were_cut_wrongly_are_forgotten_and_the_file_is_not_cut_again(tmp_path, watched, monkeypatch):
    """Lists in the records look like borders: one part is torn, and those beside it may be."""
    products = [{"order_id": 7, "product_id": f"P{n}", "price": "1.00", "quantity": 1} for n in range(400)]
    records = [{**each, "products": products if n == 300 else each["products"]} for n, each in enumerate(orders())]
    with new_lake(tmp_path) as lake:
        made = put(lake, records, "array")
        die(tmp_path, look=1, kill=(1, 6))
        assert len(entries(lake)) == 1
        small_shares(monkeypatch.setattr, SHARE, look=1)
        watched.run(lake)
        assert (watched.told, watched.staged) == ([(made.uri, 1, 1)], 0)
        assert found(lake) == expected([made])


def test_other_workers_go_on_with_the_same_parts(tmp_path, watched):
    with new_lake(tmp_path) as lake:
        made = put(lake, orders())
        die(tmp_path, kept=5)
        before = len(entries(lake))
        settings = tmp_path / "orderlake.yaml"
        settings.write_text(settings.read_text("utf-8") + "\nworkers: 7\n", "utf-8")
    with Lake(tmp_path) as lake:
        watched.run(lake)
        assert watched.told[0][1] == before
        assert found(lake) == expected([made])


def test_a_file_that_is_rejected_leaves_nothing(tmp_path, watched):
    with new_lake(tmp_path) as lake:
        path = lake.project.root / put(lake, orders(), "array").uri
        os.truncate(path, path.stat().st_size - 30)
        assert [report.status for report in watched.run(lake)] == ["rejected"]
        assert journals(lake) == []


def test_what_nobody_goes_on_with_is_removed_after_a_week(tmp_path, watched):
    with new_lake(tmp_path) as lake:
        put(lake, orders())
        die(tmp_path, kept=5)
        (folder,) = journals(lake)
        lake.run([put_next(lake)])
        assert journals(lake) == [folder]
        week = time.time() - 8 * 86_400
        os.utime(folder, (week, week))
        path = lake.project.root / put(lake, [order(901)], mtime=NOON + 3 * SECOND, name="orders_later.json").uri
        lake.run([path])
        assert journals(lake) == []


# --- and one at a time ------------------------------------------------------------------------------------------------


class Careless:
    """A ledger that lets everybody work on every file; what else is claimed is as it was."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    @contextmanager
    def claim(self, identities):
        wanted = list(identities)
        with self._inner.claim([each for each in wanted if "-" in each]) as won:
            yield won | {each for each in wanted if "-" not in each}


def test_a_journal_has_one_process_at_a_time(tmp_path, watched):
    """Another that loads the same file meanwhile does without, and does not sweep it away."""
    with new_lake(tmp_path) as lake:
        made = [put(lake, orders())]
        path = tmp_path / made[0].uri
        told: list[LoadReport] = []

        def meanwhile(step):
            if step == 1 and not told:
                kept = len(entries(lake))
                with Lake(tmp_path) as other:
                    other._backends.__dict__["ledger"] = Careless(other._backends.ledger)
                    told.extend(watched.run(other))
                assert watched.told == []
                assert watched.staged == kept
                assert len(entries(lake)) == kept
                made.append(put(lake, [order(900)], mtime=NOON + SECOND, name="orders_next.json"))
                with Lake(tmp_path) as other:
                    other.run()
                assert len(entries(lake)) == kept

        assert [report.status for report in lake.run([path], on_step=meanwhile)] == ["unchanged"]
        assert [report.status for report in told] == ["loaded"]
        assert found(lake) == expected(made)
        assert journals(lake) == []
        assert lake.verify().findings == ()


def test_a_rehearsal_makes_no_journal_and_leaves_that_of_a_load_alone(tmp_path, watched):
    with new_lake(tmp_path) as lake:
        put(lake, orders())
        die(tmp_path, kept=5)
        before = {path: path.stat().st_mtime_ns for path in journals(lake)[0].iterdir()}
        lake.plan()
        assert {path: path.stat().st_mtime_ns for path in journals(lake)[0].iterdir()} == before


def test_an_entry_is_written_once_its_files_are_there_to_stay(tmp_path, watched, monkeypatch):
    done: list[str] = []
    with new_lake(tmp_path) as lake:
        put(lake, orders())
        synced, wrote = LocalStore.sync, LocalStore.write

        def sync(store, locations):
            files = list(locations)
            synced(store, files)
            done.extend(file.rpartition("/")[2] for file in files)

        def write(store, location, data):
            if "/staged/" in location and not location.endswith(HEAD):
                names = json.loads(data.partition(b"\n")[2])["seals"]
                assert names
                assert set(names) <= set(done)
            wrote(store, location, data)

        monkeypatch.setattr(LocalStore, "sync", sync)
        monkeypatch.setattr(LocalStore, "write", write)
        watched.run(lake)


def test_small_files_have_no_journal(tmp_path, watched, monkeypatch):
    monkeypatch.setattr(loading, "LARGE", 1 << 30)
    monkeypatch.setattr(Journal, "__post_init__", lambda _: pytest.fail("it has one"))
    with new_lake(tmp_path) as lake:
        put(lake, orders())
        assert [report.status for report in watched.run(lake)] == ["loaded"]
