"""The columns of a source read paths that one record can have."""

import pytest

from orderlake.errors import ConfigError
from orderlake.model.column import parse_column
from orderlake.model.paths import check_paths, list_on


def check(tables):
    """`tables` have a list (or none), and columns by name."""
    columns = [
        (f"{table}.{name}", tuple(filter(None, rows.split("."))), parse_column(name, text))
        for table, (rows, declared) in tables.items()
        for name, text in declared.items()
    ]
    check_paths(columns, [(table, tuple(rows.split("."))) for table, (rows, _) in tables.items() if rows])


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (
            {"t": ("", {"a": "string", "b": "string from a.b"})},
            "t.a: a is declared as a value here, and as an object elsewhere",
        ),
        (
            {"t": ("", {"a": "string from x.Id", "b": "string from x.id"})},
            "t.b: the fields Id and id differ only in case; a pipeline can read one",
        ),
        (
            {"t": ("Lines", {"a": "string from Lines.id"}), "u": ("lines", {"a": "string from lines.id"})},
            "u.a: the fields Lines and lines differ only in case; a pipeline can read one",
        ),
        (
            {"t": ("lines", {"a": "string from lines.id"}), "u": ("", {"b": "string from lines.sku"})},
            "u.b: lines is a list; give the table `rows: lines`",
        ),
        (
            {"t": ("lines", {"a": "string from lines.id", "b": "string from lines"})},
            "t.b: lines is a list; a column reads a field of its elements",
        ),
        (
            {"t": ("lines", {"a": "string", "n": "int from lines.$position"})},
            "t: no column reads a field of the elements of lines",
        ),
        (
            {"t": ("lines.parts", {"a": "string from lines.id"})},
            "t: no column reads a field of the elements of lines.parts",
        ),
    ],
)
def test_what_no_record_can_meet_is_refused_with_its_place(tables, says):
    with pytest.raises(ConfigError) as refused:
        check(tables)
    assert str(refused.value) == says


def test_a_table_may_read_from_every_list_on_the_way_to_its_own_and_a_path_may_be_read_twice():
    check(
        {
            "t": ("", {"a": "string", "b": "bigint from a"}),
            "u": ("lines.parts", {"a": "string", "b": "string from lines.id", "c": "string from lines.parts.Id"}),
        }
    )


def test_the_list_on_the_way_is_the_innermost():
    lists = {("a",), ("a", "b", "c")}
    assert [list_on(tuple(path), lists) for path in ("x", "ax", "abx", "abcx")] == [
        None,
        ("a",),
        ("a",),
        ("a", "b", "c"),
    ]
