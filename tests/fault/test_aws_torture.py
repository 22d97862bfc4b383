"""On AWS: many loaders of the same objects, killed at random, while keys get new versions: the reference at the end.

Deliveries come twice and three times, in any order and grouping, as queues give them. An emulator stands in for AWS
(tests/emulators). ORDERLAKE_TORTURE=1,2,3 runs these seeds.
"""

import json
import random
import subprocess
import sys
import time

import pytest

from tests.fault.aws_worker import Shop
from tests.fault.test_torture import SEEDS, content
from tests.fault.worker import ended
from tests.reference import order

pytestmark = [pytest.mark.fault, pytest.mark.slow]

LOADERS = 4
KEYS = 10
CORRECTIONS = 4
LIFE = 0.07
"""The chance to die at a step: a commit has ten."""
TERMS = (1.5, 0.4)
"""How long leases outlive the dead, and how often they are renewed, in seconds."""


@pytest.fixture
def shop(aws, tmp_path):
    return Shop(aws, tmp_path / "shop")


@pytest.fixture
def running():
    """Loader processes by number; none outlives the test."""
    processes: dict[int, subprocess.Popen[str]] = {}
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


def deliveries(rng, made):
    """For one loader: most versions, in its own order, in batches of its own, some of them twice or three times."""
    mine = rng.sample(made, len(made) * 3 // 4) + rng.sample(made, len(made) // 3) + rng.sample(made, len(made) // 4)
    batches = []
    while mine:
        size = rng.randint(1, 5)
        batches.append(list({one.source.identity: one for one in mine[:size]}.values()))
        mine = mine[size:]
    return batches


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("leases", [TERMS, False], ids=["with leases", "without"])
def test_overlapping_loaders_that_die_at_random_end_at_the_reference(shop, running, seed, leases):
    rng = random.Random(seed)
    made = [shop.put(f"orders_{number:02d}.json", content(rng, number)) for number in range(KEYS)]
    made.append(shop.put("orders_twin.json", rng.choice(made).records))
    plans = [deliveries(rng, made) for _ in range(LOADERS)]
    seeds = iter(range(seed * 1000, seed * 1000 + 999))

    def start(plan):
        return shop.spawn(plan, chance=LIFE, seed=next(seeds), leases=leases)

    running.update({number: start(plan) for number, plan in enumerate(plans)})
    corrected = rng.sample(range(KEYS), CORRECTIONS)
    kills, told_to_return, until = 0, 0, time.monotonic() + 300
    while running:
        assert time.monotonic() < until, "it does not come to an end"
        number, process = next(iter(running.items()))
        status, said = ended(process)
        del running[number]
        if status != 0:  # killed, or told to come back: 75
            assert status in (-9, 75), said
            kills, told_to_return = kills + (status == -9), told_to_return + (status == 75)
            running[number] = start(plans[number])
        if corrected and status != 0:
            # The same keys get new versions; those that were put before are delivered late, again and again.
            again = [order(record["order_id"], "Z", total="999.00") for record in content(rng, kills)]
            made.append(shop.put(f"orders_{corrected.pop():02d}.json", again))
            plans[rng.randrange(LOADERS)].insert(0, made[-1:])
    assert kills > 1
    with shop.open() as lake:
        lake.run()
        assert {report.status for report in lake.run()} == {"unchanged"}
    delivered = sum(len(batch) for plan in plans for batch in plan)
    told = {"versions": len(made), "deliveries": delivered, "kills": kills, "told to return": told_to_return}
    sys.stdout.write(json.dumps(told) + "\n")  # pytest -rP shows it
    shop.assert_right(made)
