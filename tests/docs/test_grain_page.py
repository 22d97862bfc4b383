"""docs/grain.md: of each statement it shows, the lint says what the page says."""

import re
from pathlib import Path

from orderlake.query.dialect import described
from orderlake.query.grain import fan_outs
from tests.unit.query.grain.lake import known

PAGE = (Path(__file__).parents[2] / "docs" / "grain.md").read_text(encoding="utf-8")
WARNED, LET_BE = (
    [one.strip() for one in block.split(";") if one.strip()]
    for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
)


def test_the_page_shows_both_kinds_and_all_of_them_run():
    tables = {name: {c: fact.type for c, fact in one.columns.items()} for name, one in known().tables.items()}
    assert (len(WARNED), len(LET_BE)) == (5, 7)
    for sql in WARNED + LET_BE:
        described(sql, tables)


def test_what_the_page_calls_warned_of_is_and_what_it_lets_be_is_not():
    assert [sql for sql in WARNED if not fan_outs(sql, known())] == []
    assert [sql for sql in LET_BE if fan_outs(sql, known())] == []


def test_the_message_on_the_page_is_the_one_that_is_printed():
    wrong = "SELECT order_date, sum(total_amount) AS daily_revenue FROM orders_parquet_datalake GROUP BY order_date"
    (found,) = fan_outs(wrong, known())
    assert f"orderlake: warning: {found.message}" in " ".join(PAGE.split())
