"""The bundled models, compiled for sets of pipelines, and built over the samples of all shops; once for all workers."""

import pytest

from orderlake import Lake
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


@pytest.fixture
def lake(samples):
    with Lake(samples, "local") as opened:
        yield opened
