"""The JSON text of a Shopify order. Built by hand: ten times as fast as a dict through `json.dumps`."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from orderlake.generate.catalogue import Product
from orderlake.generate.draw import money
from orderlake.generate.people import Person

ORDER_ID: Final = 820_982_911_946_154_508
"""The first order's id: beyond 2^53, so that a reader who goes through a double changes it."""
STEP: Final = 1_000_003

_CURRENCY: Final = "BRL"
_OFFSET: Final = "-03:00"
_REFUND_ID: Final = 929_361_462_811_904_231
_TRANSACTION_ID: Final = 389_404_469_911_904_233
_SHIPPING_ID: Final = 369_256_396_811_904_239
_CUSTOMER_ID: Final = 115_310_627_314_723_954
# A shop tries its checkout now and then.
_TEST_EVERY: Final = 500
_SIZES: Final = ("P", "M", "G", "GG")


class Line(NamedTuple):
    """One line: `discount` and `tax` in cents for the whole line; `listing` is the product's place in the catalogue."""

    line_id: int
    listing: int
    product: Product
    quantity: int
    discount: int
    tax: int

    @property
    def gross(self) -> int:
        """Price times quantity, in cents."""
        return self.product.price * self.quantity


class Discount(NamedTuple):
    """A code: `value` in percent for percentage, in cents for fixed_amount."""

    code: str
    kind: str
    value: int


class Refund(NamedTuple):
    """Money given back: per part the line, pieces, net cents and tax cents; and the cents of shipping."""

    number: int
    at: datetime
    note: str
    parts: list[tuple[Line, int, int, int]]
    shipping: int
    complete: bool


class Order(NamedTuple):
    """One order; times are the shop's local time, `shipping` is in cents, `number` counts from 0."""

    number: int
    customer: int
    created: datetime
    updated: datetime
    cancelled: datetime | None
    financial: str
    fulfillment: str | None
    lines: list[Line]
    discount: Discount | None
    shipping_title: str
    shipping: int
    refund: Refund | None


def order_text(order: Order, person: Person) -> str:
    """Give the order as one line of JSON."""
    gross = discount = tax = 0
    for line in order.lines:
        gross += line.gross
        discount += line.discount
        tax += line.tax
    total = gross - discount + tax + order.shipping
    back = order.refund
    back_net = 0 if back is None else sum(part[2] for part in back.parts)
    back_tax = 0 if back is None else sum(part[3] for part in back.parts)
    back_all = 0 if back is None else back_net + back_tax + back.shipping
    order_id = ORDER_ID + order.number * STEP
    created = _time(order.created)
    address = _address(person)
    cancelled = "null" if order.cancelled is None else f'"{_time(order.cancelled)}"'
    reason = "null" if order.cancelled is None else '"customer"'
    return (
        f'{{"id": {order_id}, "admin_graphql_api_id": "gid://shopify/Order/{order_id}", '
        f'"name": "#{1001 + order.number}", "number": {order.number + 1}, "order_number": {1001 + order.number}, '
        f'"created_at": "{created}", "processed_at": "{created}", "updated_at": "{_time(order.updated)}", '
        f'"cancelled_at": {cancelled}, "cancel_reason": {reason}, "currency": "{_CURRENCY}", '
        f'"financial_status": "{order.financial}", "fulfillment_status": {_text(order.fulfillment)}, '
        f'"email": "{person.email}", "source_name": "web", "tags": "{_tags(order)}", '
        f'"test": {"true" if order.number % _TEST_EVERY == _TEST_EVERY - 1 else "false"}, "taxes_included": false, '
        f'"total_line_items_price": "{money(gross)}", "total_discounts": "{money(discount)}", '
        f'"subtotal_price": "{money(gross - discount)}", "total_tax": "{money(tax)}", '
        f'"total_shipping_price_set": {_price_set(order.shipping)}, "total_price": "{money(total)}", '
        f'"current_subtotal_price": "{money(gross - discount - back_net)}", '
        f'"current_total_tax": "{money(tax - back_tax)}", "current_total_price": "{money(total - back_all)}", '
        f'"customer": {{"id": {_CUSTOMER_ID + order.customer * STEP}, "email": "{person.email}", '
        f'"first_name": "{person.first}", "last_name": "{person.last}"}}, '
        f'"billing_address": {address}, "shipping_address": {address}, '
        f'"line_items": [{", ".join(_line(line) for line in order.lines)}], {_discounts(order.discount, discount)}, '
        f'"shipping_lines": [{{"id": {_SHIPPING_ID + order.number * STEP}, "title": "{order.shipping_title}", '
        f'"code": "{order.shipping_title.upper()}", "price": "{money(order.shipping)}", '
        f'"discounted_price": "{money(order.shipping)}"}}], '
        f'"tax_lines": {_tax_lines(tax)}, '
        f'"refunds": [{"" if back is None else _refund(back, order_id, back_all)}]}}'
    )


def _line(line: Line) -> str:
    item = line.product
    sized = item.category == "Fashion"
    size = line.line_id % len(_SIZES)
    variant = 44_012_345_670_000 + line.listing * 10 + (size if sized else 0)
    parts = f'{{"amount": "{money(line.discount)}", "discount_application_index": 0}}' if line.discount > 0 else ""
    return (
        f'{{"id": {line.line_id}, "admin_graphql_api_id": "gid://shopify/LineItem/{line.line_id}", '
        f'"product_id": {8_012_345_670_000 + line.listing * 37}, "variant_id": {variant}, '
        f'"sku": "{item.product_id[1:]}{f"-{_SIZES[size]}" if sized else ""}", "title": "{item.name}", '
        f'"variant_title": {_text(_SIZES[size] if sized else None)}, "vendor": "{item.brand}", '
        f'"quantity": {line.quantity}, "price": "{money(item.price)}", "total_discount": "0.00", '
        f'"tax_lines": {_tax_lines(line.tax)}, "discount_allocations": [{parts}]}}'
    )


def _discounts(discount: Discount | None, cents: int) -> str:
    if discount is None:
        return '"discount_codes": [], "discount_applications": []'
    value = f"{discount.value}.0" if discount.kind == "percentage" else money(discount.value)
    return (
        f'"discount_codes": [{{"code": "{discount.code}", "amount": "{money(cents)}", "type": "{discount.kind}"}}], '
        f'"discount_applications": [{{"type": "discount_code", "code": "{discount.code}", "value": "{value}", '
        f'"value_type": "{discount.kind}", "allocation_method": "across", "target_selection": "all", '
        f'"target_type": "line_item"}}]'
    )


def _refund(refund: Refund, order_id: int, cents: int) -> str:
    refund_id = _REFUND_ID + refund.number * STEP
    at = _time(refund.at)
    # Shopify writes a refund line's amounts as numbers, everything else as text.
    parts = ", ".join(
        f'{{"id": {refund_id + 11 * (place + 1)}, "line_item_id": {line.line_id}, "quantity": {quantity}, '
        f'"subtotal": {money(net)}, "total_tax": {money(tax)}}}'
        for place, (line, quantity, net, tax) in enumerate(refund.parts)
    )
    adjustment = (
        f'{{"id": {refund_id + 5}, "amount": "-{money(refund.shipping)}", "tax_amount": "0.00", '
        '"kind": "shipping_refund", "reason": "Shipping refund"}'
        if refund.shipping > 0
        else ""
    )
    return (
        f'{{"id": {refund_id}, "order_id": {order_id}, "created_at": "{at}", "processed_at": "{at}", '
        f'"note": "{refund.note}", "refund_line_items": [{parts}], "order_adjustments": [{adjustment}], '
        f'"transactions": [{{"id": {_TRANSACTION_ID + refund.number * STEP}, "order_id": {order_id}, '
        f'"kind": "refund", "amount": "{money(cents)}", "currency": "{_CURRENCY}", "status": "success"}}]}}'
    )


def _address(person: Person) -> str:
    return (
        f'{{"first_name": "{person.first}", "last_name": "{person.last}", "address1": "{person.street}", '
        f'"city": "{person.city}", "zip": "{person.postcode}", "province_code": "{person.region}", '
        f'"country": "{person.country}", "country_code": "{person.code}"}}'
    )


def _tax_lines(cents: int) -> str:
    return f'[{{"title": "ICMS", "rate": 0.18, "price": "{money(cents)}"}}]'


def _price_set(cents: int) -> str:
    amount = f'{{"amount": "{money(cents)}", "currency_code": "{_CURRENCY}"}}'
    return f'{{"shop_money": {amount}, "presentment_money": {amount}}}'


def _tags(order: Order) -> str:
    return ("", "newsletter", "presente, newsletter", "vip")[order.customer % 4]


def _text(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'


def _time(local: datetime) -> str:
    return f"{local.isoformat()}{_OFFSET}"
