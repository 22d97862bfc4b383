"""Others who commit meanwhile, replies that are lost, files that change while they are read."""

import pytest

from orderlake import Lake
from orderlake.errors import CatalogUnavailableError
from orderlake.loading import Loader
from orderlake.model.ports import HeadUpdate
from orderlake.model.source import SourceObject
from orderlake.sources import LocalSources, source_at
from tests.fault.worker import ended, leaseless, spawn
from tests.reference import NOON, SECOND, by_text, expected, found, new_lake, order, put, visible_parquet, written

pytestmark = pytest.mark.fault


class Between:
    """Does something once, when a commit reaches a step."""

    def __init__(self, step, act, times=1):
        self.step, self.act, self.left = step, act, times

    def __call__(self, reached):
        if reached == self.step and self.left:
            self.left -= 1
            self.act()


class Unreliable:
    """A catalog whose first commits end in an error: after they landed, or before."""

    def __init__(self, inner, *, landed, times=1, gone=0):
        self._inner, self._landed, self._left, self._gone = inner, landed, times, gone

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def heads(self, tables):
        if not self._left and self._gone:
            self._gone -= 1
            raise CatalogUnavailableError("no answer")
        return self._inner.heads(tables)

    def commit(self, updates):
        if not self._left:
            self._inner.commit(updates)
            return
        self._left -= 1
        if self._landed:
            self._inner.commit(updates)
        raise CatalogUnavailableError("no reply")


class Lax:
    """A catalog that moves heads wherever they are: it must not be able to hide."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def commit(self, updates):
        heads = self._inner.heads([update.table for update in updates])
        self._inner.commit([HeadUpdate(each.table, heads[each.table].metadata, each.metadata) for each in updates])


def files_of(lake):
    return {file for file in lake.project.lake.rglob("*.parquet") if ".pending" not in file.parts}


def two_files(lake, second=(2, 1)):
    """A loaded file, and two more: `second` holds the order numbers of the last."""
    raw = lake.project.raw
    made = [written(lake, raw / "orders_0.json", [order(1, "A", "B"), order(5, "E")], NOON)]
    lake.run()
    made.append(written(lake, raw / "orders_1.json", [order(1, "C"), order(3, "D", day="2024-03-03")], NOON + SECOND))
    made.append(written(lake, raw / "orders_2.json", [order(n, "X", "Y") for n in second], NOON + 2 * SECOND))
    return made


@pytest.mark.parametrize("landed", [True, False], ids=["landed", "did not land"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_reply_doubles_nothing_and_deletes_nothing(tmp_path, landed, times):
    with new_lake(tmp_path) as lake:
        made = two_files(lake)
    with Lake(tmp_path) as lake:
        lake._backends.__dict__["catalog"] = Unreliable(lake._backends.catalog, landed=landed, times=times)
        before = files_of(lake)
        reports = lake.run()
        assert [report.status for report in reports] == ["unchanged", "loaded", "loaded"]
        assert [report.loaded for report in reports if report.status == "loaded"] == [1, 2]
        assert found(lake) == expected(made)
        lost = {file for file in before - files_of(lake) if "orders_parquet_datalake" not in file.parts}
        assert lost == set()
        assert len(lake.loads()) == 3
        assert {report.status for report in lake.run()} == {"unchanged"}


def test_a_lost_reply_from_a_catalog_that_then_goes_away_is_found_by_the_next_run(tmp_path):
    with new_lake(tmp_path) as lake:
        made = two_files(lake)
    with Lake(tmp_path) as lake:
        lake._backends.__dict__["catalog"] = Unreliable(lake._backends.catalog, landed=True, gone=1)
        with pytest.raises(CatalogUnavailableError):
            lake.run()
        assert {report.status for report in lake.run()} == {"unchanged"}
        assert found(lake) == expected(made)
        assert len({load.identity for load in lake.loads()}) == len(lake.loads()) == 3


@pytest.mark.parametrize("step", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("second", [(2,), (1, 3), (5, 1)], ids=["other orders", "same orders", "half of them"])
def test_a_commit_that_slips_in_between_is_kept_and_so_is_ours(tmp_path, step, second):
    with new_lake(tmp_path) as lake:
        made = two_files(lake, second)
    paths = [tmp_path / file.uri for file in made]
    with Lake(tmp_path) as ours, Lake(tmp_path) as other:
        leaseless(ours)
        leaseless(other)
        slip = Between(step, lambda: other.run([paths[2]]))
        (report,) = ours.run([paths[1]], on_step=slip)
        assert slip.left == 0
        assert report.status == "loaded"
        assert report.conserved
        assert found(ours) == expected(made)
        assert {report.status for report in ours.run()} == {"unchanged"}


def test_conflict_after_conflict_ends_with_everything_in(tmp_path):
    with new_lake(tmp_path) as lake:
        made = [written(lake, lake.project.raw / f"orders_{n}.json", [order(n, "P")], NOON + n) for n in range(6)]
    with Lake(tmp_path) as ours, Lake(tmp_path) as other:
        leaseless(ours)
        leaseless(other)
        rest = [tmp_path / file.uri for file in made[1:]]
        ours.run([tmp_path / made[0].uri], on_step=Between(7, lambda: other.run([rest.pop()]), times=len(rest)))
        assert rest == []
        assert found(ours) == expected(made)


@pytest.mark.parametrize("step", [2, 3, 4, 5, 6, 7])
def test_a_zombie_finds_its_work_done(tmp_path, step):
    """It stood still at a step while another loaded the same files; then it goes on."""
    with new_lake(tmp_path) as lake:
        made = two_files(lake)
    with Lake(tmp_path) as zombie, Lake(tmp_path) as other:
        leaseless(zombie)
        leaseless(other)
        slip = Between(step, other.run)
        assert {report.status for report in zombie.run(on_step=slip)} == {"unchanged"}
        assert slip.left == 0
        assert found(other) == expected(made)
        assert sorted(load.source for load in other.loads()) == sorted(file.uri for file in made)


def test_a_zombie_between_commit_and_publication_spoils_no_later_correction(tmp_path):
    with new_lake(tmp_path) as lake:
        made = two_files(lake)
        late = written(lake, lake.project.root / "orders_late.json", [order(1), order(5, "Q")], NOON + 9 * SECOND)
    with Lake(tmp_path) as zombie, Lake(tmp_path) as other:
        leaseless(zombie)
        leaseless(other)
        zombie.run(on_step=Between(8, lambda: other.run([tmp_path / late.uri])))
        assert found(other) == expected([*made, late])
        assert len(other.loads()) == 4


def test_the_control_with_a_catalog_that_ignores_what_was_expected_is_caught(tmp_path):
    """The same interleaving loses a load when the catalog is lax: this suite sees it."""
    with new_lake(tmp_path) as lake:
        made = two_files(lake, (2,))
    with Lake(tmp_path) as ours, Lake(tmp_path) as other:
        leaseless(ours)
        leaseless(other)
        ours._backends.__dict__["catalog"] = Lax(ours._backends.catalog)
        ours.run([tmp_path / made[1].uri], on_step=Between(7, lambda: other.run([tmp_path / made[2].uri])))
        assert found(ours) != expected(made)


# --- the source changes under the reader ------------------------------------------------------------------------------


def test_a_file_overwritten_while_it_is_read_is_loaded_as_it_became(tmp_path):
    with new_lake(tmp_path) as lake:
        path = lake.project.raw / "orders_1.json"
        put(path, [order(1, "OLD")], NOON)
        became = [order(1, "NEW", "NEW2")]
        reports = lake.run(on_step=Between(4, lambda: put(path, became, NOON + SECOND)))
        assert [(report.status, report.version, report.loaded) for report in reports] == [("loaded", NOON + SECOND, 1)]
        assert [line[2] for line in found(lake)["order_lines"]] == ["NEW", "NEW2"]
        assert {report.status for report in lake.run()} == {"unchanged"}


def test_the_others_of_the_group_are_loaded_when_one_changes(tmp_path):
    with new_lake(tmp_path) as lake:
        still = written(lake, lake.project.raw / "orders_0.json", [order(0, "S")], NOON)
        path = lake.project.raw / "orders_1.json"
        put(path, [order(1, "OLD")], NOON)
        reports = lake.run(on_step=Between(4, lambda: put(path, [order(1, "NEW")], NOON + SECOND)))
        assert [report.status for report in reports] == ["loaded", "loaded"]
        assert sorted(line[2] for line in found(lake)["order_lines"]) == ["NEW", "S"]
        assert reports[0].source == still.uri


def test_a_file_that_never_stands_still_is_refused_for_now(tmp_path):
    with new_lake(tmp_path) as lake:
        path = lake.project.raw / "orders_1.json"
        ticks = iter(range(100))

        def change():
            put(path, [order(1, f"P{next(ticks)}")], NOON + SECOND * next(ticks))

        change()
        (report,) = lake.run(on_step=Between(4, change, times=50))
        assert report.status == "rejected"
        assert "changed while it was read" in str(report.reason)
        assert by_text(found(lake)["orders"]) == []
        assert lake.loads() == []
        (report,) = lake.run()
        assert report.status == "loaded"


def test_a_file_removed_while_it_is_read_is_accounted_for(tmp_path):
    with new_lake(tmp_path) as lake:
        path = put(lake.project.raw / "orders_1.json", [order(1, "A")], NOON)
        kept = written(lake, lake.project.raw / "orders_2.json", [order(2, "B")], NOON)
        reports = lake.run(on_step=Between(4, path.unlink))
        assert [(report.source, report.status) for report in reports] == [
            ("raw/orders_1.json", "rejected"),
            ("raw/orders_2.json", "loaded"),
        ]
        assert found(lake) == expected([kept])


def test_a_file_that_went_away_and_came_back_is_loaded(tmp_path, monkeypatch):
    """Not being there when it was opened says nothing of its content, so it is no verdict for ever."""
    with new_lake(tmp_path) as lake:
        path = lake.project.raw / "orders_1.json"
        made = written(lake, path, [order(1, "A")], NOON)
        aside = path.rename(tmp_path / "aside")
        source = SourceObject(made.uri, str(path), aside.stat().st_size, NOON)
        monkeypatch.setattr(LocalSources, "find", lambda *_: [source])
        assert [report.status for report in lake.run()] == ["rejected"]
        aside.rename(path)
        assert [report.status for report in lake.run()] == ["loaded"]
        assert found(lake) == expected([made])


# --- many at once -----------------------------------------------------------------------------------------------------


def test_eight_loaders_of_one_folder_load_each_file_once(tmp_path):
    with new_lake(tmp_path) as lake:
        made = [
            written(lake, lake.project.raw / f"orders_{n}.json", [order(n % 5, f"P{n}"), order(50 + n, "Q")], NOON + n)
            for n in range(12)
        ]
        told = [ended(each) for each in [spawn(tmp_path) for _ in range(8)]]
        assert {status for status, _ in told} == {0}
        loaded = [report["source"] for _, said in told for report in said["reports"] if report["status"] == "loaded"]
        assert sorted(loaded) == sorted(file.uri for file in made)
        assert {len(said["reports"]) for _, said in told} == {len(made)}
        assert found(lake) == expected(made)
        assert len(visible_parquet(lake)) == len(made)


def test_a_worker_that_is_slow_to_finish_removes_nothing_that_was_put_back_meanwhile(tmp_path):
    """Its lease has lapsed: another finishes its load for it, and rolls it back, before it goes on."""
    with new_lake(tmp_path) as lake:
        raw = lake.project.raw
        first = written(lake, raw / "orders_1.json", [order(1, "A")], NOON)
        lake.run()
        written(lake, raw / "orders_2.json", [order(1, "B")], NOON + SECOND)

        def meanwhile():
            with leaseless(Lake(tmp_path)) as other:
                other.run()
                other.rollback("last")

        source = source_at(lake.project, raw / "orders_2.json")
        assert source is not None
        Loader(leaseless(lake)._backends, on_step=Between(8, meanwhile)).run([source])
        assert found(lake) == expected([first])
        assert lake.verify().findings == ()
