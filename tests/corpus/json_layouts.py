"""JSON files whose records are well, or wholly lost, by how they lie in the file."""

from __future__ import annotations

from typing import Final

from tests.corpus.case import Case, loads, rejects, sets_aside

A: Final = '{"id": 1, "note": "a"}'
B: Final = '{"id": 2, "note": "b"}'
C: Final = '{"id": 3, "note": "c"}'
PRETTY: Final = '{\n  "id": %d,\n  "note": "pretty"\n}'

CASES: Final[tuple[Case, ...]] = (
    # Nothing, in every way to say it.
    loads("an empty file", "", 0),
    loads("a file of blanks", " \n\t\r\n ", 0),
    loads("an empty array", "[]", 0),
    loads("an empty array over lines", "\n[\n\n]\n", 0),
    loads("blank lines only", "\n\n\n", 0, ".ndjson"),
    sets_aside("an empty object", "{}", 0, (1, 1, "id", "is missing")),
    sets_aside("a top-level null", "null", 0, (1, 1, "id", "is missing")),
    # Records, in every way to put them.
    loads("one object", A, 1),
    loads("one object over lines", PRETTY % 1, 1),
    loads("an array", f"[{A}, {B}]", 2),
    loads("an array over lines", f"[\n  {A},\n  {B}\n]\n", 2),
    loads("objects one per line", f"{A}\n{B}\n", 2),
    loads("objects one per line without a last line end", f"{A}\n{B}", 2),
    loads("objects one per line with CRLF", f"{A}\r\n{B}\r\n", 2),
    loads("objects one per line with lone CR", f"{A}\r{B}\r", 2),
    loads("objects between blank lines", f"\n\n{A}\n\n \n{B}\n\n", 2),
    loads("objects in a row", f"{A}{B}{C}", 3),
    loads("objects in a row with blanks", f"{A} {B}\t{C}", 3),
    loads("objects over lines in a row", f"{PRETTY % 1}\n{PRETTY % 2}\n", 2),
    loads("objects over lines with no line between", f"{PRETTY % 1}{PRETTY % 2}", 2),
    loads("two objects on the first of many lines", f"{A}{B}\n{C}\n", 3),
    loads("an array after blank lines", f"\n \n[{A}]", 1),
    loads("an array in one line of many", f"[{A},{B}]\n[{C}]\n", 3),
    sets_aside("an array in an array", f"[[{A}],\n{B}]", 1, (1, 1, "", "is a list, not an object")),
    # Scalars and lists where records are wanted.
    sets_aside("a top-level number", "17", 0, (1, 1, "", "is a number, not an object")),
    sets_aside("a top-level text", '"orders"', 0, (1, 1, "", "is text, not an object")),
    sets_aside("a top-level true", "true", 0, (1, 1, "", "is a boolean, not an object")),
    sets_aside(
        "scalars in an array",
        f'[{A}, 17, "x", true, null, {B}]',
        2,
        (2, 1, "", "is a number, not an object"),
        (3, 1, "", "is text, not an object"),
        (4, 1, "", "is a boolean, not an object"),
        (5, 1, "id", "is missing"),
    ),
    sets_aside(
        "scalars on lines",
        f'{A}\n17\n"x"\ntrue\nnull\n{B}\n',
        2,
        (2, 2, "", "is a number, not an object"),
        (3, 3, "", "is text, not an object"),
        (4, 4, "", "is a boolean, not an object"),
        (5, 5, "id", "is missing"),
        file=".ndjson",
    ),
    sets_aside("a list in an array", f"[{A},\n[1, 2],\n{B}]", 2, (2, 2, "", "is a list, not an object")),
    sets_aside("a list on a line", f"{A}\n[1, 2]\n{B}", 2, (2, 2, "", "is a list, not an object")),
    # Envelopes.
    loads("an envelope", f'{{"orders": [{A}, {B}]}}', 2, "wrapped_{}.json"),
    loads("an envelope of one", f'{{"order": {A}}}', 1, "wrapped_{}.json"),
    loads("an envelope over lines", f'{{\n  "page": 1,\n  "orders": [\n{A},\n{B}\n]\n}}\n', 2, "wrapped_{}.json"),
    loads("an empty envelope", '{"orders": []}', 0, "wrapped_{}.json"),
    loads("no envelope where one may be", f"[{A}]", 1, "wrapped_{}.json"),
    sets_aside(
        "an envelope of another name",
        f'{{"purchases": [{A}, {B}]}}',
        0,
        (1, 1, "id", "is missing"),
        file="wrapped_{}.json",
    ),
    sets_aside("an envelope of null", '{"orders": null}', 0, (1, 1, "id", "is missing"), file="wrapped_{}.json"),
    sets_aside(
        "an envelope with one broken record",
        f'{{"orders": [\n{A},\n{{"id": oops}},\n{B}]}}',
        2,
        (2, 3, "", "is not valid JSON: Expecting value at character 8"),
        file="wrapped_{}.json",
    ),
    rejects("an envelope cut short", f'{{"orders": [{A}, {B}', "was the upload cut short?", file="wrapped_{}.json"),
    # Cut short.
    rejects("a lone opening bracket", "[", "was the upload cut short?"),
    rejects("a lone opening brace", "{", "was the upload cut short?"),
    rejects("an array without its end", f"[{A}, {B}", "was the upload cut short?"),
    rejects("an array that ends after a comma", f"[{A}, {B},", "was the upload cut short?"),
    rejects("an array that ends in a record", f'[{A}, {{"id": 2, "no', "was the upload cut short?"),
    rejects("an object that ends in a text", '{"id": 1, "note": "half', "was the upload cut short?"),
    sets_aside(
        "objects one per line with the last cut short",
        f'{A}\n{B}\n{{"id": 3, "no',
        2,
        (3, 3, "", "is not valid JSON: Unterminated string"),
        file=".ndjson",
    ),
    rejects("a lone closing bracket", "]", "is not JSON: it begins with ']'"),
    rejects("an array closed twice", f"[{A}, {B}]]", "closes nothing"),
    sets_aside("something after an array", f"[{A}, {B}] end", 2, (3, 1, "", "is not valid JSON")),
    sets_aside("half a record without an opening", f'"id": 1}}\n{A}\n{B}', 2, (1, 1, "", "is not valid JSON")),
)
