"""An order as Ecwid has it, and the question for orders changed in a window. Pure; nothing about the buyer is taken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sync_svc.channels.base import ChannelOrder, OrderLine
from sync_svc.channels.codec import decimal_or_none, objects_of
from sync_svc.channels.windows import Window

PAGE_SIZE = 100
_ABANDONED_CART = "INCOMPLETE"
_PAID = frozenset({"PAID", "PARTIALLY_REFUNDED", "REFUNDED"})
SHIPPED = frozenset({"SHIPPED", "DELIVERED", "RETURNED", "OUT_FOR_DELIVERY"})


def search_parameters(window: Window) -> dict[str, str]:
    """The query of one page. Seconds are rounded outward, so that nothing falls between two windows."""
    return {
        "updatedFrom": str(int(window.start.timestamp())),
        "updatedTo": str(int(window.end.timestamp()) + 1),
        "offset": str(window.offset),
        "limit": str(PAGE_SIZE),
    }


def orders_of(body: Any) -> list[ChannelOrder]:
    """The orders of a page, without the abandoned carts among them."""
    return [order for order in map(order_of, objects_of(body, "items")) if order is not None]


def order_of(body: Any) -> ChannelOrder | None:
    """Reads one order; None when it is none. States we do not know leave it as it is: neither paid nor cancelled."""
    if not isinstance(body, Mapping):
        return None
    order_id = str(body.get("id") or body.get("orderNumber") or "")
    payment = str(body.get("paymentStatus", ""))
    if not order_id or payment == _ABANDONED_CART:
        return None
    fulfillment = str(body.get("fulfillmentStatus", ""))
    placed_at = _moment(body, "createTimestamp", "createDate")
    return ChannelOrder(
        external_order_id=order_id,
        lines=[
            _line(place, line, is_shipped=fulfillment in SHIPPED)
            for place, line in enumerate(objects_of(body, "items"))
        ],
        paid=payment in _PAID,
        cancelled=_is_void(payment, fulfillment),
        placed_at=placed_at,
        modified_at=max(_moment(body, "updateTimestamp", "updateDate"), placed_at),
        platform_status=f"{payment} {fulfillment}".strip(),
    )


def _is_void(payment: str, fulfillment: str) -> bool:
    if payment == "CANCELLED" or fulfillment == "WILL_NOT_DELIVER":
        return True
    return payment == "REFUNDED" and fulfillment not in SHIPPED


def _line(position: int, line: Mapping[str, Any], *, is_shipped: bool) -> OrderLine:
    quantity = line.get("quantity")
    quantity = quantity if isinstance(quantity, int) and quantity > 0 else 1
    return OrderLine(
        line_id=str(line.get("id") or f"line-{position}"),
        platform_sku=str(line.get("sku") or ""),
        quantity=quantity,
        title=str(line.get("name", "")),
        unit_price=decimal_or_none(line.get("price")),
        shipped_quantity=quantity if is_shipped else 0,
    )


def _moment(body: Mapping[str, Any], seconds_field: str, text_field: str) -> datetime:
    seconds = body.get(seconds_field)
    try:
        if isinstance(seconds, int):
            return datetime.fromtimestamp(seconds, UTC)
        moment = datetime.strptime(str(body.get(text_field)), "%Y-%m-%d %H:%M:%S %z")
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
    return moment
