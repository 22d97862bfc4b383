"""On AWS too: whatever the order, the grouping and the repetition, the tables are those of the newest versions.

In one process, over an emulator that stands in for AWS (tests/emulators).
"""

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fault.aws_worker import Shop, load
from tests.property.test_convergence import NAMES, orders, with_sequence
from tests.reference import expected, found, order

CONVERGENCE = settings(
    deadline=None,
    max_examples=int(os.environ.get("ORDERLAKE_EXAMPLES", "6")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

versions = st.lists(st.tuples(st.sampled_from(NAMES[:3]), st.lists(orders(), max_size=4)), min_size=2, max_size=6)


@st.composite
def deliveries(draw, number):
    """Batches of places in a list of so many versions: each at least once, some again, in any order."""
    arrival = [*draw(st.permutations(range(number))), *draw(st.lists(st.integers(0, number - 1), max_size=3))]
    batches = [[arrival[0]]]
    for place in arrival[1:]:
        if draw(st.booleans()) or place in batches[-1]:
            batches.append([])
        batches[-1].append(place)
    return batches


@st.composite
def histories(draw):
    """Versions as they were put, and how they are delivered."""
    put = draw(versions)
    return put, draw(deliveries(len(put)))


def check(aws, history, change=lambda text: text, sequence=None):
    """Each batch has a loader of its own, as a function has that is invoked again."""
    put, batches = history
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(aws, Path(folder), change)
        made = [shop.put(name.removeprefix("raw/"), records) for name, records in put]
        applied: set[int] = set()
        for batch in batches:
            with shop.open() as lake:
                for place, report in zip(batch, load(lake, [made[place] for place in batch]), strict=True):
                    assert report.conserved
                    assert report.status == ("unchanged" if place in applied else "loaded")
            applied |= set(batch)
        with shop.open() as lake:
            assert found(lake) == expected(made, sequence)
            heads = lake._backends.catalog.tables()
            assert {report.status for report in lake.run()} <= {"unchanged"}
            assert lake._backends.catalog.tables() == heads
        shop.assert_whole(made)


FLIP = [("raw/orders_a.json", [order(1, product, updated_at=1)]) for product in "ABA"]


@CONVERGENCE
@example((FLIP, [[2], [0], [1]]))
@given(histories())
def test_any_versions_in_any_order_and_any_groups_give_the_newest(aws, history):
    check(aws, history)


@CONVERGENCE
@given(histories())
def test_any_versions_in_any_order_and_any_groups_give_the_newest_sequence(aws, history):
    check(aws, history, with_sequence, "updated_at")
