"""`orderlake --env aws build` through dbt's own adapter for Athena, with endpoints that stand in for AWS."""

import re
from dataclasses import replace

import pytest

from orderlake import Lake, clients
from orderlake.building.origin import origin_of
from tests.emulators.athena_tables import BuildingAthena
from tests.own_models import own_models, rows
from tests.reference import NOON, SECOND, new_lake, order, written

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
MARTS = ("fct_lines", "fct_heads", "agg_daily")


@pytest.fixture
def twins(aws, tmp_path, monkeypatch):
    """A lake in folders, and a deployment whose Athena shows the same tables."""
    settings = aws.deploy()
    with new_lake(tmp_path / "shop") as local:
        own_models(local)
        tables = {table.name: dict(table.columns) for table in origin_of(local._backends).tables}
        with BuildingAthena(
            lambda _: None, tables, settings.workgroup, settings.database, glue=aws.client("glue")
        ) as athena:
            monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", athena.url)
            with Lake.of(replace(local.project, aws=settings)) as deployed:
                yield local, deployed, athena
            clients.forget_clients()


def load(lake, athena, name, records, mtime):
    written(lake, lake.project.raw / f"orders_{name}.json", records, mtime)
    lake.run()
    for table, columns in athena.tables.items():
        athena.show(table, columns, list(lake.query(f"SELECT * FROM {table}").rows))


def test_marts_by_the_adapter_are_those_of_the_local_build_and_so_are_increments(twins):
    local, deployed, athena = twins
    load(local, athena, "1", [order(1, "A", "B"), order(2, "A", day="2024-01-06"), order(3)], NOON)
    local.build()
    report = deployed.build()
    assert (report.status, report.full_refresh) == ("published", True)
    assert {mart: athena.rows(mart) for mart in MARTS} == {mart: rows(local, mart) for mart in MARTS}
    where = f"{deployed.project.aws.lake}/marts/"
    for mart in MARTS:
        made = next(text for table, text in athena.properties.items() if table.startswith(mart))
        assert "table_type='iceberg'" in made
        assert re.findall(r"location='([^']*)'", made)[0].startswith(where)

    athena.said.clear()
    load(local, athena, "2", [order(1, "B"), order(2), order(4, "C", "D")], NOON + SECOND)
    local.build()
    report = deployed.build(["fct_lines+"])  # all of it; the deployed lake itself has loaded nothing
    assert not report.full_refresh
    assert any(statement.startswith("delete from") for statement in athena.said)
    assert {mart: athena.rows(mart) for mart in MARTS} == {mart: rows(local, mart) for mart in MARTS}
