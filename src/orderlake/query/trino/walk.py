"""Which constructs mean what in Trino, the engine behind Athena: DuckDB's meaning is kept, or the construct is refused.

Needs sqlglot (the extra `aws`). A statement arrives with every column resolved and every type known. `rewrite` changes
what differs, by class of expression, innermost first; whatever is neither rewritten nor on `SAME` is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlglot import exp

from orderlake.query.trino import dates, groups, numbers, texts
from orderlake.query.trino.nodes import Node, call, no

REFUSED_AS_WRITTEN: Final[Mapping[type[exp.Expr], str]] = {
    exp.Pivot: "write `sum(x) FILTER (WHERE …)` for each column",
    exp.TableSample: "Athena samples otherwise: write `WHERE` with a condition of your own",
    exp.Columns: "name the columns",
    exp.Command: "write a SELECT",
    exp.Placeholder: "write the value",
    exp.Parameter: "write the value",
    exp.Explode: "write `FROM t CROSS JOIN UNNEST(list) AS u(x)`",
    exp.SimilarTo: "write `regexp_matches(x, '^(…)$')`",
    exp.Glob: "write LIKE, or regexp_matches",
    exp.Comprehension: "write list_transform or list_filter",
    exp.Lateral: "write a subquery or CROSS JOIN UNNEST",
    exp.Slice: "write substring(text, start, length)",
    exp.JSONExtract: "declare a column for it in the pipeline (`name: string from path`)",
    exp.JSONExtractScalar: "declare a column for it in the pipeline (`name: string from path`)",
    exp.Struct: "select the values as columns of their own",
    exp.Map: "select the values as columns of their own",
    exp.ToMap: "select the values as columns of their own",
    exp.Median: "Athena has no exact percentiles: write approx_quantile(x, 0.5)",
    exp.PercentileCont: "Athena has no exact percentiles: write approx_quantile(x, q)",
    exp.PercentileDisc: "Athena has no exact percentiles: write approx_quantile(x, q)",
    exp.Quantile: "Athena has no exact percentiles: write approx_quantile(x, q)",
    exp.Mode: "write `GROUP BY x ORDER BY count(*) DESC LIMIT 1`",
    exp.First: "which row is first is not told: write arg_min(x, order) or any_value(x)",
    exp.Last: "which row is last is not told: write arg_max(x, order)",
    exp.DateFromUnixDate: "write CAST('2024-01-31' AS DATE)",
    exp.DateFromParts: "write CAST('2024-01-31' AS DATE)",
    exp.DateBin: "write date_trunc",
    exp.Format: "write || and CAST",
    exp.GenerateSeries: "write the values: (VALUES (1), (2)) AS s(n)",
    exp.EndsWith: "write LIKE '%…'",
}
"""What has no translation, and what to write instead."""


SAME: Final = frozenset(
    """
    Select From Join Where Group Having Order Ordered Limit Offset Fetch With CTE Subquery Table TableAlias Alias Column
    Identifier Star Paren Tuple Values Union Intersect Except Distinct Window WindowSpec Filter Qualify Literal Boolean
    Null Var DataType DataTypeParam Rollup Cube GroupingSets Unnest Array Lambda Schema
    And Or Not Neg Is Like ILike Escape Mul Mod Exists
    Case If Coalesce Nullif
    CountIf Sum Min Max LogicalAnd LogicalOr ArrayAgg Stddev StddevSamp StddevPop Variance VariancePop Corr
    CovarPop CovarSamp ApproxQuantile ApproxDistinct Grouping
    RowNumber Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue NthValue
    Abs Round Ceil Floor Trunc Sign Ln Exp Pow Sqrt IsNan
    Upper Lower Replace Reverse StartsWith StrPosition RegexpLike Pad
    Year Month Day Quarter Week WeekOfYear Hour Minute Second DayOfMonth LastDay
    CurrentDate CurrentTimestamp ArraySize Transform ArrayFilter
    Recursive Materialized
    """.split()  # noqa: SIM905 - a list of this length is read best as text
)
"""Classes of expressions that mean the same, or that sqlglot itself translates right (held by tests)."""


def refuse(tree: exp.Expr, refused: Mapping[type[exp.Expr], str]) -> None:
    """Raise QueryError at the first construct that is refused."""
    for node in tree.walk():
        remedy = refused.get(type(node))
        if remedy is not None:
            raise no(node, remedy)
        if isinstance(node, exp.Join):
            method = " ".join(str(node.args.get(part) or "") for part in ("method", "kind")).upper()
            if any(word in method for word in ("ASOF", "POSITIONAL", "NATURAL", "SEMI", "ANTI")):
                raise no(node, "write JOIN … ON, EXISTS or NOT EXISTS")
        if isinstance(node, exp.Distinct) and node.args.get("on"):
            raise no(node, "write `QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1`")
        if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
            raise no(node, "name the columns in the same order")
        if isinstance(node, exp.Limit) and "%" in node.sql("duckdb"):
            raise no(node, "write a number of rows")


def rewrite(tree: exp.Expr) -> None:
    """Change a typed statement in place to what means the same in Trino; QueryError for what nothing does."""
    for node in reversed(list(tree.walk(bfs=False))):
        handler = _REWRITES.get(type(node))
        if handler is not None:
            changed = handler(node)
            if changed is not node:
                changed.type = node.type
                node.replace(changed)
        elif type(node).__name__ not in SAME:
            raise no(node, "it is not among what is translated")


def _anonymous(node: Node) -> exp.Expr:
    name, arguments = str(node.this).lower(), node.expressions
    if name in {"now", "get_current_timestamp", "transaction_timestamp"}:
        return call("NOW")
    if name in {"date_part", "datepart"}:
        return dates.part(node, arguments[0].name, arguments[1])
    if name in {"date_sub", "datesub"} and arguments[0].name.upper() in dates.UNITS:
        return call("DATE_DIFF", *arguments)
    if name == "try_strptime":
        return call("TRY", call("DATE_PARSE", arguments[0], dates.pattern(node, arguments[1], dates.UNREAD)))
    remedies = {
        "strlen": "write length(x)", "printf": "write || and CAST", "product": "write exp(sum(ln(x)))",
        "suffix": "write LIKE '%…'", "ends_with": "write LIKE '%…'", "prefix": "write starts_with(x, '…')",
        "range": "write the values: (VALUES (1), (2)) AS s(n)",
        "list_aggregate": "aggregate before the list is made", "list_sum": "aggregate before the list is made",
    }  # fmt: skip
    raise no(node, remedies.get(name, "it is not among what is translated"))


_REWRITES: Final[Mapping[type[exp.Expr], Callable[[Node], exp.Expr]]] = {
    exp.Div: numbers.div,
    exp.IntDiv: numbers.int_div,
    exp.Avg: numbers.avg,
    exp.Add: numbers.add,
    exp.Sub: numbers.sub,
    exp.Cast: numbers.cast,
    exp.TryCast: numbers.cast,
    exp.DPipe: texts.joined,
    exp.Concat: texts.joined,
    exp.ConcatWs: texts.joined,
    exp.GroupConcat: groups.string_agg,
    exp.ArgMax: groups.arg_best("MAX_BY"),
    exp.ArgMin: groups.arg_best("MIN_BY"),
    exp.Greatest: numbers.best,
    exp.Least: numbers.best,
    exp.TimeToStr: dates.strftime,
    exp.StrToTime: dates.strptime,
    exp.AtTimeZone: dates.zone,
    exp.DayOfWeek: lambda node: dates.sunday_first(node.this),
    exp.DayOfWeekIso: lambda node: call("DAY_OF_WEEK", node.this),
    exp.DayOfYear: lambda node: call("DAY_OF_YEAR", node.this),
    exp.Dayname: lambda node: call("DATE_FORMAT", node.this, exp.Literal.string("%W")),
    exp.Monthname: lambda node: call("DATE_FORMAT", node.this, exp.Literal.string("%M")),
    exp.Extract: lambda node: dates.part(node, node.this.name, node.expression),
    exp.TimeToUnix: lambda node: dates.unix(node.this),
    exp.DateDiff: dates.unit,
    exp.TimestampTrunc: dates.unit,
    exp.DateTrunc: dates.unit,
    exp.Length: texts.length,
    exp.Substring: texts.substring,
    exp.Left: texts.end,
    exp.Right: texts.end,
    exp.Contains: texts.contains,
    exp.ArrayContains: texts.contains,
    exp.Bracket: groups.element,
    exp.RegexpReplace: texts.regexp_replace,
    exp.RegexpExtract: texts.regexp_extract,
    exp.AnyValue: groups.any_value,
    exp.IgnoreNulls: groups.ignore_nulls,
    exp.Count: groups.count,
    exp.DateAdd: dates.date_add,
    exp.Interval: dates.interval,
    exp.SplitPart: texts.split_part,
    exp.Trim: texts.trim,
    **dict.fromkeys(
        (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.NullSafeEQ, exp.NullSafeNEQ),
        numbers.compared,
    ),
    exp.Anonymous: _anonymous,
    exp.Unnest: groups.unnest,
}
