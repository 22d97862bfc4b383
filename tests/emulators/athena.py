"""Stands in for Athena: a strict HTTP endpoint of its protocol (JSON 1.1) that answers by running the SQL on DuckDB.

What it shows: that a real boto3 client gets real answers through every call, state, page, fault and refusal that we
handle. What it cannot show: that Trino, the engine in Athena, reads the SQL as we mean it. The SQL is put back into
DuckDB's (trino_on_duckdb), so a translation that no Trino parser reads, or that gives another answer, fails.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

import duckdb
import sqlglot

from tests.emulators.trino_on_duckdb import MACROS, NotTrinoError, on_duckdb

TYPES: Final = {
    "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "HUGEINT": "bigint",
    "DOUBLE": "double", "FLOAT": "float", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone", "VARCHAR": "varchar",
}  # fmt: skip
LARGEST_PAGE: Final = 1000
LONGEST_QUERY: Final = 262_144
SHORTEST_TOKEN: Final = 32


class RefusedError(Exception):
    """An answer with an error code."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Execution:
    """One query: it is queued when it is first looked at, running then, done at the third look."""

    sql: str
    token: str
    looks: int = 0
    stopped: bool = False
    answer: tuple[list[tuple[str, str]], list[tuple[Any, ...]]] | None = None
    error: str | None = None


@dataclass
class Athena:
    """The endpoint.

    `prepare` puts `tables` (columns with DuckDB types) into a DuckDB, `scanned` is what each query scans, `cutoff` the
    workgroup's limit.
    """

    prepare: Callable[[duckdb.DuckDBPyConnection], None]
    tables: Mapping[str, Mapping[str, str]]
    workgroup: str = "shop"
    database: str = "shop"
    scanned: int = 1_234_567
    cutoff: int | None = None
    never_ends: bool = False
    executions: dict[str, Execution] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, call: str, code: str, message: str = "", times: int = 1) -> None:
        """Answer the next such calls with an error."""
        self.faults += [(call, code, message)] * times

    def __enter__(self) -> Self:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        athena = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    athena.signed(self.headers.get("Authorization", ""))
                    status, answer = 200, athena.call(self.headers["X-Amz-Target"].removeprefix("AmazonAthena."), body)
                except RefusedError as error:
                    status, answer = error.status, {"__type": error.code, "message": str(error)}
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def signed(self, authorization: str) -> None:
        if not authorization.startswith("AWS4-HMAC-SHA256 "):
            raise RefusedError("MissingAuthenticationTokenException", "sign the request")

    def call(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.calls.append(name)
            for at, (call, code, message) in enumerate(self.faults):
                if call == name:
                    del self.faults[at]
                    raise RefusedError(code, message)
            handlers: dict[str, Callable[..., dict[str, Any]]] = {
                "StartQueryExecution": self._start,
                "GetQueryExecution": self._look,
                "GetQueryResults": self._results,
                "StopQueryExecution": self._stop,
                "GetWorkGroup": self._group,
            }
            if name not in handlers:
                raise RefusedError("UnknownOperationException", name)
            return handlers[name](**body)

    def _start(self, **body: Any) -> dict[str, Any]:
        unknown = set(body) - {"QueryString", "ClientRequestToken", "QueryExecutionContext", "WorkGroup"}
        if unknown:
            raise RefusedError("InvalidRequestException", f"unexpected {unknown}")
        sql, token = body["QueryString"], body["ClientRequestToken"]
        if not 1 <= len(sql) <= LONGEST_QUERY or len(token) < SHORTEST_TOKEN:
            raise RefusedError("InvalidRequestException", "QueryString or ClientRequestToken has the wrong length")
        if body["WorkGroup"] != self.workgroup:
            raise RefusedError("InvalidRequestException", f"WorkGroup {body['WorkGroup']} is not found.")
        for query, execution in self.executions.items():
            if execution.token == token:
                if execution.sql != sql:
                    raise RefusedError("InvalidRequestException", "Idempotent parameters do not match")
                return {"QueryExecutionId": query}
        query = str(uuid.uuid4())
        self.executions[query] = execution = Execution(sql, token)
        if body["QueryExecutionContext"] != {"Database": self.database, "Catalog": "AwsDataCatalog"}:
            execution.error = f"SCHEMA_NOT_FOUND: {body['QueryExecutionContext']}"
        else:
            self._run(execution)
        return {"QueryExecutionId": query}

    def _run(self, execution: Execution) -> None:
        if self.cutoff is not None and self.scanned > self.cutoff:
            execution.error = "Query cancelled! : Bytes scanned limit was exceeded"
            return
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for macro in MACROS:
                connection.execute(macro)
            self.prepare(connection)
            try:
                done = connection.execute(on_duckdb(execution.sql, self.tables))
                columns = [(name.lower(), str(kind)) for name, kind, *_ in done.description or []]
                rows = done.fetchall()
                if execution.sql.startswith("EXPLAIN"):
                    columns, rows = [("Query Plan", "VARCHAR")], [(line,) for line in str(rows[0][1]).splitlines()]
                execution.answer = columns, rows
            except (duckdb.Error, sqlglot.errors.SqlglotError, NotTrinoError) as error:
                execution.error = f"GENERIC_USER_ERROR: {error}"

    def _found(self, query: str) -> Execution:
        if query not in self.executions:
            raise RefusedError("InvalidRequestException", f"QueryExecution {query} was not found")
        return self.executions[query]

    def _state(self, execution: Execution) -> str:
        if execution.stopped:
            return "CANCELLED"
        if execution.looks < 3 or self.never_ends:
            return ("QUEUED", "QUEUED", "RUNNING", "RUNNING")[min(execution.looks, 3)]
        return "SUCCEEDED" if execution.error is None else "FAILED"

    def _look(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803 - the protocol's name
        execution = self._found(QueryExecutionId)
        execution.looks += 1
        state = self._state(execution)
        status: dict[str, Any] = {"State": state, "SubmissionDateTime": 1.7e9}
        if state == "FAILED":
            status["StateChangeReason"] = execution.error
            status["AthenaError"] = {"ErrorCategory": 2, "Retryable": False, "ErrorMessage": execution.error}
        done = state == "SUCCEEDED"
        return {
            "QueryExecution": {
                "QueryExecutionId": QueryExecutionId,
                "Query": execution.sql,
                "StatementType": "UTILITY" if execution.sql.startswith("EXPLAIN") else "DML",
                "WorkGroup": self.workgroup,
                "Status": status,
                "ResultConfiguration": {"OutputLocation": f"s3://ops/athena-results/{QueryExecutionId}.csv"},
                "Statistics": {
                    "EngineExecutionTimeInMillis": 812 if done else 0,
                    "QueryQueueTimeInMillis": 95,
                    "TotalExecutionTimeInMillis": 907 if done else 95,
                    "DataScannedInBytes": self.scanned if done else 0,
                },
            }
        }

    def _results(self, QueryExecutionId: str, MaxResults: int = LARGEST_PAGE, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803 - the protocol's names
        execution = self._found(QueryExecutionId)
        state = self._state(execution)
        if state != "SUCCEEDED" or execution.answer is None:
            raise RefusedError("InvalidRequestException", f"Query has not yet finished. Current state: {state}")
        if not 1 <= MaxResults <= LARGEST_PAGE:
            raise RefusedError("InvalidRequestException", "MaxResults is out of range")
        columns, rows = execution.answer
        header = [] if execution.sql.startswith("EXPLAIN") else [tuple(name for name, _ in columns)]
        lines = [*header, *(tuple(text_of(value) for value in row) for row in rows)]
        start = int(NextToken)
        page = lines[start : start + MaxResults]
        more = {"NextToken": str(start + MaxResults)} if start + MaxResults < len(lines) else {}
        return more | {
            "ResultSet": {
                "Rows": [{"Data": [{} if text is None else {"VarCharValue": text} for text in line]} for line in page],
                "ResultSetMetadata": {"ColumnInfo": [_column(name, kind) for name, kind in columns]},
            },
            "UpdateCount": 0,
        }

    def _stop(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803 - the protocol's name
        self._found(QueryExecutionId).stopped = True
        return {}

    def _group(self, WorkGroup: str) -> dict[str, Any]:  # noqa: N803 - the protocol's name
        if WorkGroup != self.workgroup:
            raise RefusedError("InvalidRequestException", f"WorkGroup {WorkGroup} is not found.")
        limit = {} if self.cutoff is None else {"BytesScannedCutoffPerQuery": self.cutoff}
        return {"WorkGroup": {"Name": WorkGroup, "Configuration": {"EnforceWorkGroupConfiguration": True} | limit}}


def _column(name: str, kind: str) -> dict[str, Any]:
    found = {"Name": name, "Label": name, "Type": "decimal" if kind.startswith("DECIMAL") else TYPES[kind]}
    if kind.startswith("DECIMAL"):
        precision, scale = kind[len("DECIMAL(") : -1].split(",")
        return found | {"Precision": int(precision), "Scale": int(scale)}
    return found


def text_of(value: object) -> str | None:
    """A value as Athena writes it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=None).isoformat(" ", "microseconds")
        return moment if value.tzinfo is None else f"{moment} UTC"
    if isinstance(value, float):
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))
    if isinstance(value, date | Decimal | int | str):
        return str(value)
    raise TypeError(f"Athena has no text for {value!r} here")
