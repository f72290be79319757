"""Orders as Amazon has them (2026-01-01), and the search for changed ones. Pure; nothing about the buyer is taken.

A search sees nothing of the last two minutes, and may be made once in three: notifications are what is quick. Orders Amazon
ships from its own stock are none of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sync_svc.channels.base import ChannelOrder, OrderLine
from sync_svc.channels.codec import decimal_or_none, fields_of, objects_of, time_or_none
from sync_svc.channels.windows import Window, cursor_behind, cursor_within, open_cursor

PAGE_SIZE = 100
_LAG = timedelta(minutes=2, seconds=5)
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_PAID = frozenset({"UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "UNFULFILLABLE"})


@dataclass(frozen=True, slots=True)
class Search:
    """A window under way and the token of its next page; empty at its first."""

    window: Window
    token: str = ""

    @property
    def cursor(self) -> str:
        """What continues this search."""
        return f"{cursor_within(self.window)}/{self.token}"

    @property
    def cursor_behind(self) -> str:
        """What begins after it."""
        return cursor_behind(self.window)


def open_search(cursor: str, now: datetime) -> Search:
    """Continues the search of a cursor, or begins the next one."""
    parts = cursor.split("/", 4)
    if len(parts) == 5:
        return Search(open_cursor("/".join(parts[:4]), now - _LAG), parts[4])
    return Search(open_cursor(cursor, now - _LAG))


def search_parameters(search: Search) -> dict[str, str]:
    """The query of one page; but for the token it is the same for every page."""
    fixed = {
        "lastUpdatedAfter": _text(search.window.start),
        "lastUpdatedBefore": _text(search.window.end),
        "fulfilledBy": "MERCHANT",
        "maxResultsPerPage": str(PAGE_SIZE),
    }
    return {**fixed, "paginationToken": search.token} if search.token else fixed


def next_token(body: Mapping[str, Any]) -> str:
    """The token of the page after this one; empty when this was the last."""
    token = fields_of(body.get("pagination")).get("nextToken")
    return token if isinstance(token, str) else ""


def order_of(body: Any) -> ChannelOrder | None:
    """Reads one order; None when it is none, or one that Amazon ships from its own stock."""
    order = fields_of(body)
    order_id = order.get("orderId")
    fulfillment = fields_of(order.get("fulfillment"))
    if not isinstance(order_id, str) or not order_id or fulfillment.get("fulfilledBy") == "AMAZON":
        return None
    status = str(fulfillment.get("fulfillmentStatus") or "")
    placed_at = time_or_none(order.get("createdTime")) or _LONG_AGO
    return ChannelOrder(
        external_order_id=order_id,
        lines=[_line(line) for line in objects_of(order, "orderItems")],
        paid=status in _PAID,
        cancelled=status == "CANCELLED",
        placed_at=placed_at,
        modified_at=time_or_none(order.get("lastUpdatedTime")) or placed_at,
        platform_status=status,
    )


def _line(line: Mapping[str, Any]) -> OrderLine:
    product = fields_of(line.get("product"))
    price = fields_of(fields_of(product.get("price")).get("unitPrice"))
    fulfillment = fields_of(line.get("fulfillment"))
    fulfilled = _units(fulfillment.get("quantityFulfilled")) or 0
    quantity = _quantity(line, fulfilled, _units(fulfillment.get("quantityUnfulfilled")))
    return OrderLine(
        line_id=str(line.get("orderItemId") or ""),
        platform_sku=str(product.get("sellerSku") or ""),
        quantity=max(quantity, 1),
        title=str(product.get("title") or ""),
        # A pending order tells no price yet.
        unit_price=decimal_or_none(price.get("amount")),
        currency=str(price.get("currencyCode") or "USD"),
        cancelled=quantity == 0,
        shipped_quantity=fulfilled,
    )


def _quantity(line: Mapping[str, Any], fulfilled: int, unfulfilled: int | None) -> int:
    """Units that were and are to be sent; 0 for a line that is cancelled.

    Of a line that is cancelled in part it is not documented whether `quantityOrdered` falls; what is left to send does. Where
    that is not told, all of the line is taken to be cancelled.
    """
    ordered = _units(line.get("quantityOrdered"))
    ordered = 1 if ordered is None else ordered
    if not fields_of(fields_of(line.get("cancellation")).get("cancellationExecution")):
        return ordered
    return min(ordered, fulfilled + (unfulfilled or 0))


def _units(value: Any) -> int | None:
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
