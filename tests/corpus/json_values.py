"""JSON that is JSON, with values that are not what the pipeline declares, or that only look wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Final

from tests.corpus.case import BadRecord, Case, bad, loads, rejects, sets_aside

GOOD: Final = '{"id": 1, "total": 10.5}'
LAST: Final = '{"id": 3, "total": 3}'
MONEY: Final = "is not a number with at most 2 decimals and 16 digits before them"
WHOLE: Final = "is not a whole number of 64 bits"
DATE: Final = "is not a date like 2024-12-31"


def _fine(name: str, record: str, /, **shows: object) -> Case:
    return loads(name, f"[{record}]", 1, **{column: (value,) for column, value in shows.items()})


def _deep(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


RECORDS: Final[tuple[BadRecord, ...]] = (
    bad("a huge exponent as money", '{"id": 2, "total": 1e400}', MONEY, "total"),
    bad("a huge exponent as an id", '{"id": 1e400}', WHOLE, "id"),
    bad("a huge exponent as a double", '{"id": 2, "weight": 1e400}', "is not a finite number", "weight"),
    bad("a thousand digits", f'{{"id": 2, "total": {"9" * 1000}}}', MONEY, "total"),
    bad("an id of 65 bits", '{"id": 18446744073709551616}', WHOLE, "id"),
    bad("an id one too large", '{"id": 9223372036854775808}', WHOLE, "id"),
    bad("an id with a fraction", '{"id": 2.5}', WHOLE, "id"),
    bad("an id of letters", '{"id": "A-17"}', WHOLE, "id"),
    bad("an empty id", '{"id": ""}', WHOLE, "id"),
    bad("an id of null", '{"id": null}', "is missing", "id"),
    bad("no id", '{"total": 1}', "is missing", "id"),
    bad("three decimals", '{"id": 2, "total": 10.005}', MONEY, "total"),
    bad("money with an underscore", '{"id": 2, "total": "1_000"}', MONEY, "total"),
    bad("money with a thousands separator", '{"id": 2, "total": "1,234.50"}', MONEY, "total"),
    bad("money with a decimal comma", '{"id": 2, "total": "10,50"}', MONEY, "total"),
    bad("money with its currency", '{"id": 2, "total": "$10.50"}', MONEY, "total"),
    bad("money with its currency behind", '{"id": 2, "total": "10.50 EUR"}', MONEY, "total"),
    bad("money as words", '{"id": 2, "total": "ten"}', MONEY, "total"),
    bad("money as many words of another language", f'{{"id": 2, "total": "{"ğ" * 99}"}}', MONEY, "total"),
    bad("the same, by a byte further", f'{{"id": 2, "total": "x{"ğ" * 99}"}}', MONEY, "total"),
    bad("money that is not a number", '{"id": 2, "total": "NaN"}', MONEY, "total"),
    bad("money in an object", '{"id": 2, "total": {"amount": 1}}', MONEY, "total"),
    bad("money in a list", '{"id": 2, "total": [1]}', MONEY, "total"),
    bad("a double without end", '{"id": 2, "weight": "Infinity"}', "is not a finite number", "weight"),
    bad("a date as in America", '{"id": 2, "day": "10/2/2017"}', DATE, "day"),
    bad("a date as in Europe", '{"id": 2, "day": "31.12.2017"}', DATE, "day"),
    bad("a date of two digits", '{"id": 2, "day": "10/2/17"}', DATE, "day"),
    bad("a day that never was", '{"id": 2, "day": "2023-02-29"}', DATE, "day"),
    bad("a month that never was", '{"id": 2, "day": "2023-13-01"}', DATE, "day"),
    bad("a date of zeros", '{"id": 2, "day": "0000-00-00"}', DATE, "day"),
    bad("an empty date", '{"id": 2, "day": ""}', DATE, "day"),
    bad("a date as a number", '{"id": 2, "day": 1704412800}', DATE, "day"),
    bad("a date as a word", '{"id": 2, "day": "today"}', DATE, "day"),
    bad("a date beyond the calendar", '{"id": 2, "day": "10000-01-01"}', DATE, "day"),
    bad("a boolean of another language", '{"id": 2, "paid": "ja"}', "is neither true nor false", "paid"),
    bad("a key twice", '{"id": 2, "id": 5}', "has a key twice", ""),
    bad("a key twice with one value", '{"id": 2, "note": "a", "note": "a"}', "has a key twice", ""),
    bad("a key twice within", '{"id": 2, "customer": {"name": "A", "name": "B"}}', "has a key twice", "customer"),
    bad("a key twice in a list", '{"id": 2, "lines": [{"sku": "a", "sku": "b"}]}', "has a key twice", "lines"),
    bad("text where an object is declared", '{"id": 2, "customer": "Ann"}', "is text, not an object", "customer"),
    bad("a list where an object is declared", '{"id": 2, "customer": [{"name": "A"}]}', "is a list, not", "customer"),
    bad("a number where an object is declared", '{"id": 2, "customer": 7}', "is a number, not an object", "customer"),
    bad("text where a list is declared", '{"id": 2, "lines": "a, b"}', "is text, not a list", "lines"),
    bad("a list of texts", '{"id": 2, "lines": ["a", "b"]}', "holds text, not an object", "lines"),
    bad("a null in a list", '{"id": 2, "lines": [{"sku": "a"}, null]}', "holds null, not an object", "lines"),
    bad("a list in a list", '{"id": 2, "lines": [[{"sku": "a"}]]}', "holds a list, not an object", "lines"),
    bad(
        "a bad value in one of many lines",
        '{"id": 2, "lines": [{"sku": "a"}, {"quantity": "two"}]}',
        "is not a whole number of 32 bits",
        "lines.quantity",
    ),
)

CASES: Final[tuple[Case, ...]] = (
    _fine("the largest id", '{"id": 9223372036854775807}', id=9223372036854775807),
    _fine("an id beyond a double", '{"id": 9007199254740993}', id=9007199254740993),
    _fine("an id in a text", '{"id": "17"}', id=17),
    _fine("an id with leading zeros in a text", '{"id": "007"}', id=7),
    _fine("an id with a zero fraction", '{"id": 17.0}', id=17),
    _fine("an id below zero", '{"id": -17}', id=-17),
    _fine("an id of minus zero", '{"id": -0}', id=0),
    _fine("money in a text", '{"id": 1, "total": "10.50"}', total=Decimal("10.50")),
    _fine("money with an exponent", '{"id": 1, "total": 1.05E+1}', total=Decimal("10.50")),
    _fine("money of minus zero", '{"id": 1, "total": -0.0}', total=Decimal("0.00")),
    _fine("money with the noise of a double", '{"id": 1, "total": 10.200000000000001}', total=Decimal("10.20")),
    _fine("money of 17 digits", '{"id": 1, "total": 123456789012345.67}', total=Decimal("123456789012345.67")),
    _fine("money below a double's smallest", '{"id": 1, "total": 0e-400}', total=Decimal("0.00")),
    _fine("a date with a time", '{"id": 1, "day": "2024-01-05T23:54:00"}', **{"CAST(day AS VARCHAR)": "2024-01-05"}),
    _fine("a leap day", '{"id": 1, "day": "2024-02-29"}', **{"CAST(day AS VARCHAR)": "2024-02-29"}),
    _fine("a number where text is declared", '{"id": 1, "note": 10.50}', note="10.5"),
    _fine("an object where text is declared", '{"id": 1, "note": {"a": [1, 2]}}', note='{"a":[1,2]}'),
    _fine("an empty text", '{"id": 1, "note": ""}', note=""),
    _fine("a text of blanks", '{"id": 1, "note": "  "}', note="  "),
    _fine("the word null", '{"id": 1, "note": "null"}', note="null"),
    _fine("a text of brackets", '{"id": 1, "note": "}],[{\\"id\\": 9}"}', note='}],[{"id": 9}'),
    _fine("escapes", '{"id": 1, "note": "\\u00e9\\n\\t\\"\\\\\\/"}', note='é\n\t"\\/'),
    _fine("a pair of surrogates", '{"id": 1, "note": "\\ud83d\\ude00"}', note="\U0001f600"),
    _fine("characters beyond the basic plane", '{"id": 1, "note": "\U0001f600"}', note="\U0001f600"),
    _fine("a delete character", '{"id": 1, "note": "a\x7fb"}', note="a\x7fb"),
    _fine("a noncharacter", '{"id": 1, "note": "\\uffff"}', note="\uffff"),
    _fine("a byte order mark in a text", '{"id": 1, "note": "\ufeffa"}', note="\ufeffa"),
    _fine("a text of two megabytes", json.dumps({"id": 1, "note": "x" * (2 << 20)}), **{"length(note)": 2 << 20}),
    _fine("an escaped NUL in a text", '{"id": 1, "note": "a\\u0000b"}', note="a\0b"),
    _fine("an undeclared key twice", '{"id": 1, "x": 1, "x": 2}', id=1),
    _fine("an empty key", '{"id": 1, "": "x"}', id=1),
    _fine("a key of blanks", '{"id": 1, " id": 5}', id=1),
    _fine("a key in other letters", '{"id": 1, "ID": 5, "Note": "x"}', id=1, note=None),
    _fine("a key written with escapes", '{"\\u0069d": 1, "n\\u006fte": "x"}', id=1, note="x"),
    _fine("a key of a SQL injection", '{"id": 1, "\'; DROP TABLE orders; --": 1}', id=1),
    _fine(
        "a value of a SQL injection", '{"id": 1, "note": "\'; DROP TABLE orders; --"}', note="'; DROP TABLE orders; --"
    ),
    _fine("an object where a list is declared", '{"id": 1, "lines": {"sku": "a"}}', id=1),
    _fine("a null where a list is declared", '{"id": 1, "lines": null}', id=1),
    _fine("a null where an object is declared", '{"id": 1, "customer": null}', name=None),
    _fine("an empty object where one is declared", '{"id": 1, "customer": {}}', name=None),
    _fine("lists nested a hundred deep", f'{{"id": 1, "x": {_deep(100)}}}', id=1),
    _fine("objects nested a hundred deep", '{"id": 1, "x": ' + '{"a":' * 100 + "1" + "}" * 100 + "}", id=1),
    _fine("lists nested ten thousand deep", f'{{"id": 1, "x": {_deep(10_000)}}}', id=1),
    _fine("objects nested ten thousand deep", '{"id": 1, "x": ' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}", id=1),
    sets_aside(
        "deep nesting beside a bad record",
        f'[{{"id": 1, "x": {_deep(10_000)}}},\n{{"id": "x"}}]',
        1,
        (2, 2, "id", WHOLE),
    ),
    sets_aside(
        "a record broken off ten thousand deep",
        f'{GOOD}\n{{"id": 2, "x": {"[" * 10_000}\n{LAST}\n',
        2,
        (2, 2, "", "is not valid JSON"),
        file=".ndjson",
    ),
    rejects("lists opened a hundred thousand times", "[" * 100_000, "was the upload cut short?"),
    rejects("objects opened a hundred thousand times", '{"a":' * 100_000, "was the upload cut short?"),
    sets_aside("lists nested ten thousand deep alone", _deep(10_000), 0, (1, 1, "", "is a list, not an object")),
    rejects("a text of twenty megabytes", '{"id": 1, "note": "' + "x" * (20 << 20) + '"}', "longer than 16 MiB"),
    sets_aside(
        "a text of twenty megabytes on a line",
        f'{GOOD}\n{{"id": 2, "note": "{"x" * (20 << 20)}"}}\n{LAST}\n',
        2,
        (2, 2, "", "is longer than 16 MiB; this is how it begins"),
        file=".ndjson",
    ),
    _fine("two thousand keys", json.dumps({"id": 1} | {f"key {n}": n for n in range(2000)}), id=1),
    loads("a record of a thousand lines", json.dumps([{"id": 1, "lines": [{"sku": str(n)} for n in range(1000)]}]), 1),
)
