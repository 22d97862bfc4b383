"""Many loaders of the same files, killed at random, while the files are being corrected: the reference at the end."""

import os
import random
import subprocess
import time

import pytest

from tests.fault.worker import ended, spawn
from tests.reference import NOON, SECOND, expected, found, new_lake, order, visible_parquet, written

pytestmark = [pytest.mark.fault, pytest.mark.slow]

SEEDS = [int(text) for text in os.environ.get("ORDERLAKE_TORTURE", "1").split(",")]
LOADERS = 6
FILES = 18
LIFE = 0.05
"""The chance to die at a step: a commit has ten."""


def content(rng, tick):
    """Orders of a small set, so that most files correct others."""
    chosen = rng.sample(range(40), 4)
    return [
        order(
            number,
            *rng.sample("ABCDEF", rng.randrange(4)),
            day=rng.choice(["2024-01-05", "2024-02-05", "2024-03-05"]),
            total=f"{tick}.{number:02d}",
        )
        for number in chosen
    ]


def shares(rng, names):
    """For one loader: most files, in its own order, in groups of its own, some twice."""
    mine = rng.sample(names, len(names) * 3 // 4) + rng.sample(names, len(names) // 4)
    batches = []
    while mine:
        size = rng.randint(1, 4)
        batches.append(mine[:size])
        mine = mine[size:]
    return batches


@pytest.fixture
def running():
    """Loader processes by number; none outlives the test."""
    processes: dict[int, subprocess.Popen[str]] = {}
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("leases", [True, False], ids=["with leases", "without"])
def test_overlapping_loaders_that_die_at_random_end_at_the_reference(tmp_path, running, seed, leases):
    rng = random.Random(seed)
    with new_lake(tmp_path) as lake:
        lake.run()
        made = {}
        for number in range(FILES):
            path = lake.project.raw / f"orders_{number:02d}.json"
            made[path] = written(lake, path, content(rng, number), NOON + rng.randrange(FILES) * SECOND)
        copied = rng.choice(list(made))
        twin = lake.project.raw / "orders_twin.json"
        made[twin] = written(lake, twin, made[copied].records, made[copied].mtime)

        names = [str(path) for path in made]
        plans = [shares(rng, names) for _ in range(LOADERS)]
        seeds = iter(range(seed * 1000, seed * 1000 + 999))

        def start(plan):
            return spawn(tmp_path, plan, chance=LIFE, seed=next(seeds), leases=leases)

        running.update({number: start(plan) for number, plan in enumerate(plans)})
        corrected = [path for path in made if path != twin]
        deaths, until = 0, time.monotonic() + 120
        while running:
            assert time.monotonic() < until, "it does not come to an end"
            number, process = next(iter(running.items()))
            status, _ = ended(process)
            del running[number]
            if status != 0:  # killed, or told to come back: 75
                assert status in (-9, 75)
                deaths += 1
                running[number] = start(plans[number])
            if corrected and status != 0:
                # The same orders, other content: whichever versions were seen, the last one stands.
                path = corrected.pop()
                again = [{**record, "total_amount": "999.00"} for record in made[path].records]
                made[path] = written(lake, path, again, made[path].mtime + 100 * SECOND + len(corrected))
        assert deaths > LOADERS // 2
        lake.run()
        assert found(lake) == expected(made.values())
        assert len({load.identity for load in lake.loads()}) == len(lake.loads())
        assert all(load.conserved for load in lake.loads())
        assert {report.status for report in lake.run()} == {"unchanged"}
        assert all(name.startswith("orders_ETL_") for name in visible_parquet(lake))
