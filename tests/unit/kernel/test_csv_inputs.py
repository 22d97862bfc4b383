"""CSV as spreadsheets, databases and people write it becomes the same rows, or a reason."""

from __future__ import annotations

import datetime as dt
import gzip
from decimal import Decimal

import pytest

from orderlake.errors import UnreadableShareError
from tests.unit.kernel.staging import ROWS, stage_files, stage_one, stream_of

COLUMNS = ("id", "day", "amount", "note")
EXPECTED = [
    (1, dt.date(2024, 1, 5), Decimal("10.50"), 'Zoë; said, "hi"|\tx'),
    (2, None, Decimal("20.00"), None),
]
TABLE = [["id", "day", "amount", "note"], ["1", "2024-01-05", "10.5", EXPECTED[0][3]], ["2", "", "20", ""]]
BAD = "bad,2024-01-05,1,x\n"
"""A row that makes the careful reader read its neighbours too."""


def write(table, delimiter=",", end="\n", *, always=True):
    def cell(text):
        return '"' + text.replace('"', '""') + '"' if always or any(mark in text for mark in ',;\t|"\r\n') else text

    return "".join(delimiter.join(cell(text) for text in row) + end for row in table)


def rows(folder, content, stream=None):
    return stage_one(folder, content, stream or stream_of(ROWS))


def both(folder, content, expected):
    """The strict and the careful reader give these rows."""
    ends = "" if content.endswith(("\n", "\r")) or not content else "\n"
    assert rows(folder / "strict", content).values(*COLUMNS) == expected
    careful = rows(folder / "careful", content + ends + BAD)
    assert careful.values(*COLUMNS) == expected
    assert [bad[2:] for bad in careful.bad] == [("id", "is not a whole number of 64 bits")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("always", [True, False])
def test_every_delimiter_and_line_end_gives_the_same_rows(tmp_path, delimiter, end, always):
    text = write(TABLE, delimiter, end, always=always)
    assert rows(tmp_path / "strict", text).values(*COLUMNS) == EXPECTED
    bad = write([["bad", "", "", ""]], delimiter, end, always=always)
    assert rows(tmp_path / "careful", text + bad).values(*COLUMNS) == EXPECTED


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + write(TABLE).encode(),
        write(TABLE).encode("utf-16"),
        write(TABLE).encode("utf-16-be"),
        write(TABLE, end="\r\n").encode("latin-1"),
        write(TABLE).encode("cp1252"),
        gzip.compress(write(TABLE).encode(), mtime=0),
    ],
)
def test_encoding_and_compression_are_told_from_the_bytes(tmp_path, data):
    assert rows(tmp_path, data).values(*COLUMNS) == EXPECTED


def test_an_old_encoding_in_a_large_file_is_noticed_when_strict_reading_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("orderlake.kernel.plain._EAGER", 10)
    assert rows(tmp_path, write(TABLE).encode("cp1252")).values(*COLUMNS) == EXPECTED


def test_the_header_may_differ_in_case_blanks_order_and_extra_columns(tmp_path):
    text = ' NOTE ,x,"Amount",ID,,Day\nhi,0,5,7,,2024-02-01\n'
    expected = [(7, dt.date(2024, 2, 1), Decimal("5.00"), "hi")]
    assert rows(tmp_path, text).values(*COLUMNS) == expected
    assert rows(tmp_path / "careful", text + "hi,0,5,x,,\n").values(*COLUMNS) == expected


def test_a_name_that_the_header_has_twice_means_the_first(tmp_path):
    text = "id,day,amount,note,note,ID\n1,,,first,second,9\n"
    assert rows(tmp_path, text).values("id", "note") == [(1, "first")]
    assert rows(tmp_path / "careful", text + "x,,,,,\n").values("id", "note") == [(1, "first")]


@pytest.mark.parametrize(
    "preamble", ["Export of 2024-01-05\n", "\n\n", "Shop;1\n\nid only\n", '"two\nlines",x\n', ",,,\r\n"]
)
def test_lines_before_the_header_are_passed_over(tmp_path, preamble):
    text = preamble + "id,day,amount,note\n1,,,a\n2,,,b\n"
    assert [(row["#n"], row["id"]) for row in rows(tmp_path, text).rows] == [(1, 1), (2, 2)]
    careful = rows(tmp_path / "careful", text + BAD)
    assert [(row["#n"], row["id"]) for row in careful.rows] == [(1, 1), (2, 2)]
    assert careful.bad[0][:2] == (3, text.count("\n") + 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,day,amount\n1,,\n", "the header lacks note; it has id, day, amount"),
        ("1,2024-01-05,10,x\n", "no header row names any of id, day, amount, note; the first row is"),
        ('{"id": 1}\n', "no header row names any of"),
    ],
)
def test_a_header_that_lacks_a_declared_column_rejects_the_file_by_name(tmp_path, text, message):
    with pytest.raises(UnreadableShareError, match=message):
        rows(tmp_path, text)


@pytest.mark.parametrize(
    "text", ["", "\n", "\ufeff", "id,day,amount,note", "id,day,amount,note\r\n", "id,day,amount,note\n,,,\n\n"]
)
def test_no_rows_are_nothing_to_load(tmp_path, text):
    staged = rows(tmp_path, text)
    assert (staged.read, staged.rows, staged.bad) == ([0], (), [])


def test_blank_rows_are_neither_read_nor_counted(tmp_path):
    text = 'id,day,amount,note\n1,,,a\n,,,\n\n  , ,"",\t\n2,,,b\n'
    staged = rows(tmp_path / "strict", text.replace(",\t\n", ", \n"))
    assert (staged.read, staged.column("id")) == ([2], [1, 2])
    careful = rows(tmp_path / "careful", text.replace(",\t\n", ", \n") + BAD)
    assert careful.read == [3]
    assert [row["#n"] for row in careful.rows] == [row["#n"] for row in staged.rows]
    assert careful.bad[0][:2] == (3, 7)


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        ('"two\nlines"', "two\nlines"),
        ('"two\r\nlines"', "two\r\nlines"),
        ('"a ""quoted"" word"', 'a "quoted" word'),
        ('x"y', 'x"y'),
        ('""', None),
        ('" "', None),
        (" padded ", " padded "),
        ('" padded "', " padded "),
        (' "after a blank"', "after a blank"),
        ('"before a blank" ', "before a blank"),
        ("\\x00", "\\x00"),
        ("x" * 1_000_000, "x" * 1_000_000),
        ('"' + 'y"",\n' * 100_000 + '"', ('y",\n' * 100_000).strip(" ")),
    ],
)
def test_fields_come_as_they_are_meant(tmp_path, cell, note):
    both(tmp_path, f"id,day,amount,note\n1,,,{cell}\n2,,,z\n", [(1, None, None, note), (2, None, None, "z")])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2,2024-01-05,1", "has 3 fields where the header has 4"),
        ("2,2024-01-05,1,x,y", "has 5 fields where the header has 4"),
        ("2", "has 1 fields where the header has 4"),
        ('2,,,"x"y', "is not CSV: "),
        ('2,,,"never closed', "is not CSV: "),
        ("2,,,a\0b", "holds a NUL byte"),
        ("two,,,x", "is not a whole number of 64 bits"),
        ("1.5,,,x", "is not a whole number of 64 bits"),
        (",,,x", "is missing"),
        ("2,2024-02-30,,x", "is not a date like 2024-12-31"),
        ("2,1/5/2024,,x", "is not a date like 2024-12-31"),
        ("2,epoch,,x", "is not a date like 2024-12-31"),
        ("2,,10.005,x", "is not a number with at most 2 decimals and 16 digits before them"),
        ('2,,"1,50",x', "is not a number with at most 2 decimals and 16 digits before them"),
        ("2,,NaN,x", "is not a number with at most 2 decimals and 16 digits before them"),
    ],
)
@pytest.mark.parametrize("where", ["middle", "end"])
def test_a_wrong_row_is_set_aside_with_its_number_line_and_text(tmp_path, row, reason, where):
    after = '\n3,,,"last one"\n' if where == "middle" else ""
    staged = rows(tmp_path, f'id,day,amount,note\n1,,,"a\nb"\n{row}{after}')
    assert staged.column("id") == ([1, 3] if after else [1])
    ((number, line, _, said),) = staged.bad
    assert (number, line) == (2, 4)
    assert said.startswith(reason)
    assert staged.rejections[0].raw == row.replace("\0", "\\x00")


def test_a_damaged_byte_costs_one_row(tmp_path):
    data = b"id,day,amount,note\n1,,,Zo\xc3\xab\n2,,,Zo\xeb\n3,,,c\n"
    staged = rows(tmp_path, data)
    assert staged.column("id") == [1, 3]
    assert staged.bad == [(2, 3, "", "is not valid UTF-8")]


def test_amounts_and_ids_are_exact(tmp_path):
    text = "id,day,amount,note\n820982911946154508,,1234567890123456.78,\n007,,10.200000000000001,\n"
    expected = [
        (820982911946154508, None, Decimal("1234567890123456.78"), None),
        (7, None, Decimal("10.20"), None),
    ]
    both(tmp_path, text, expected)


def test_a_declared_format_reads_other_dates(tmp_path):
    stream = stream_of(ROWS)
    columns = {"id": "bigint required", "day": {"type": "date", "format": "%m/%d/%Y"}}
    stream = stream_of(ROWS, tables={"rows": {"columns": columns}})
    staged = rows(tmp_path, "id,day\n1,10/2/2017\n2,2017-10-02\n", stream)
    assert staged.values("id", "day") == [(1, dt.date(2017, 10, 2))]
    assert staged.bad == [(2, 3, "day", "is not a date like %m/%d/%Y")]


def test_a_single_column_passes_over_blank_lines_in_both_readers(tmp_path):
    stream = stream_of("format: csv", tables={"rows": {"columns": {"id": "bigint required"}}})
    strict, careful = (rows(tmp_path / tail, f"id\n1\n\n3\n{tail}\n", stream) for tail in ("4", "x"))
    assert [row["#n"] for row in strict.rows] == [1, 2, 3]
    assert [row["#n"] for row in careful.rows] == [1, 2]
    assert careful.bad[0][:2] == (3, 5)


def test_columns_with_odd_names(tmp_path):
    columns = {
        "id": "bigint required",
        "a": {"type": "string", "path": 'it\'s "so", ä'},
        "b": {"type": "string", "path": "_n"},
    }
    stream = stream_of("format: csv", tables={"rows": {"columns": columns}})
    text = 'id,_n,"it\'s ""so"", ä"\n1,x,y\n'
    for tail in ("", "bad,,\n"):
        assert rows(tmp_path / str(len(tail)), text + tail, stream).values("id", 'it\'s "so", ä', "_n") == [
            (1, "y", "x")
        ]


def test_a_group_keeps_each_fault_with_its_file(tmp_path):
    head = b"id,day,amount,note\n"
    files = {
        "a": head + b"1,,,\n2,,,\n",
        "empty": b"",
        "b": head + b"3,,,\nx,,,\n5,,,\n",
        "c": head,
        "d": head + b"6,,,",
    }
    staged = stage_files(tmp_path, stream_of(ROWS), files)
    assert staged.read == [2, 0, 3, 0, 1]
    assert [(row["#source"], row["#n"], row["id"]) for row in staged.rows] == [
        (0, 1, 1),
        (0, 2, 2),
        (2, 1, 3),
        (2, 3, 5),
        (4, 1, 6),
    ]
    with pytest.raises(UnreadableShareError) as caught:
        stage_files(tmp_path / "bad", stream_of(ROWS), files | {"d": b"no,header\n"})
    assert caught.value.source == 4


# --- decimal commas

COMMA = ROWS.replace("format: csv", 'format: csv\ndecimal: ","')


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("10,5", "10.50"),
        ("10", "10.00"),
        ("-0,05", "-0.05"),
        ("+7,00", "7.00"),
        (" 7,10 ", "7.10"),
        ("007,10", "7.10"),
        ("1.234,50", "1234.50"),
        ("1.234", "1234.00"),
        ("12.345.678,90", "12345678.90"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1\u202f234\u202f567,50", "1234567.50"),
        ("1'234,50", "1234.50"),
        ("1234567890123456,78", "1234567890123456.78"),
        ("10,200000000000001", "10.20"),
        ("", None),
    ],
)
@pytest.mark.parametrize("delimiter", [";", ","])
def test_numbers_with_a_decimal_comma_are_exact_where_it_is_declared(tmp_path, cell, amount, delimiter):
    table = [["id", "day", "amount", "note"], ["1", "2024-01-05", cell, "1,5"], ["1.002", "", "2", ""]]
    wanted = [
        (1, dt.date(2024, 1, 5), None if amount is None else Decimal(amount), "1,5"),
        (1002, None, Decimal(2), None),
    ]
    text = write(table, delimiter)
    assert rows(tmp_path / "strict", text, stream_of(COMMA)).values(*COLUMNS) == wanted
    bad = write([["bad", "", "", ""]], delimiter)
    careful = rows(tmp_path / "careful", text + bad, stream_of(COMMA))
    assert careful.values(*COLUMNS) == wanted
    assert careful.bad == [(3, 4, "id", "is not a number like 1.234 that fits bigint")]


@pytest.mark.parametrize(
    "cell",
    [
        "10.50",
        "1.23,4",
        "1,234.50",
        "1.234.5",
        "1.234'567,8",
        "12.3456",
        ",5",
        "5,",
        "1e3",
        "10,005",
        "10,5 €",
        "-",
        "x",
    ],
)
def test_a_number_that_is_not_written_with_a_decimal_comma_is_set_aside_where_it_is_declared(tmp_path, cell):
    staged = rows(tmp_path, write([*TABLE[:1], ["1", "", cell, ""], ["2", "", "1,5", ""]], ";"), stream_of(COMMA))
    assert staged.values("id", "amount") == [(2, Decimal("1.50"))]
    assert staged.bad == [(1, 2, "amount", "is not a number like 1.234,50 that fits decimal(18,2)")]


def test_a_decimal_comma_is_of_doubles_and_whole_numbers_too_and_of_no_id(tmp_path):
    columns = {"id": "id required", "rate": "double", "count": "int"}
    stream = stream_of(COMMA, tables={"rows": {"columns": columns}})
    text = "id;rate;count\n7;0,125;1.000\n1.008;1,5;2\n9;1.5;2\n10;1,5;2,5\n"
    staged = rows(tmp_path, text, stream)
    assert staged.values("id", "rate", "count") == [(7, 0.125, 1000)]
    assert [(number, field, reason) for number, _, field, reason in staged.bad] == [
        (2, "id", "is not a whole number of 64 bits"),
        (3, "rate", "is not a number like 1.234,50 that fits double"),
        (4, "count", "is not a number like 1.234 that fits int"),
    ]
