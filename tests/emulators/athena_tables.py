"""An Athena that makes tables too: what dbt's adapter sends is run on one DuckDB, and what it makes is put into Glue.

Statements are read with Trino's grammar, as in trino_on_duckdb. What it cannot show: that Athena takes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import sqlglot

from tests.emulators.athena import Athena, Execution, RefusedError
from tests.emulators.trino_on_duckdb import MACROS, NotTrinoError, on_duckdb

_COMMENT: Final = re.compile(r"\A-- /\*.*?\*/\s*", re.DOTALL)
_CREATE: Final = re.compile(r"\Acreate table (\S+)\s+with \((.*?)\n\s*\)\s*as\s(.*)\Z", re.DOTALL | re.IGNORECASE)
_VIEW: Final = re.compile(r"\Acreate or replace view\s+(\S+)\s+as\s(.*)\Z", re.DOTALL | re.IGNORECASE)
_RENAME: Final = re.compile(r"\Aalter table (\S+) rename to (\S+)\Z", re.IGNORECASE)
_DROP: Final = re.compile(r"\Adrop (table|view) if exists (\S+)\Z", re.IGNORECASE)
_KINDS: Final = {"VARCHAR": "string", "INTEGER": "int", "HUGEINT": "bigint", "TIMESTAMP WITH TIME ZONE": "timestamp"}
_ENDED: Final = 3


@dataclass
class BuildingAthena(Athena):
    """The endpoint, with a DuckDB of its own that lasts, and Glue's client for what is made.

    `said` are the statements that changed something, `properties` those of each table as it was made.
    """

    glue: Any = None
    said: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("SET TimeZone = 'UTC'")
        for macro in MACROS:
            self.connection.execute(macro)

    def show(self, table: str, columns: dict[str, str], rows: list[tuple[Any, ...]]) -> None:
        """Put a table of the lake here, as it is now."""
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self.connection.execute(f'CREATE OR REPLACE TABLE "{table}" ({declared})')
        if rows:
            self.connection.executemany(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(columns))})', rows)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """What a table holds."""
        return sorted(self.connection.execute(f'FROM "{table}"').fetchall(), key=repr)

    def _start(self, **body: Any) -> dict[str, Any]:
        context = body["QueryExecutionContext"]
        if context["Database"] != self.database or body["WorkGroup"] != self.workgroup:
            raise RefusedError("InvalidRequestException", f"{context} {body['WorkGroup']}")
        execution = Execution(body["QueryString"], body["ClientRequestToken"], looks=_ENDED)
        self.executions[execution.token] = execution
        self._run(execution)
        return {"QueryExecutionId": execution.token}

    def _run(self, execution: Execution) -> None:
        self._forget_what_glue_forgot()
        sql = _COMMENT.sub("", execution.sql).strip()
        sql = re.sub(rf'(["`]awsdatacatalog["`]\.)?["`]{self.database}["`]\.', "", sql).replace("`", '"')
        try:
            execution.answer = self._done(sql)
        except (duckdb.Error, sqlglot.errors.SqlglotError, NotTrinoError) as error:
            execution.error = f"GENERIC_USER_ERROR: {error}\n{sql}"

    def _done(self, sql: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        if found := _CREATE.match(sql):
            table = found[1].strip('"')
            self.properties[table] = found[2]
            self.connection.execute(f'CREATE TABLE "{table}" AS {self._translated(found[3])}')
            self._register(table, "EXTERNAL_TABLE")
        elif found := _VIEW.match(sql):
            table = found[1].strip('"')
            self.connection.execute(f'CREATE OR REPLACE VIEW "{table}" AS {self._translated(found[2])}')
            self._register(table, "VIRTUAL_VIEW")
        elif found := _RENAME.match(sql):
            self.connection.execute(sql)
            self.glue.delete_table(DatabaseName=self.database, Name=found[1].strip('"'))
            self.properties[found[2].strip('"')] = self.properties[found[1].strip('"')]
            self._register(found[2].strip('"'), "EXTERNAL_TABLE")
        elif found := _DROP.match(sql):
            self.connection.execute(sql)
            self.glue.delete_table(DatabaseName=self.database, Name=found[2].strip('"'))
        else:
            done = self.connection.execute(self._translated(sql))
            if not re.match(r"(select|with)\b", sql, re.IGNORECASE):
                self.said.append(sql)
                return [("rows", "BIGINT")], []
            return [(name.lower(), str(kind)) for name, kind, *_ in done.description or []], done.fetchall()
        self.said.append(sql)
        return [("result", "VARCHAR")], []

    def _translated(self, sql: str) -> str:
        columns: dict[str, dict[str, str]] = {}
        found = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        for table, column, kind in self.connection.execute(found).fetchall():
            columns.setdefault(table, {})[column] = kind
        return on_duckdb(sql, columns)

    def _register(self, table: str, kind: str) -> None:
        described = self.connection.execute(f'DESCRIBE "{table}"').fetchall()
        columns = [{"Name": row[0], "Type": _KINDS.get(row[1], row[1].lower())} for row in described]
        place = re.search(r"location='([^']*)'", self.properties.get(table, ""))
        shape = {
            "Name": table,
            "TableType": kind,
            "StorageDescriptor": {"Columns": columns, "Location": "" if place is None else place[1]},
            "Parameters": {"table_type": "ICEBERG"} if kind == "EXTERNAL_TABLE" else {},
        }
        if self._in_glue(table):
            self.glue.update_table(DatabaseName=self.database, TableInput=shape)
        else:
            self.glue.create_table(DatabaseName=self.database, TableInput=shape)

    def _in_glue(self, table: str) -> bool:
        try:
            self.glue.get_table(DatabaseName=self.database, Name=table)
        except self.glue.exceptions.EntityNotFoundException:
            return False
        return True

    def _forget_what_glue_forgot(self) -> None:
        """The adapter drops tables in Glue, without a statement."""
        made = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'main'"
        for table, kind in self.connection.execute(made).fetchall():
            if table not in self.tables and not self._in_glue(table):
                self.connection.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} "{table}"')
