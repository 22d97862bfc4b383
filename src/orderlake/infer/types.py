"""From what was seen of a field to its type, and to what there is to say about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from orderlake.infer.scalars import LARGEST, SAFE, SCALES, Numbers, Scalars, shown
from orderlake.infer.times import Times, kind_of, twin

_MONEY: Final = re.compile(
    r"(.*_)?(price|amount|total|subtotal|cost|fee|tax|vat|discount|discounts|refund|refunds|revenue|balance|shipping"
    r"|freight|paid|due|charge|net|gross|money|salary|value|sum|payment|tip)(_(amount|value|net|gross|price|total|eur|usd"
    r"|gbp|brl|chf))*"
)
_NO_MONEY: Final = re.compile(
    r"(^|_)(count|qty|quantity|number|items|id|rate|percent|percentage|pct|share|ratio|type)(_|$)"
)
_CODE: Final = re.compile(
    r"(^|_)(zip|zipcode|postal|postcode|plz|phone|tel|mobile|fax|iban|ean|gtin|upc|barcode|sku|vat_id|tax_id|ssn)(_|$)"
)
_ID: Final = re.compile(r"(^|_)(id|number|no|nr|code|key|ref|reference|name|note|comment|title|description)$")
_RATE: Final = re.compile(r"(^|_)(rate|percent|percentage|pct|share|ratio|factor|weight)(_|$)")
_FINE: Final = 6
"""With more decimals, and no name of money, a number is a measurement."""
_NEARLY: Final = 0.8
_WHOLE: Final = 18
_MOST: Final = 38


@dataclass(frozen=True, slots=True)
class Guess:
    """A type as a pipeline has it, `format` for dates, why, and other ways to declare it that may be meant."""

    type: str
    format: str | None = None
    note: str = ""
    others: tuple[Guess, ...] = ()
    is_open: bool = False
    """Whether the data does not decide."""


def has_comma(columns: Iterable[Scalars]) -> bool:
    """Whether the numbers of a CSV file have a decimal comma: those of one column do, and of none a decimal point."""
    some = [each for each in columns if each.rest]
    commas = [each for each in some if each.with_comma.count == each.rest > each.spelled.count]
    points = [each for each in some if each.spelled.count == each.rest > each.with_comma.count]
    return bool(commas) and not points


def guess(name: str, seen: Scalars, *, is_csv: bool) -> Guess:
    """The type of the values at a place that holds nothing but plain values."""
    if not seen.count:
        return Guess("string", note="null in all records")
    kinds = sum(map(bool, (seen.numbers.count, seen.booleans, seen.texts)))
    if kinds > 1:
        return Guess("string", note=_mixed(seen), is_open=True)
    if seen.booleans:
        return Guess("boolean")
    if seen.numbers.count:
        return _number(name, seen.numbers)
    return _text(name, seen, is_csv=is_csv)


def _mixed(seen: Scalars) -> str:
    parts = ((seen.texts, "text"), (seen.numbers.count, "numbers"), (seen.booleans, "booleans"))
    found = ", ".join(f"{count:,} {kind}" for count, kind in sorted(parts, reverse=True) if count)
    odd = f", such as {seen.spelled.odd}" if seen.spelled.odd else ""
    return f"of several types: {found}{odd}"


def _number(name: str, seen: Numbers) -> Guess:
    is_money = bool(_MONEY.fullmatch(name)) and not _NO_MONEY.search(name)
    if not seen.fractions:
        if _CODE.search(name):
            return Guess("string", note="a code, not a quantity")
        if is_money and seen.digits <= _WHOLE - SCALES[0]:
            return Guess("money", note="whole numbers so far")
        return _whole(seen)
    found = _decimal(seen, is_money=is_money)
    return (
        Guess("decimal(18,6)", note="no money: room for decimals")
        if _RATE.search(name) and found.type == "money"
        else found
    )


def _whole(seen: Numbers) -> Guess:
    if seen.largest > LARGEST:
        return Guess("string", note=f"beyond 64 bits: {seen.digits} digits")
    if seen.largest > SAFE:
        return Guess("id", note="beyond 2^53")
    return Guess("bigint")


def _decimal(seen: Numbers, *, is_money: bool) -> Guess:
    fits = seen.scale <= SCALES[-1] and seen.digits + seen.scale <= _MOST
    if fits and (is_money or seen.scale <= _FINE):
        precision = _WHOLE if seen.digits <= _WHOLE - seen.scale else _MOST
        if (precision, seen.scale) == (_WHOLE, SCALES[0]):
            return Guess("money")
        return Guess(f"decimal({precision},{seen.scale})", note=f"up to {seen.scale} decimals")
    if is_money:
        return Guess("string", note="more digits than a decimal has, and money is no float", is_open=True)
    return Guess("double")


def _text(name: str, seen: Scalars, *, is_csv: bool) -> Guess:
    if seen.spelled.count == seen.texts and not (is_csv and seen.times.ways):
        return _spelled(name, seen, is_csv=is_csv)
    if seen.truths == seen.texts:
        return (
            Guess("boolean") if is_csv else Guess("string", note="true or false, as text", others=(Guess("boolean"),))
        )
    if seen.times.seen == seen.texts:
        found = _time(seen.times)
        if found is not None:
            return found
    note = "" if _CODE.search(name) or _ID.search(name) else _almost(seen)
    return Guess("string", note=note, is_open=bool(note))


def _spelled(name: str, seen: Scalars, *, is_csv: bool) -> Guess:
    """Numbers as texts: in CSV everything is text, in JSON somebody chose to quote them."""
    numbers = seen.spelled
    if numbers.zeros:
        return Guess("string", note=f"leading zeros, as in {numbers.zero}")
    if _CODE.search(name):
        return Guess("string", note="a code, not a quantity")
    if is_csv:
        return _number(name, numbers)
    is_money = bool(_MONEY.fullmatch(name)) and not _NO_MONEY.search(name)
    if numbers.fractions and (is_money or numbers.cents == numbers.count):
        found = _decimal(numbers, is_money=True)
        return replace(found, note=found.note or ("" if is_money else "two decimals in all of them"))
    other = _decimal(numbers, is_money=False) if numbers.fractions else _whole(numbers)
    return Guess("string", note="numbers, as text", others=(other,) if other.type != "string" else ())


def _time(seen: Times) -> Guess | None:
    if seen.iso is not None:
        is_midnight = seen.iso == "date" and seen.midnights
        return Guess(seen.iso, note="the files say midnight, always" if is_midnight else "")
    if seen.zoned and seen.zoned + seen.local == seen.seen:
        note = f"{seen.zoned:,} times with a zone, {seen.local:,} without: are those UTC?"
        return Guess("string", note=note, others=(Guess("timestamptz"),), is_open=True)
    ways = seen.ways
    if not ways:
        return None
    first = ways[0]
    if twin(first) in ways and twin(first) != first:
        note = f"{seen.example}: day first or month first? Nothing in the data decides"
        others = tuple(Guess(kind_of(way), way) for way in dict.fromkeys((first, twin(first))))
        return Guess("string", note=note, others=others, is_open=True)
    if len(ways) > 1 and "%b" not in first:
        others = tuple(Guess(kind_of(way), way) for way in ways)
        return Guess("string", note=f"{seen.example}: in which order?", others=others, is_open=True)
    return Guess(kind_of(first), first, note=seen.why(first))


def _almost(seen: Scalars) -> str:
    """What is worth saying about texts that are nearly something else."""
    rest = seen.rest
    if not rest:
        return "empty text in all records" if seen.blank else ""
    if seen.with_comma.count == rest > seen.spelled.count:
        return f"numbers with a decimal comma, as in {seen.example}: a number has a point"
    for count, what, odd in (
        (seen.spelled.count, "numbers", seen.spelled.odd),
        (seen.times.days + seen.times.local + seen.times.zoned, "dates", shown(seen.times.odd)),
    ):
        if rest > count > rest * 0.8 or (count == rest and seen.blank):
            others = f"{seen.blank:,} are empty text" if count == rest else f"others are not, such as {odd}"
            return f"{count:,} of {seen.texts:,} are {what}, {others}"
    return ""
