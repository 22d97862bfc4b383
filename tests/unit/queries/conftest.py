"""Lakes that saved queries are asked of, and their twins: the same tables, asked in what Athena would be asked."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orderlake.generate import Kind, generate
from orderlake.lake import Lake
from orderlake.query.athena_values import conformed
from orderlake.query.dialect import translate
from orderlake.querying import declared
from orderlake.samples import sample_paths
from orderlake.values import plain
from tests.emulators.trino_on_duckdb import MACROS, on_duckdb

KINDS: tuple[Kind, ...] = ("orders", "olist", "shopify")
TODAY = date(2024, 12, 31)


class Shop:
    """A lake to ask saved queries; each answer is compared with that of the translation for Athena, run back here."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.session = lake.session()
        self.declared = declared(lake._backends)
        self.twin = duckdb.connect()
        self.twin.execute("SET TimeZone = 'UTC'")
        for macro in MACROS:
            self.twin.execute(macro)
        for table in self.session.tables():
            columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
            self.twin.execute(f"CREATE TABLE {table.name} ({columns})")
            if table.files:
                files = f"read_parquet({list(table.files)}, hive_partitioning = false)"
                self.twin.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM {files}")

    def ask(self, name: str, **params: object) -> list[dict[str, Any]]:
        """The rows of an answer, by column."""
        sql = self.lake.saved_query(name).bound({key: str(value) for key, value in params.items()}, TODAY)
        here = self.session.query(sql)
        translation = translate(sql, self.declared)
        there = self.twin.execute(on_duckdb(translation.sql, self.declared))
        assert tuple(column[0] for column in there.description or ()) == here.columns
        rows = [
            tuple(conformed(value, kind) for value, kind in zip(row, translation.types, strict=True))
            for row in there.fetchall()
        ]
        assert rows == list(here.rows)
        return here.as_dicts()

    def told(self, name: str, *columns: str, **params: object) -> list[str]:
        """The rows of an answer as text, all columns or these."""
        rows = self.ask(name, **params)
        return [" | ".join("NULL" if row[key] is None else plain(row[key]) for key in columns or row) for row in rows]

    def close(self) -> None:
        self.session.close()
        self.twin.close()
        self.lake.close()


def opened(folder: Path, files: Sequence[Path], pipelines: Sequence[str] = KINDS) -> Shop:
    """A lake of some files, each an hour newer than the one before."""
    lake = Lake.init(folder, pipelines)
    for number, file in enumerate(files):
        target = folder / "raw" / file.name
        shutil.copyfile(file, target)
        os.utime(target, (1_700_000_000 + 3600 * number,) * 2)
    reports = lake.run()
    assert [report.status for report in reports] == ["loaded"] * len(files)
    return Shop(lake)


@pytest.fixture(scope="session")
def samples(tmp_path_factory) -> Iterator[Shop]:
    """The bundled samples of all pipelines, corrections included."""
    shop = opened(tmp_path_factory.mktemp("samples"), [path for kind in KINDS for path in sample_paths(kind)])
    yield shop
    shop.close()


@pytest.fixture(scope="session")
def generated_files(tmp_path_factory) -> Path:
    """Files of three shops: 3,000 orders each, over 400 days."""
    folder: Path = tmp_path_factory.mktemp("generated")
    for kind in KINDS:
        (folder / kind).mkdir()
        generate(kind, 3000, 20240229, folder / kind, start=date(2023, 11, 20), days=400)
    return folder


@pytest.fixture(scope="session")
def generated(tmp_path_factory, generated_files) -> Iterator[Shop]:
    """A lake of these files."""
    shop = opened(tmp_path_factory.mktemp("shops"), sorted(generated_files.rglob("*.*")))
    yield shop
    shop.close()


@pytest.fixture
def shop_of(tmp_path) -> Iterator[Callable[..., Shop]]:
    """A lake of some files, by name: a text as it is, all else as JSON."""
    made: list[Shop] = []

    def make(pipeline: str, **files: object) -> Shop:
        paths = []
        for name, content in files.items():
            path = tmp_path / f"{name}{'.csv' if isinstance(content, str) else '.json'}"
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
            paths.append(path)
        made.append(opened(tmp_path / "lake", paths, [pipeline]))
        return made[-1]

    yield make
    for shop in made:
        shop.close()
