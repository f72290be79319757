"""An order as eBay has it, and the question for orders changed in a window. Pure; nothing about the buyer is taken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sync_svc.channels.base import ChannelOrder, OrderLine
from sync_svc.channels.codec import decimal_or_none, fields_of, objects_of
from sync_svc.channels.ebay.mapping import CENT
from sync_svc.channels.windows import Window

PAGE_SIZE = 200
_PAID = frozenset({"PAID", "PARTIALLY_REFUNDED", "FULLY_REFUNDED"})


def search_parameters(window: Window) -> dict[str, str]:
    """The query of one page; the client library percent-encodes the brackets."""
    return {
        "filter": f"lastmodifieddate:[{_time_text(window.start)}..{_time_text(window.end)}]",
        "limit": str(PAGE_SIZE),
        "offset": str(window.offset),
    }


def order_of(body: Any) -> ChannelOrder | None:
    """Reads one order; None when it is not one. States we do not know leave it as it is: neither paid nor cancelled."""
    if not isinstance(body, Mapping) or not body.get("orderId"):
        return None
    payment = str(body.get("orderPaymentStatus", ""))
    fulfillment = str(body.get("orderFulfillmentStatus", ""))
    cancel_state = _cancel_state(body)
    placed_at = _time(body.get("creationDate"))
    return ChannelOrder(
        external_order_id=str(body["orderId"]),
        lines=[_line(line, order_refunded=payment == "FULLY_REFUNDED") for line in objects_of(body, "lineItems")],
        paid=payment in _PAID,
        cancelled=cancel_state == "CANCELED" or (payment == "FULLY_REFUNDED" and fulfillment == "NOT_STARTED"),
        placed_at=placed_at,
        modified_at=_time(body.get("lastModifiedDate"), placed_at),
        platform_status=" ".join(part for part in (payment, fulfillment, cancel_state) if part),
    )


def _cancel_state(body: Mapping[str, Any]) -> str:
    state = str(fields_of(body.get("cancelStatus")).get("cancelState", ""))
    return "" if state == "NONE_REQUESTED" else state.replace("CANCELLED", "CANCELED")


def _line(line: Mapping[str, Any], *, order_refunded: bool) -> OrderLine:
    cost = fields_of(line.get("lineItemCost"))
    stays_here = line.get("lineItemFulfillmentStatus") == "NOT_STARTED"
    quantity = line.get("quantity")
    quantity = quantity if isinstance(quantity, int) and quantity > 0 else 1
    total = decimal_or_none(cost.get("value"))
    return OrderLine(
        line_id=str(line.get("lineItemId", "")),
        # A listing made with the older API has no SKU; the hub then knows it by its item id.
        platform_sku=str(line.get("sku") or line.get("legacyItemId") or ""),
        quantity=quantity,
        title=str(line.get("title", "")),
        unit_price=None if total is None else (total / quantity).quantize(CENT),
        currency=str(cost.get("currency", "USD")),
        cancelled=stays_here and (order_refunded or _is_refunded(line)),
        # Of a line that is shipped in part eBay does not say how much of it.
        shipped_quantity=quantity if line.get("lineItemFulfillmentStatus") == "FULFILLED" else 0,
    )


def _is_refunded(line: Mapping[str, Any]) -> bool:
    """Whether the buyer has the whole price back: less than that is a discount for something that is still sent."""
    price = decimal_or_none(fields_of(line.get("discountedLineItemCost") or line.get("lineItemCost")).get("value"))
    amounts = [fields_of(refund.get("amount")).get("value") for refund in objects_of(line, "refunds")]
    refunded = sum((amount for value in amounts if (amount := decimal_or_none(value)) is not None), Decimal())
    return price is not None and 0 < price <= refunded


def _time(value: Any, default: datetime | None = None) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return default or datetime.fromtimestamp(0, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
