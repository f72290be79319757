"""A platform's order as JSON and back, for the time between a poll and its turn."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from sync_svc.channels.base import ChannelOrder, OrderLine


def order_to_json(order: ChannelOrder) -> str:
    """The order as JSON text."""
    return json.dumps(
        {
            "id": order.external_order_id,
            "paid": order.paid,
            "cancelled": order.cancelled,
            "placed_at": order.placed_at.isoformat(),
            "modified_at": order.modified_at.isoformat(),
            "status": order.platform_status,
            "lines": [_line_to_dict(line) for line in order.lines],
        }
    )


def order_from_json(text: str) -> ChannelOrder:
    """The order `order_to_json` was given."""
    values = json.loads(text)
    return ChannelOrder(
        external_order_id=values["id"],
        lines=[_line_from_dict(line) for line in values["lines"]],
        paid=values["paid"],
        cancelled=values["cancelled"],
        placed_at=datetime.fromisoformat(values["placed_at"]),
        modified_at=datetime.fromisoformat(values["modified_at"]),
        platform_status=values["status"],
    )


def _line_to_dict(line: OrderLine) -> dict[str, Any]:
    return {
        "line_id": line.line_id,
        "platform_sku": line.platform_sku,
        "quantity": line.quantity,
        "title": line.title,
        "unit_price": None if line.unit_price is None else str(line.unit_price),
        "currency": line.currency,
        "cancelled": line.cancelled,
        "shipped_quantity": line.shipped_quantity,
    }


def _line_from_dict(values: dict[str, Any]) -> OrderLine:
    price = values["unit_price"]
    return OrderLine(**{**values, "unit_price": None if price is None else Decimal(price)})
