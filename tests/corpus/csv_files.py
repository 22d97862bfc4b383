"""CSV as spreadsheets, databases and people make it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tests.corpus.case import BadRecord, Case, bad, loads, rejects, sets_aside

HEAD: Final = "id,day,amount,note\n"
ONE: Final = "1,2024-01-05,10.50,first\n"
TWO: Final = "2,2024-01-06,2.00,second\n"
LAST: Final = "9,2024-01-07,3.00,last\n"
CSV: Final = ".csv"
MONEY: Final = "is not a number with at most 2 decimals and 16 digits before them"
WHOLE: Final = "is not a whole number of 64 bits"
DATE: Final = "is not a date like 2024-12-31"


def _fine(name: str, row: str, /, **shows: object) -> Case:
    return loads(name, HEAD + row + "\n", 1, CSV, **{column: (value,) for column, value in shows.items()})


RECORDS: Final[tuple[BadRecord, ...]] = (
    bad("a row too short", "2,2024-01-06,2.00", "has 3 fields where the header has 4", ""),
    bad("a row too long", "2,2024-01-06,2.00,a,b", "has 5 fields where the header has 4", ""),
    bad("a row with a comma in its text", "2,2024-01-06,2.00,a, b", "has 5 fields where the header has 4", ""),
    bad("a row with a decimal comma", "2,2024-01-06,2,00,x", "has 5 fields where the header has 4", ""),
    bad("a row of another delimiter", "2;2024-01-06;2.00;x", "has 1 fields where the header has 4", ""),
    bad("a quote that is never closed", '2,2024-01-06,2.00,"never', "is not CSV", ""),
    bad("a quote in the middle of a quoted cell", '2,2024-01-06,2.00,"a "b" c"', "is not CSV", ""),
    bad("a quote escaped by a backslash", '2,2024-01-06,2.00,"a \\"b\\" c"', "is not CSV", ""),
    bad("text after a quoted cell", '2,2024-01-06,2.00,"a"b', "is not CSV", ""),
    bad("a NUL byte", b"2,2024-01-06,2.00,a\0b", "holds a NUL byte", ""),
    bad("an amount with a thousands separator", '2,2024-01-06,"1,234.50",x', MONEY, "amount"),
    bad("an amount with a decimal comma in quotes", '2,2024-01-06,"10,50",x', MONEY, "amount"),
    bad("an amount with a dollar sign", "2,2024-01-06,$10.50,x", MONEY, "amount"),
    bad("an amount in euros", "2,2024-01-06,10.50 €,x", MONEY, "amount"),
    bad("an amount in brackets", "2,2024-01-06,(10.50),x", MONEY, "amount"),
    bad("an amount with a minus behind", "2,2024-01-06,10.50-,x", MONEY, "amount"),
    bad("an amount in percent", "2,2024-01-06,10%,x", MONEY, "amount"),
    bad("an error of a spreadsheet", "2,2024-01-06,#N/A,x", MONEY, "amount"),
    bad("an amount of three decimals", "2,2024-01-06,10.005,x", MONEY, "amount"),
    bad("an amount with an underscore", "2,2024-01-06,1_000,x", MONEY, "amount"),
    bad("an amount that is not a number", "2,2024-01-06,NaN,x", MONEY, "amount"),
    bad("an id in exponents", "2.5E+00,2024-01-06,1.00,x", WHOLE, "id"),
    bad("an id of a letter", "O2,2024-01-06,1.00,x", WHOLE, "id"),
    bad("an id missing", ",2024-01-06,1.00,x", "is missing", "id"),
    bad("a date as in America in CSV", "2,1/6/2024,1.00,x", DATE, "day"),
    bad("a date as in Europe in CSV", "2,06.01.2024,1.00,x", DATE, "day"),
    bad("a date of two digits in CSV", "2,1/6/24,1.00,x", DATE, "day"),
    bad("a serial date of a spreadsheet", "2,45297,1.00,x", DATE, "day"),
    bad("a date of zeros in CSV", "2,0000-00-00,1.00,x", DATE, "day"),
    bad("a day that never was in CSV", "2,2023-02-30,1.00,x", DATE, "day"),
    bad("a date as a word in CSV", "2,yesterday,1.00,x", DATE, "day"),
)

CASES: Final[tuple[Case, ...]] = (
    loads("an empty CSV file", "", 0, CSV),
    loads("a CSV file of line ends", "\n\n\r\n", 0, CSV),
    loads("a header only", HEAD, 0, CSV),
    loads("a header only without a line end", HEAD.strip(), 0, CSV),
    loads("rows without a last line end", HEAD + ONE + TWO.strip(), 2, CSV),
    loads("rows with CRLF", (HEAD + ONE + TWO).replace("\n", "\r\n"), 2, CSV),
    loads("rows with lone CR", (HEAD + ONE + TWO).replace("\n", "\r"), 2, CSV),
    loads("rows with both line ends", HEAD + ONE.replace("\n", "\r\n") + TWO, 2, CSV),
    loads("semicolons", (HEAD + ONE + TWO).replace(",", ";"), 2, CSV),
    loads("tabs", (HEAD + ONE + TWO).replace(",", "\t"), 2, ".tsv"),
    loads("bars", (HEAD + ONE + TWO).replace(",", "|"), 2, ".txt"),
    loads("semicolons with commas in the text", "id;day;amount;note\n1;2024-01-05;10.50;a, b, c\n", 1, CSV),
    loads("all cells quoted", '"id","day","amount","note"\n"1","2024-01-05","10.50","x"\n', 1, CSV, note=("x",)),
    loads("a byte order mark before quotes", '\ufeff"id","day","amount","note"\n"1","2024-01-05","1.00","x"\n', 1, CSV),
    loads("blanks around the names", "id , day, amount ,note\n1,2024-01-05,1.00,x\n", 1, CSV),
    loads("names in capitals", HEAD.upper() + ONE, 1, CSV, note=("first",)),
    loads("columns in another order", "note,amount,id,day\nx,1.00,1,2024-01-05\n", 1, CSV, note=("x",)),
    loads("undeclared columns", "id,day,colour,amount,note\n1,2024-01-05,red,1.00,x\n", 1, CSV, note=("x",)),
    loads("a name twice", "id,day,amount,note,note\n1,2024-01-05,1.00,x,y\n", 1, CSV, note=("x",)),
    loads("a column without a name", "id,day,amount,note,\n1,2024-01-05,1.00,x,y\n", 1, CSV, note=("x",)),
    loads("a delimiter at the end of each line", HEAD.replace("\n", ",\n") + ONE.replace("\n", ",\n"), 1, CSV),
    loads("an index column without a name", "," + HEAD + "0," + ONE + "1," + TWO, 2, CSV),
    rejects("no header", ONE + TWO, "no header row names any of id, day, amount, note", CSV),
    rejects("a header of other names", "number,date,sum,remark\n" + ONE, "no header row names any of", CSV),
    rejects("a header that lacks a column", "id,day,note\n1,2024-01-05,x\n", "the header lacks amount", CSV),
    rejects("a header in one cell", '"id,day,amount,note"\n"1,2024-01-05,1.00,x"\n', "no header row names any of", CSV),
    sets_aside(
        "lines before the header",
        "Sales 2024\nmade by hand\n\n" + HEAD + ONE + "x,2024-01-06,2.00,y\n",
        1,
        (2, 6, "id", WHOLE),
        file=CSV,
    ),
    sets_aside("a sum at the end", HEAD + ONE + TWO + "Total:,,12.50,\n", 2, (3, 4, "id", WHOLE), file=CSV),
    sets_aside(
        "a sum in one cell at the end",
        HEAD + ONE + "Total: 10.50\n",
        1,
        (2, 3, "", "has 1 fields where the header has 4"),
        file=CSV,
    ),
    sets_aside(
        "a remark after a blank line",
        HEAD + ONE + "\nmade on 2024-02-01\n",
        1,
        (2, 4, "", "has 1 fields where"),
        file=CSV,
    ),
    sets_aside("the header again in the middle", HEAD + ONE + HEAD + LAST, 2, (2, 3, "id", WHOLE), file=CSV),
    sets_aside(
        "a separator hint of a spreadsheet",
        "sep=;\n" + (HEAD + ONE + "x;;;\n").replace(",", ";"),
        1,
        (2, 4, "id", WHOLE),
        file=CSV,
    ),
    sets_aside(
        "a comment line", HEAD + ONE + "# checked by Ann\n" + LAST, 2, (2, 3, "", "has 1 fields where"), file=CSV
    ),
    loads("blank rows", HEAD + ",,,\n" + ONE + ",,,\n , , ,\n" + TWO + ",,,\n", 2, CSV),
    loads("blank lines between rows", HEAD + "\n" + ONE + "\n\n" + TWO + "\n\n", 2, CSV),
    sets_aside("blank rows before a bad one", HEAD + ",,,\n\n" + ONE + ",,,\nx,,,\n", 1, (2, 6, "id", WHOLE), file=CSV),
    _fine("a quote in the middle of a cell", '1,2024-01-05,1.00,5" nails', note='5" nails'),
    _fine("doubled quotes", '1,2024-01-05,1.00,"say ""hi"""', note='say "hi"'),
    _fine("an empty quoted cell", '1,2024-01-05,1.00,""', note=None),
    _fine("single quotes in CSV", "1,2024-01-05,1.00,'a'", note="'a'"),
    _fine("a line end in quotes", '1,2024-01-05,1.00,"two\nlines"', note="two\nlines"),
    _fine("a delimiter in quotes", '1,2024-01-05,1.00,"a,b"', note="a,b"),
    _fine("a backslash", "1,2024-01-05,1.00,C:\\new", note="C:\\new"),
    _fine("a formula", "1,2024-01-05,1.00,=1+1", note="=1+1"),
    _fine("the word NULL", "1,2024-01-05,1.00,NULL", note="NULL"),
    _fine("a database's null", "1,2024-01-05,1.00,\\N", note="\\N"),
    _fine("blanks around a cell", "1,2024-01-05, 1.00 , x ", amount=Decimal("1.00"), note=" x "),
    sets_aside(
        "line ends in quotes before a bad row",
        HEAD + '1,2024-01-05,1.00,"two\nlines"\n2,2024-01-05,1.00,"three\n\nlines"\nx,,,\n' + LAST,
        3,
        (3, 7, "id", WHOLE),
        file=CSV,
    ),
    sets_aside(
        "a quote never closed on the last line",
        HEAD + ONE + '2,2024-01-06,2.00,"cut',
        1,
        (2, 3, "", "is not CSV"),
        file=CSV,
    ),
    sets_aside(
        "a last row cut short", HEAD + ONE + "2,2024-0", 1, (2, 3, "", "has 2 fields where the header has 4"), file=CSV
    ),
    sets_aside(
        "quotes never closed on two lines",
        HEAD + '1,,,"a\n2,,,"b\n' + LAST,
        1,
        (1, 2, "", "is not CSV"),
        (2, 3, "", "is not CSV"),
        file=CSV,
    ),
    loads("one column", "word\na\nb\n", 2, "words_{}.csv", word=("a", "b")),
    loads("one column with blank lines", "word\na\n\nb\n\n", 2, "words_{}.csv", word=("a", "b")),
    _fine("an id with leading zeros", "007,2024-01-05,1.00,x", id=7),
    _fine("an amount without decimals", "1,2024-01-05,10,x", amount=Decimal("10.00")),
    _fine("an amount with an exponent", "1,2024-01-05,1.05e1,x", amount=Decimal("10.50")),
    _fine("an amount with a plus", "1,2024-01-05,+10.50,x", amount=Decimal("10.50")),
    _fine("empty cells", "1,,,", note=None, day=None, amount=None),
    loads(
        "American dates where they are declared",
        "id,day\n1,1/6/2024\n2,12/31/2024\n",
        2,
        "american_{}.csv",
        **{"CAST(day AS VARCHAR)": ("2024-01-06", "2024-12-31")},
    ),
    sets_aside(
        "a European date where American ones are declared",
        "id,day\n1,1/6/2024\n2,31/12/2024\n",
        1,
        (2, 3, "day", "is not a date like %m/%d/%Y"),
        file="american_{}.csv",
    ),
    sets_aside(
        "a year of two digits where four are declared",
        "id,day\n1,1/6/2024\n2,1/6/24\n",
        1,
        (2, 3, "day", "is not a date like %m/%d/%Y"),
        file="american_{}.csv",
    ),
    rejects("a row of five megabytes", HEAD + ONE + f'2,,,"{"x" * (5 << 20)}"\n', "longer than 4 MiB", CSV),
)
