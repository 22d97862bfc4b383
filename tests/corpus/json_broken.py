"""JSON records that are no JSON: each costs itself, and no neighbour."""

from __future__ import annotations

from typing import Final

from tests.corpus.case import BadRecord, Case, bad, loads, sets_aside

FIRST: Final = '{"id": 1, "note": "first"}'
LAST: Final = '{"id": 3, "note": "last"}'

RECORDS: Final[tuple[BadRecord, ...]] = (
    bad("two commas in an object", '{"id": 2,, "note": "x"}', "is not valid JSON: Expecting property name"),
    bad(
        "two commas in a list",
        '{"id": 2, "lines": [{"sku": "a"},,{"sku": "b"}]}',
        "is not valid JSON: Expecting value at character 34",
    ),
    bad(
        "a comma before the first key",
        '{, "id": 2}',
        "is not valid JSON: Expecting property name enclosed in double quotes at character 2",
    ),
    bad("a missing comma", '{"id": 2 "note": "x"}', "is not valid JSON: Expecting ',' delimiter at character 10"),
    bad("a missing colon", '{"id" 2}', "is not valid JSON: Expecting ':' delimiter at character 7"),
    bad("a colon for a comma", '{"id": 2: "note": "x"}', "is not valid JSON: Expecting ',' delimiter at character 9"),
    bad("two colons", '{"id":: 2}', "is not valid JSON: Expecting value at character 7"),
    bad("an equals sign", '{"id"= 2}', "is not valid JSON: Expecting ':' delimiter at character 6"),
    bad("a missing value", '{"id": 2, "note": }', "is not valid JSON: Expecting value at character 19"),
    bad("a key without a value", '{"id": 2, "note"}', "is not valid JSON: Expecting ':' delimiter at character 17"),
    bad(
        "a value without a key",
        '{"id": 2, : "x"}',
        "is not valid JSON: Expecting property name enclosed in double quotes at character 11",
    ),
    bad("a bare key", "{id: 2}", "is not valid JSON: Expecting property name enclosed in double quotes at character 2"),
    bad(
        "a number as a key",
        '{"id": 2, 3: "x"}',
        "is not valid JSON: Expecting property name enclosed in double quotes at character 11",
    ),
    bad(
        "single quotes",
        "{'id': 2, 'note': 'x'}",
        "is not valid JSON: Expecting property name enclosed in double quotes at character 2",
    ),
    bad(
        "Python's words", '{"id": 2, "paid": True, "note": None}', "is not valid JSON: Expecting value at character 19"
    ),
    bad("a bare word", '{"id": 2, "note": nope}', "is not valid JSON: Expecting value at character 19"),
    bad("a cut word", '{"id": 2, "paid": tru}', "is not valid JSON: Expecting value at character 19"),
    bad("a word in capitals", '{"id": 2, "paid": TRUE}', "is not valid JSON: Expecting value at character 19"),
    bad("undefined", '{"id": 2, "note": undefined}', "is not valid JSON: Expecting value at character 19"),
    bad("NaN", '{"id": 2, "weight": NaN}', "is not a finite number", "weight"),
    bad("Infinity", '{"id": 2, "weight": Infinity}', "is not a finite number", "weight"),
    bad("minus Infinity", '{"id": 2, "weight": -Infinity}', "is not a finite number", "weight"),
    bad(
        "a line comment",
        '{"id": 2, "note": "x" // a word\n}',
        "is not valid JSON: Expecting ',' delimiter at character 23",
    ),
    bad(
        "a block comment",
        '{"id": 2, /* a word */ "note": "x"}',
        "is not valid JSON: Expecting property name enclosed in double quotes at character 11",
    ),
    bad("a hash comment", '{"id": 2 # a word\n}', "is not valid JSON: Expecting ',' delimiter at character 10"),
    bad("a number with a leading zero", '{"id": 007}', "is not valid JSON: Expecting ',' delimiter at character 9"),
    bad("a number with a plus", '{"id": +2}', "is not valid JSON: Expecting value at character 8"),
    bad("a number with an underscore", '{"id": 1_000}', "is not valid JSON: Expecting ',' delimiter at character 9"),
    bad(
        "a number with a point at its end",
        '{"id": 2, "total": 2.}',
        "is not valid JSON: Expecting ',' delimiter at character 21",
    ),
    bad(
        "a number with a point at its start",
        '{"id": 2, "total": .5}',
        "is not valid JSON: Expecting value at character 20",
    ),
    bad(
        "a number with two points",
        '{"id": 2, "total": 1.2.3}',
        "is not valid JSON: Expecting ',' delimiter at character 23",
    ),
    bad(
        "a number with a comma",
        '{"id": 2, "total": 10,50}',
        "is not valid JSON: Expecting property name enclosed in double quotes at character 23",
    ),
    bad(
        "a number with an empty exponent",
        '{"id": 2, "total": 1e}',
        "is not valid JSON: Expecting ',' delimiter at character 21",
    ),
    bad("a hexadecimal number", '{"id": 0x2}', "is not valid JSON: Expecting ',' delimiter at character 9"),
    bad("a minus alone", '{"id": 2, "total": -}', "is not valid JSON: Expecting value at character 20"),
    bad("a minus before a blank", '{"id": 2, "total": - 1}', "is not valid JSON: Expecting value at character 20"),
    bad(
        "a template that nobody filled in",
        '{"id": {{ order.id }}}',
        "is not valid JSON: Expecting property name enclosed in double quotes at character 9",
    ),
    bad("a broken escape", '{"id": 2, "note": "C:\\new\\qty"}', "is not valid JSON: Invalid \\escape at character 26"),
    bad(
        "an escape with too few digits",
        '{"id": 2, "note": "\\u12"}',
        "is not valid JSON: Invalid \\uXXXX escape at character 21",
    ),
    bad(
        "an escape with no hexadecimal digits",
        '{"id": 2, "note": "\\uZZZZ"}',
        "is not valid JSON: Invalid \\uXXXX escape at character 21",
    ),
    bad("an escape as in Python", '{"id": 2, "note": "\\x41"}', "is not valid JSON: Invalid \\escape at character 20"),
    bad("a lone high surrogate", '{"id": 2, "note": "\\ud800"}', "is not valid JSON: a lone surrogate at character 20"),
    bad("a lone low surrogate", '{"id": 2, "note": "\\udc00"}', "is not valid JSON: a lone surrogate at character 20"),
    bad(
        "surrogates in the wrong order",
        '{"id": 2, "note": "\\udc00\\ud800"}',
        "is not valid JSON: a lone surrogate at character 20",
    ),
    bad(
        "a high surrogate before a letter",
        '{"id": 2, "note": "\\ud800x"}',
        "is not valid JSON: a lone surrogate at character 20",
    ),
    bad("a tab in a text", '{"id": 2, "note": "a\tb"}', "is not valid JSON: Invalid control character at character 21"),
    bad(
        "a form feed in a text",
        '{"id": 2, "note": "a\x0cb"}',
        "is not valid JSON: Invalid control character at character 21",
    ),
    bad(
        "a control character in a text",
        '{"id": 2, "note": "a\x01b"}',
        "is not valid JSON: Invalid control character at character 21",
    ),
    bad("a form feed between tokens", '{"id":\x0c2}', "is not valid JSON: Expecting value at character 7"),
    bad("a no-break space between tokens", '{"id":\xa02}', "is not valid JSON: Expecting value at character 7"),
    bad("a line separator between tokens", '{"id":\u20282}', "is not valid JSON: Expecting value at character 7"),
    bad("a byte order mark between tokens", '{"id":\ufeff2}', "is not valid JSON: Expecting value at character 7"),
    bad(
        "curly quotes",
        "{“id”: 2}",
        "is not valid JSON: Expecting property name enclosed in double quotes at character 2",
    ),
    bad(
        "brackets crossed",
        '{"id": 2, "lines": [{"sku": "a"]}}',
        "is not valid JSON: Expecting ',' delimiter at character 32",
    ),
    bad("a NUL between tokens", '{"id":\x002}', "holds a NUL byte"),
    bad("a NUL in a text", '{"id": 2, "note": "a\x00b"}', "holds a NUL byte"),
    bad(
        "bytes that are no UTF-8",
        b'{"id": 2, "note": "caf\xe9 \xff"}',
        "is not valid UTF-8: invalid continuation byte at byte 23",
    ),
    bad("an overlong encoding", b'{"id": 2, "note": "\xc0\xaf"}', "is not valid UTF-8: invalid start byte at byte 20"),
    bad(
        "a surrogate in UTF-8",
        b'{"id": 2, "note": "\xed\xa0\x80"}',
        "is not valid UTF-8: invalid continuation byte at byte 20",
    ),
    bad(
        "a character beyond Unicode",
        b'{"id": 2, "note": "\xf4\x90\x80\x80"}',
        "is not valid UTF-8: invalid continuation byte at byte 20",
    ),
    bad(
        "a character cut off",
        b'{"id": 2, "note": "\xe2\x82"}',
        "is not valid UTF-8: invalid continuation byte at byte 20",
    ),
    bad(
        "a line end in a text",
        '{"id": 2, "note": "a\nb"}',
        "is not valid JSON: Invalid control character at character 21",
    ),
)


CASES: Final[tuple[Case, ...]] = (
    loads("a trailing comma in an object", f'[{FIRST},\n{{"id": 2, "note": "x",}},\n{LAST}]', 3),
    loads("a trailing comma in a list", f'[{FIRST},\n{{"id": 2, "lines": [{{"sku": "a"}},]}},\n{LAST}]', 3),
    loads("a trailing comma after the last record", f"[{FIRST},\n{LAST},\n]", 2),
    loads("no comma between two records", f"[{FIRST}\n{LAST}]", 2),
    loads("two commas between two records", f"[{FIRST},,\n{LAST}]", 2),
    sets_aside(
        "semicolons between records",
        f"[{FIRST};\n{LAST}]",
        2,
        (2, 1, "", "is not valid JSON: Expecting value at character 1"),
    ),
    sets_aside(
        "a comment between records",
        f"[{FIRST},\n// of May\n{LAST}]",
        2,
        (2, 2, "", "is not valid JSON: Expecting value"),
    ),
    sets_aside(
        "a byte order mark of UTF-16 on a line",
        f"{FIRST}\n".encode() + b"\xff\xfe" + '{"id": 2}\n{"id": 3, "note": "é"}\n'.encode(),
        2,
        (2, 2, "", "is not valid UTF-8: invalid start byte at byte 1"),
        file=".ndjson",
    ),
    # Where brackets or quotes do not balance, the lines still tell the records.
    sets_aside(
        "a bracket missing in an array of lines",
        f'[\n{FIRST},\n{{"id": 2, "lines": [{{"sku": "a"}}}},\n{LAST}\n]',
        2,
        (2, 3, "", "is not valid JSON: Expecting ',' delimiter at character 33"),
    ),
    sets_aside(
        "a brace missing in an array of lines",
        f'[\n{FIRST},\n{{"id": 2, "customer": {{"name": "A"}},\n{LAST}\n]',
        2,
        (2, 3, "", "is not valid JSON"),
    ),
    sets_aside(
        "a brace too many in an array of lines",
        f'[\n{FIRST},\n{{"id": 2}}}},\n{LAST}\n]',
        2,
        (2, 3, "", "is not valid JSON: Extra data at character 10"),
    ),
    sets_aside(
        "a quote missing in an array of lines",
        f'[\n{FIRST},\n{{"id": 2, "note": "x}},\n{LAST}\n]',
        2,
        (2, 3, "", "is not valid JSON: Unterminated string starting at character 19"),
    ),
    sets_aside(
        "a brace missing in a pretty array",
        '[\n  {\n    "id": 1\n  },\n  {\n    "id": 2,\n    "customer": {\n  },\n  {\n    "id": 3\n  }\n]\n',
        2,
        (2, 5, "", "is not valid JSON"),
    ),
    sets_aside(
        "a quote missing in a pretty array",
        '[\n  {\n    "id": 1\n  },\n  {\n    "id": 2,\n    "note": "x\n  },\n  {\n    "id": 3\n  }\n]\n',
        2,
        (2, 5, "", "is not valid JSON"),
    ),
    sets_aside(
        "a brace missing on a line",
        f'{FIRST}\n{{"id": 2, "customer": {{"name": "A"}}\n{LAST}\n',
        2,
        (2, 2, "", "is not valid JSON: Expecting ',' delimiter at character 36"),
        file=".ndjson",
    ),
    sets_aside(
        "a quote missing on a line",
        f'{FIRST}\n{{"id": 2, "note": "x}}\n{LAST}\n',
        2,
        (2, 2, "", "is not valid JSON: Unterminated string starting at character 19"),
        file=".ndjson",
    ),
    sets_aside(
        "a brace missing in pretty objects in a row",
        '{\n  "id": 1\n}\n{\n  "id": 2,\n  "customer": {\n    "name": "A"\n}\n{\n  "id": 3\n}\n',
        2,
        (2, 4, "", "is not valid JSON"),
    ),
    sets_aside(
        "a quote missing in pretty objects in a row",
        '{\n  "id": 1\n}\n{\n  "id": 2,\n  "note": "x\n}\n{\n  "id": 3\n}\n',
        2,
        (2, 4, "", "is not valid JSON"),
    ),
    sets_aside(
        "pretty objects in a row with the last cut short",
        '{\n  "id": 1\n}\n{\n  "id": 2,\n  "no',
        1,
        (2, 4, "", "is not valid JSON: Unterminated string"),
    ),
    # Lines that hold more than a record each, or less.
    loads("a pretty object among lines", f'{FIRST}\n{{\n  "id": 2,\n  "note": "pretty"\n}}\n{LAST}\n', 3, ".ndjson"),
    loads("a line end missing", f'{FIRST}{{"id": 2}}\n{LAST}\n', 3, ".ndjson"),
    loads("a comma at the end of some lines", f'{FIRST}\n{{"id": 2}},\n{LAST}\n', 3, ".ndjson"),
    loads("a comma at the end of each line", f'{FIRST},\n{{"id": 2}},\n{LAST},\n', 3, ".ndjson"),
    sets_aside(
        "something after a record on its line",
        f'{FIRST}\n{{"id": 2}} # checked\n{LAST}\n',
        3,
        (3, 2, "", "is not valid JSON: Expecting value at character 1"),
        file=".ndjson",
    ),
    sets_aside(
        "rubbish between lines", f"{FIRST}\n-----\n{LAST}\n", 2, (2, 2, "", "is not valid JSON"), file=".ndjson"
    ),
    sets_aside(
        "a header line before lines",
        f"orders of May\n{FIRST}\n{LAST}\n",
        2,
        (1, 1, "", "is not valid JSON"),
        file=".ndjson",
    ),
    sets_aside(
        "blank lines before a broken one",
        f"\n{FIRST}\n\n\n{{oops}}\n{LAST}\n",
        2,
        (2, 5, "", "is not valid JSON"),
        file=".ndjson",
    ),
    sets_aside(
        "a broken record after CRLF",
        f"{FIRST}\r\n\r\n{{oops}}\r\n{LAST}\r\n",
        2,
        (2, 3, "", "is not valid JSON"),
        file=".ndjson",
    ),
    sets_aside(
        "a broken record after a long one",
        '[\n{"id": 1,\n "lines": [\n{"sku": "a"}\n]\n},\n{oops}]',
        1,
        (2, 7, "", "is not valid JSON"),
    ),
    sets_aside(
        "every record broken",
        "{a}\n{b}\n{c}\n{d: [}\n",
        0,
        *((n, n, "", "is not valid JSON") for n in range(1, 5)),
        file=".ndjson",
    ),
)
