"""Sales orders as Zoho has them, and which of a list have changed. Pure; nothing about the customer is taken.

The list documents no filter by time and no order, so both are asked for and neither is relied on: what comes back says whether
they were heeded. When not, the list is by creation, newest first, and is read as far back as orders still change.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sync_svc.channels.base import ChannelOrder, OrderLine
from sync_svc.channels.codec import decimal_or_none, fields_of, objects_of
from sync_svc.channels.windows import Window
from sync_svc.channels.zoho.mapping import text_id, whole

PAGE_SIZE = 200
# Each changed order is read by itself, so one answer brings this many at most.
MOST_CHANGED = 20
STILL_CHANGING = timedelta(days=45)
_OFFSET = re.compile(r"([+-]\d\d)(\d\d)$")
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_CANCELLED = frozenset({"void", "voided", "cancelled", "canceled"})
_NOT_BINDING = frozenset(
    {"draft", "pending_approval", "pending approval", "submitted", "rejected", "onhold", "on hold"}
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A changed order as a list shows it. `told` is all that the list tells of it: its time of change has whole seconds only, and
    an order may be made and cancelled within one.
    """

    order_id: str
    modified_at: datetime
    told: str


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a page: the orders of it that have changed, and where to go on (None: read through)."""

    changed: Sequence[Listed]
    following: Window | None


def list_parameters(window: Window) -> dict[str, str]:
    """The query of the page in which `window.offset` lies."""
    return {
        "page": str(window.offset // PAGE_SIZE + 1),
        "per_page": str(PAGE_SIZE),
        "sort_column": "last_modified_time",
        "sort_order": "D",
        "last_modified_time": window.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }


def changed_in(body: Mapping[str, Any], window: Window, skipped_channels: Sequence[str]) -> Slice:
    """The changed orders of a listed page from the window's offset on."""
    listed = objects_of(body, "salesorders")
    begin = window.offset % PAGE_SIZE
    changed: list[Listed] = []
    for place, order in enumerate(listed[begin:], begin):
        modified_at = modified(order)
        order_id = text_id(order.get("salesorder_id"))
        if not order_id or modified_at < _whole_seconds(window.start) or _is_skipped(order, skipped_channels):
            continue
        if len(changed) == MOST_CHANGED:
            return Slice(changed, _moved(window, window.offset - begin + place))
        changed.append(Listed(order_id, modified_at, json.dumps(order, sort_keys=True, default=str)))
    has_more = fields_of(body.get("page_context")).get("has_more_page") is True
    if not listed or not has_more or _nothing_behind(listed, window):
        return Slice(changed, None)
    return Slice(changed, _moved(window, window.offset - begin + PAGE_SIZE))


def _moved(window: Window, offset: int) -> Window:
    return replace(window, offset=offset, total=0)


def _nothing_behind(listed: Sequence[Mapping[str, Any]], window: Window) -> bool:
    """Whether no later page can hold a changed order."""
    times = [modified(order) for order in listed]
    created = [_time(order.get("created_time") or order.get("date")) for order in listed]
    if not _is_falling(created):
        # Only a list that is by the time of change looks like this. Where both orders agree, nothing is proven.
        return _is_falling(times) and times[-1] < window.start
    return created[-1] < window.start - STILL_CHANGING


def _is_falling(times: Sequence[datetime]) -> bool:
    return all(later >= earlier for later, earlier in itertools.pairwise(times))


def _is_skipped(order: Mapping[str, Any], skipped_channels: Iterable[str]) -> bool:
    """Whether the order is a copy of one the hub takes from its own marketplace."""
    channel = str(order.get("sales_channel") or "").casefold()
    return any(channel.startswith(skipped) for skipped in skipped_channels)


def modified(order: Mapping[str, Any]) -> datetime:
    """When an order last changed."""
    return _time(order.get("last_modified_time") or order.get("created_time"))


def lacks_skus(order: Mapping[str, Any]) -> list[str]:
    """The items of lines that name no SKU."""
    lines = objects_of(order, "line_items")
    return sorted({item_id for line in lines if not line.get("sku") and (item_id := text_id(line.get("item_id")))})


def order_of(order: Mapping[str, Any], skus: Mapping[str, str]) -> ChannelOrder | None:
    """Reads one order; `skus` are of items whose lines name none. None when it is no order.

    A draft binds nobody yet: it holds units, and they are sold when it is confirmed.
    """
    order_id = text_id(order.get("salesorder_id"))
    if not order_id:
        return None
    status = str(order.get("status") or "")
    placed_at = _time(order.get("created_time") or order.get("date"))
    currency = str(order.get("currency_code") or "USD")
    return ChannelOrder(
        external_order_id=order_id,
        lines=[_line(place, line, currency, skus) for place, line in enumerate(objects_of(order, "line_items"))],
        paid=status.casefold() not in _NOT_BINDING | _CANCELLED | {""},
        cancelled=status.casefold() in _CANCELLED,
        placed_at=placed_at,
        modified_at=max(modified(order), placed_at),
        platform_status=status,
    )


def _line(place: int, line: Mapping[str, Any], currency: str, skus: Mapping[str, str]) -> OrderLine:
    quantity = whole(line.get("quantity")) or 1
    return OrderLine(
        line_id=text_id(line.get("line_item_id")) or f"line-{place}",
        platform_sku=str(line.get("sku") or skus.get(text_id(line.get("item_id")), "")),
        quantity=max(quantity, 1),
        title=str(line.get("name") or ""),
        unit_price=decimal_or_none(line.get("rate")),
        currency=currency,
        shipped_quantity=max(whole(line.get("quantity_shipped")) or 0, 0),
    )


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _time(value: Any) -> datetime:
    """Zoho writes offsets without a colon, and sometimes only a day."""
    try:
        moment = datetime.fromisoformat(_OFFSET.sub(r"\1:\2", str(value)))
    except ValueError:
        return _LONG_AGO
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
