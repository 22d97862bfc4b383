"""SQL over a deployment's tables, answered by Athena: rows, what was scanned, and what it cost.

Tested against an endpoint of our own that speaks Athena's protocol; only a real account can show Athena itself.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from orderlake.clients import client, error_code, translated
from orderlake.config import AwsSettings
from orderlake.errors import CatalogUnavailableError, ConfigError, LakeError, QueryError
from orderlake.query.athena_values import conformed, value_of
from orderlake.query.dialect import Tables, Translation, translate
from orderlake.query.duckdb import QueryStats, Result

_PAGE: Final = 1000
_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 2.0
_TIMEOUT: Final = 30 * 60.0
"""Athena ends a query by itself after 30 minutes, unless the account's quota says otherwise."""
_ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_CUTOFF: Final = "bytes scanned limit"


@dataclass(frozen=True, slots=True)
class AthenaEngine:
    """Answers SELECTs in a deployment's workgroup and Glue database.

    `tables` are the columns of each table that may be asked, `cost` the dollars for so many bytes scanned, `versions`
    the snapshots of tables that are asked as they were. `pause` waits between two looks at a running query, `clock`
    tells when `timeout` seconds are over.
    """

    settings: AwsSettings
    tables: Tables
    cost: Callable[[int], Decimal] | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    timeout: float = _TIMEOUT
    pause: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)

    def run(self, sql: str) -> Result:
        """Answer one SELECT in DuckDB's SQL.

        QueryError says what is wrong with it, CatalogUnavailableError that trying again may help. A query that is given
        up, by Ctrl-C or after `timeout`, is stopped at Athena too: it would go on scanning, and costing, without us.
        """
        if not self.settings.workgroup:
            raise ConfigError("this deployment has no Athena workgroup: `orderlake deploy apply` makes it")
        question = translate(sql, self.tables, self.versions)
        with _errors("the Athena workgroup " + self.settings.workgroup):
            query = self._start(question.sql)
            try:
                execution = self._wait(query)
            except BaseException:
                with suppress(Exception):
                    self._athena.stop_query_execution(QueryExecutionId=query)
                raise
            self._succeeded(execution, question.sql)
            rows = tuple(self._rows(query, execution, question))
        return Result(question.columns, question.types, rows, self._stats(execution))

    @property
    def _athena(self) -> Any:  # noqa: ANN401 - boto3 makes its clients as it goes
        return client("athena", self.settings.region)

    def _start(self, sql: str) -> str:
        """Begin; the token makes a repeated call, after a lost reply, the same query."""
        started = self._athena.start_query_execution(
            QueryString=sql,
            ClientRequestToken=uuid.uuid4().hex,
            QueryExecutionContext={"Database": self.settings.database, "Catalog": "AwsDataCatalog"},
            WorkGroup=self.settings.workgroup,
        )
        return str(started["QueryExecutionId"])

    def _wait(self, query: str) -> dict[str, Any]:
        wait, deadline = _FIRST_WAIT, self.clock() + self.timeout
        while True:
            execution: dict[str, Any] = self._athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            if execution["Status"]["State"] in _ENDED:
                return execution
            if self.clock() >= deadline:
                raise QueryError(
                    f"Athena did not answer within {self.timeout:g} s; the query was stopped: ask for less"
                )
            self.pause(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _succeeded(self, execution: dict[str, Any], sql: str) -> None:
        status = execution["Status"]
        if status["State"] == "SUCCEEDED":
            return
        error = status.get("AthenaError", {})
        said = [status.get("StateChangeReason"), error.get("ErrorMessage")]
        reason = ": ".join(dict.fromkeys(text for text in said if text)) or f"the query was {status['State'].lower()}"
        if _CUTOFF in reason.lower():
            raise QueryError(f"{reason}\n{self._cutoff()}")
        if error.get("Retryable"):
            raise CatalogUnavailableError(f"Athena: {reason}: try again")
        raise QueryError(f"Athena: {reason}\nAthena was asked: {sql}")

    def _cutoff(self) -> str:
        limit = None
        with suppress(Exception):  # the explanation is worth having without the number
            group = self._athena.get_work_group(WorkGroup=self.settings.workgroup)["WorkGroup"]
            limit = group["Configuration"].get("BytesScannedCutoffPerQuery")
        bound = "a limit" if limit is None else f"{limit:,} bytes"
        return (
            f"The workgroup {self.settings.workgroup} stops a query that scans more than {bound}, so that none costs "
            "more than meant: name the columns instead of *, filter by the column that the table is partitioned by, or "
            "raise the limit (`orderlake deploy apply --set scan_limit=BYTES`)."
        )

    def _rows(self, query: str, execution: dict[str, Any], question: Translation) -> Iterator[tuple[Any, ...]]:
        page: dict[str, Any] = {}
        first = True
        while first or page.get("NextToken"):
            token = {} if first else {"NextToken": page["NextToken"]}
            page = self._athena.get_query_results(QueryExecutionId=query, MaxResults=_PAGE, **token)
            columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            rows = page["ResultSet"]["Rows"]
            if first and _is_header(execution, columns, rows):
                rows = rows[1:]
            first = False
            for row in rows:
                cells = zip(columns, row["Data"], question.types, strict=True)
                yield tuple(
                    conformed(value_of(cell.get("VarCharValue"), column["Type"]), kind) for column, cell, kind in cells
                )

    def _stats(self, execution: dict[str, Any]) -> QueryStats:
        found = execution.get("Statistics", {})
        scanned = int(found.get("DataScannedInBytes", 0))
        return QueryStats(
            engine="athena",
            query_id=execution["QueryExecutionId"],
            bytes_scanned=scanned,
            engine_seconds=found.get("EngineExecutionTimeInMillis", 0) / 1000,
            queue_seconds=found.get("QueryQueueTimeInMillis", 0) / 1000,
            location=execution.get("ResultConfiguration", {}).get("OutputLocation", ""),
            cost=None if self.cost is None else self.cost(scanned),
        )


def _is_header(execution: dict[str, Any], columns: list[dict[str, Any]], rows: list[dict[str, Any]]) -> bool:
    """The first row of a SELECT's answer repeats the columns' names; other statements may have none."""
    if execution.get("StatementType") == "DML":
        return bool(rows)
    names = [column["Name"] for column in columns]
    return bool(rows) and [cell.get("VarCharValue") for cell in rows[0]["Data"]] == names


@contextmanager
def _errors(what: str) -> Iterator[None]:
    """A request that Athena finds invalid is the statement's fault; the rest as for any service."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - an optional extra

    with translated(what, CatalogUnavailableError):
        try:
            yield
        except LakeError:
            raise
        except ClientError as error:
            if error_code(error) != "InvalidRequestException":
                raise
            raise QueryError(f"Athena: {error.response['Error'].get('Message', error)}") from error
