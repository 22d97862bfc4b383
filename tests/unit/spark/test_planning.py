"""Files are cut into portions whose segments follow each other, and small ones go together."""

import json
from itertools import pairwise
from typing import Any

import pytest

from orderlake.kernel import split
from orderlake.kernel.flatten import plan_of
from orderlake.model.source import RemoteFile, SourceObject
from orderlake.spark import planning
from orderlake.spark.merging import balanced
from orderlake.spark.planning import Planner
from tests.unit.kernel.staging import ORDERS, ROWS, stream_of


class Folder:
    """Source files of a folder, which are remote ones if that is wanted."""

    def __init__(self, *, is_remote=False):
        self.is_remote = is_remote
        self.read = 0

    def file(self, source, folder):
        if not self.is_remote:
            return folder.__class__(source.location)
        return RemoteFile(source.size, lambda: open(source.location, "rb"))  # noqa: PTH123 - as S3 gives it


def planner(kind, *, is_remote=False):
    files: Any = Folder(is_remote=is_remote)
    return Planner(plan_of(stream_of(kind)), 2, files)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for module, name, size in [
        (split, "SMALL", 2_000),
        (split, "SHARE", 10_000),
        (planning, "SMALL", 2_000),
        (planning, "SHARE", 10_000),
        (planning, "_SEEN", 1_000),
        (planning, "_LEAST", 3_000),
    ]:
        monkeypatch.setattr(module, name, size)


def source(folder, name, text):
    path = folder / name
    path.write_text(text)
    return SourceObject(name, str(path), path.stat().st_size, 1)


def lines(count):
    return "".join(json.dumps({"order_id": number, "total": 1, "products": []}) + "\n" for number in range(count))


def rows(count):
    return "id,day,amount,note\n" + "".join(f"{number},2024-01-05,1.50,x\n" for number in range(count))


@pytest.mark.parametrize("is_remote", [False, True])
@pytest.mark.parametrize(
    ("kind", "text"),
    [(ORDERS, lines(1500)), (ORDERS, f"[{','.join(lines(1500).splitlines())}]"), (ROWS, rows(2000))],
    ids=["lines", "array", "rows"],
)
def test_a_large_file_is_cut_the_same_way_wherever_it_is(tmp_path, kind, text, is_remote):
    one = source(tmp_path, "a", text)
    portions = planner(kind, is_remote=is_remote).portions([one])
    shares = sorted((each.first, each.share.start, each.share.end) for each in portions)
    assert len(shares) > 3
    assert [first for first, _, _ in shares] == list(range(len(shares)))
    here = planner(kind).portions([one])
    assert shares == sorted((each.first, each.share.start, each.share.end) for each in here)
    assert {each.sources[0].most for each in portions} == {1}


def test_a_remote_file_that_shows_no_border_where_it_is_looked_at_stays_whole(tmp_path):
    spread = "".join(json.dumps({"order_id": number, "note": "x" * 4_000}, indent=1) + "\n" for number in range(20))
    one = source(tmp_path, "a", lines(30) + spread)
    (portion,) = planner(ORDERS, is_remote=True).portions([one])
    assert portion.share is None


def test_small_files_go_together_and_keep_their_order(tmp_path):
    sources = [source(tmp_path, f"{number}", lines(20)) for number in range(12)]
    sources.insert(5, source(tmp_path, "large", lines(1500)))
    portions = planner(ORDERS).portions(sources)
    wholes = [each for each in portions if each.share is None]
    assert 1 < len(wholes) < 12
    assert sorted(one.number for each in wholes for one in each.sources) == [*range(5), *range(6, 13)]
    taken = sorted((one.first, one.first + one.most, one.number) for each in portions for one in each.sources)
    assert all(before[1] <= after[0] for before, after in pairwise(taken))
    assert [number for _, _, number in taken] == sorted(number for _, _, number in taken)
    assert [each.size for each in portions] == sorted((each.size for each in portions), reverse=True)


def test_a_packed_file_stays_whole_and_keeps_segments_for_what_it_expands_to(tmp_path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(b"\x1f\x8b" + b"0" * 30_000)
    one = SourceObject("a", str(path), path.stat().st_size, 1)
    (portion,) = planner(ORDERS).portions([one])
    assert portion.share is None


def test_work_is_spread_by_weight_with_some_for_each_place():
    groups = balanced([400_000, 300_000, 300_000, 100_000, 100_000], lambda each: each, 1)
    assert [sum(group) for group in groups] == [400_000, 400_000, 400_000]
    assert balanced([1, 2, 3], lambda each: each, 8) == [[3, 2, 1]]
