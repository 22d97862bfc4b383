"""Money and shares without floating point: cents are whole numbers, and half is rounded away from zero."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction


def cents(text: str | Decimal) -> int:
    """Money as a whole number of cents.

    >>> cents("4.5"), cents("")
    (450, 0)
    """
    exact = Decimal(text or "0") * 100
    assert exact == int(exact)
    return int(exact)


def money(amount: int) -> Decimal:
    """Cents as money.

    >>> money(450)
    Decimal('4.50')
    """
    return Decimal(int(amount)).scaleb(-2)


def ratio(over: int, under: int, digits: int) -> Decimal:
    """A quotient of whole numbers, rounded.

    >>> ratio(1, 8, 2), ratio(-1, 8, 2), ratio(200, 3, 1)
    (Decimal('0.13'), Decimal('-0.13'), Decimal('66.7'))
    """
    shifted = Fraction(int(over), int(under)) * 10**digits
    away = (abs(shifted.numerator) * 2 + shifted.denominator) // (2 * shifted.denominator)
    return Decimal(away if shifted >= 0 else -away).scaleb(-digits)
