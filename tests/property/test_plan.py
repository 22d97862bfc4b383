"""What is planned is what `run` then does, whatever the lake, the files, and how they follow from one another."""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orderlake import Lake, loading
from orderlake.config import PROJECT_FILE
from orderlake.plan import Plan
from tests.reference import NOON, SECOND, new_lake, order

# Not shrunk: each example is a lake with several loads, and making it smaller takes longer than reading it.
BOUNDED = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
OF_ITS_OWN = ("load_id", "at", "seconds")
"""What differs from load to load of the same files."""

CHECKED = """
pipeline: shop
sources:
  sales:
    match: "sales*"
    format: json
    tables:
      sales:
        columns: {shop: string, amount: money, day: date}
  orders:
    match: "orders*"
    format: json
    key: [shop, id]
    sequence_by: rank
    contract: {new: evolve}
    tables:
      shop_orders:
        columns: {shop: string required, id: bigint required, rank: int, total: money}
        checks:
          positive: {range: {column: total, min: 0}, on_fail: quarantine, allow_null: true}
          small: {range: {column: total, max: 900}, on_fail: drop, allow_null: true}
          modest: {range: {column: total, max: 500}}
          few: {row_count: {max: 4}, on_fail: fail}
      shop_lines:
        rows: lines
        columns: {shop: string required, id: bigint required, n: int from lines.$position, sku: string from lines.sku}
"""


def told(reports):
    """Reports without what is a load's own."""
    dicts = ({key: value for key, value in report.as_dict().items() if key not in OF_ITS_OWN} for report in reports)
    return sorted(dicts, key=lambda each: each["source"])


def digest(folder: Path) -> dict[str, str]:
    """Every file of a folder, by what is in it."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith("-shm")  # which readers of a SQLite file share while it is open
    }


def planned(lake: Lake, paths=()) -> Plan:
    """Plan, and see to it that nothing was written anywhere."""
    before = digest(lake.project.root)
    plan = lake.plan(paths)
    assert digest(lake.project.root) == before
    return plan


def put(lake, name, content, tick):
    path = lake.project.raw / name
    path.write_text(content, encoding="utf-8")
    os.utime(path, ns=(NOON + tick * SECOND, NOON + tick * SECOND))


bundled = st.builds(
    lambda number, products, total, day: order(number, *products, total=total, day=day),
    st.integers(1, 4),
    st.lists(st.sampled_from(["P1", "P2"]), max_size=2),
    st.sampled_from(["1.00", "2.00", "x"]),
    st.sampled_from(["2024-01-05", "2024-02-05", "never"]),
)
content = st.one_of(
    st.lists(bundled, max_size=5).map(json.dumps),
    st.lists(bundled, max_size=5).map(lambda some: "\n".join(map(json.dumps, some))),
    st.sampled_from(["", "hello", "[{", "null"]),
)
names = st.sampled_from(["orders_a.json", "orders_b.json", "orders_c.json"])
files = st.lists(st.tuples(names, content, st.integers(0, 9)), min_size=1, max_size=4)


@BOUNDED
@given(st.lists(files, min_size=1, max_size=3), st.booleans())
def test_a_plan_of_orders_tells_what_run_does_to_them(rounds, alone):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if alone:  # each file a commit of its own, decided by what the ones before it left
            patch.setattr(loading, "_GROUP_FILES", 1)
        with new_lake(Path(folder).resolve() / "lake") as lake:
            for some in rounds:
                for name, text, tick in some:
                    put(lake, name, text, tick)
                plan = planned(lake)
                assert told(plan.reports) == told(lake.run())
            assert lake.verify().ok
            assert planned(lake).is_clean == all(report.status != "rejected" for report in lake.run())


shop_orders = st.fixed_dictionaries(
    {"shop": st.sampled_from(["A", "B"]), "id": st.integers(1, 3), "rank": st.integers(0, 3)},
    optional={
        "total": st.sampled_from([-1, 0, 5.5, 600, 1000, "x"]),
        "lines": st.lists(st.fixed_dictionaries({"sku": st.sampled_from(["x", "y"])}), max_size=2),
        "gift": st.booleans(),
    },
)
sales = st.fixed_dictionaries({"shop": st.sampled_from(["A", "B"]), "amount": st.sampled_from([1, 2.5, "x"])})
kinds = {"orders": shop_orders, "sales": sales}


@st.composite
def shop_file(draw):
    kind = draw(st.sampled_from(sorted(kinds)))
    name = f"{kind}_{draw(st.sampled_from('ab'))}.json"
    return name, json.dumps(draw(st.lists(kinds[kind], max_size=6))), draw(st.integers(0, 9))


@BOUNDED
@given(st.lists(st.lists(shop_file(), min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_plan_tells_what_run_does_with_checks_contracts_versions_and_files_without_a_key(rounds):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "raw").mkdir()
        (root / "pipelines").mkdir()
        (root / PROJECT_FILE).write_text("raw: raw\n")
        (root / "pipelines" / "shop.yaml").write_text(CHECKED)
        with Lake(root, "local") as lake:
            for some in rounds:
                for name, text, tick in some:
                    put(lake, name, text, tick)
                plan = planned(lake)
                reports = lake.run()
                assert told(plan.reports) == told(reports)
                rows = {table.name: table.rows_then for table in plan.tables}
                for table, count in rows.items():
                    assert lake.query(f"SELECT count(*) FROM {table}").rows == ((count,),)
                for file in plan.files:
                    assert file.new + file.changed == file.report.loaded
                    assert sum(each.count for each in file.setbacks) == file.report.quarantined
