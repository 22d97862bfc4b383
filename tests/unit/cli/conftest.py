"""A project to type commands in, and what a command said."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orderlake.cli import main
from orderlake.lake import Lake

ORDERS = [
    {
        "order_id": 1,
        "order_date": "2024-01-05",
        "total_amount": 200.50,
        "customer": {"customer_id": 7, "name": "Jürgen, Weiß", "email": "j@example.org", "address": "Weg 1"},
        "products": [
            {"product_id": "p1", "name": "Mug", "category": "Home", "price": 100.25, "quantity": 2},
        ],
    },
    {"order_id": 2, "order_date": "2024-02-06", "total_amount": 0.00, "customer": {}, "products": []},
]
BAD = {"order_id": "x", "order_date": "2024-01-05", "note": "first line\nsecond line"}


@dataclass(frozen=True)
class Answer:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Answer]


@pytest.fixture
def cli(capsys) -> Command:
    def run(*words: str) -> Answer:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with the orders pipeline, and us in it."""
    Lake.init(tmp_path, ["orders"]).close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def put(project: Path) -> Callable[..., Path]:
    """Write an order file into raw/, older with each call's `age`."""

    def write(name: str, records: object = ORDERS, age: float = 60) -> Path:
        path = project / "raw" / name
        path.write_text(records if isinstance(records, str) else json.dumps(records, ensure_ascii=False), "utf-8")
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
        return path

    return write


@pytest.fixture
def loaded(project: Path, put: Callable[..., Path], cli: Command) -> Path:
    """The project with one file loaded."""
    put("orders_1.json")
    assert cli("run").code == 0
    return project
