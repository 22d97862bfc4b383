"""The bundled models, compiled for sets of pipelines, and built over files of all shops; once for all workers."""

import json
import random

import pytest

from orderlake import Lake
from orderlake.generate import generate
from tests.bundled_models import (
    ENDS,
    SHOPS,
    SUBSETS,
    load_samples,
    on_athena,
    on_duckdb,
    once,
    pipelines,
    run_dbt,
    write_profile,
)
from tests.emulators.fixtures import REGION


def _compile(folder, target, sets, environment):
    words = ["compile", "--target", target, "--no-partial-parse"]
    run_dbt(
        folder,
        *(
            ["--warn-error", *words, *pipelines(*chosen), "--target-path", str(folder / "-".join(chosen))]
            for chosen in sets
        ),
        environment=environment,
    )


@pytest.fixture(scope="session")
def for_duckdb(tmp_path_factory):
    """A folder with a target folder per set of pipelines (`orders-olist`), compiled for DuckDB."""

    def make(folder):
        write_profile(folder, duckdb=on_duckdb(":memory:"))
        _compile(folder, "duckdb", SUBSETS, {})

    return once(tmp_path_factory, "for_duckdb", make)


@pytest.fixture(scope="session")
def for_athena(tmp_path_factory, aws_server):
    """The same for Athena, of one pipeline and of all."""
    aws = {"AWS_ENDPOINT_URL": aws_server, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

    def make(folder):
        write_profile(folder, athena=on_athena())
        _compile(folder, "athena", ENDS, aws | {"AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"})

    return once(tmp_path_factory, "for_athena", make)


@pytest.fixture(scope="session")
def samples(tmp_path_factory):
    """A project with the samples of all shops, loaded and built. For reading only."""

    def make(folder):
        with Lake.init(folder, SHOPS) as lake:
            load_samples(lake)
            lake.build()

    return once(tmp_path_factory, "samples", make)


def let_customers_move(raw, chance):
    """Of each shop a third of the orders name another place than they did, and some name none."""
    for path in [*raw.glob("*.json"), *raw.glob("olist_customers_dataset.csv")]:
        if path.suffix == ".csv":
            lines = path.read_text("utf-8").splitlines()
            moved = [line.replace("sao paulo", chance.choice(["sao paulo", "santos", ""])) for line in lines]
            path.write_text("\n".join(moved) + "\n", "utf-8")
            continue
        content = json.loads(path.read_text("utf-8"))
        for order in content if isinstance(content, list) else content["orders"]:
            place, part = (order["customer"], "address") if "products" in order else (order["shipping_address"], "city")
            place[part] = chance.choice([place[part], place[part], "Elsewhere", None])
        path.write_text(json.dumps(content), "utf-8")


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """A project with generated files of all shops, of customers who move; loaded and built. For reading only."""

    def make(folder):
        with Lake.init(folder, SHOPS) as lake:
            for seed, shop in enumerate(SHOPS):
                generate(shop, 1500, seed=seed, out=lake.project.raw)
            let_customers_move(lake.project.raw, random.Random(7))
            lake.run()
            lake.build()

    return once(tmp_path_factory, "generated", make)


@pytest.fixture
def lake(samples):
    with Lake(samples, "local") as opened:
        yield opened
