"""An order of a channel and what became of its lines in stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sync_svc.domain.channel import Platform
from sync_svc.domain.shipment import Shipment, Shipping


class OrderStatus(StrEnum):
    """How far the hub has come with an order."""

    NEW = "NEW"
    HELD = "HELD"
    SOLD = "SOLD"
    CANCELLED = "CANCELLED"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"


class OrderReason(StrEnum):
    """Why an order, or a line, needs a person."""

    UNKNOWN_SKU = "UNKNOWN_SKU"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `variant_id` and `sku` are unset while no listing has its platform SKU."""

    line_id: str
    platform_sku: str
    title: str
    quantity: int
    unit_price: Decimal | None
    currency: str
    variant_id: int = 0
    sku: str = ""
    applied: bool = False
    cancelled: bool = False
    reason: OrderReason | None = None
    message: str = ""
    shipped_quantity: int = 0
    """Units in shipments recorded here."""
    shipped_there: int = 0
    """Units the platform sees as shipped, by whatever way it was told."""
    revision: int = 0
    """How often the line began anew: it came back after it was cancelled, or means other goods than before."""

    @property
    def stock_line_id(self) -> str:
        """The line's id in inventory, where a line that was given back, or another thing's, is never taken up again."""
        return _stock_line_id(self.line_id, self.revision)

    @property
    def former_stock_line_ids(self) -> list[str]:
        """What its units were held or sold under before it began anew."""
        return [_stock_line_id(self.line_id, revision) for revision in range(self.revision)]

    @property
    def has_left(self) -> int:
        """Units that left the house: the platform may know of more than the hub, and the other way round."""
        return max(self.shipped_quantity, self.shipped_there)

    @property
    def to_ship(self) -> int:
        """Units that are sold and have not left the house."""
        return max(0, self.quantity - self.has_left) if self.applied and not self.cancelled else 0

    @property
    def keeps_more(self) -> bool:
        """Whether it has more units than ordered, as some had left the house when it was lowered: its message says so."""
        return self.applied and bool(self.message)

    @property
    def is_known(self) -> bool:
        """Whether it can be allocated."""
        return bool(self.sku)


def _stock_line_id(line_id: str, revision: int) -> str:
    return f"{line_id}~{revision}" if revision else line_id


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is stored."""

    id: int
    channel_id: int
    platform: Platform
    account: str
    external_order_id: str
    status: OrderStatus
    paid: bool
    platform_status: str
    cancelled: bool
    """Whether its platform shows it as cancelled. Its units are given back after that was stored."""
    lines: Sequence[Line]
    placed_at: datetime
    modified_at: datetime
    created_at: datetime
    updated_at: datetime
    reason: OrderReason | None = None
    message: str = ""
    shipments: Sequence[Shipment] = ()

    @property
    def shipping(self) -> Shipping:
        """How much of it has left the house."""
        if not self.paid or self.cancelled or self.status is OrderStatus.CANCELLED:
            return Shipping.NOT_DUE
        lines = [line for line in self.lines if not line.cancelled]
        if not any(line.has_left for line in lines):
            return Shipping.TO_SHIP
        return Shipping.SHIPPED if all(line.has_left >= line.quantity for line in lines) else Shipping.PARTLY_SHIPPED

    @property
    def reference(self) -> str:
        """The order reference in inventory."""
        return order_reference(self.platform, self.account, self.external_order_id)


def order_reference(platform: str, account: str, external_order_id: str) -> str:
    """The one name of an order in inventory, however often and by whatever way it comes."""
    return f"{platform}-{account}-{external_order_id}"


LEFT_BEFORE = "It was cancelled when units had left the house: they stay sold until they are taken in as a return."


def verdict(lines: Sequence[Line], *, paid: bool, cancelled: bool) -> tuple[OrderStatus, OrderReason | None, str]:
    """The order's status from its lines, with the first trouble's reason and message, or else the first line's remark."""
    if cancelled:
        return OrderStatus.CANCELLED, None, LEFT_BEFORE if any(line.applied for line in lines) else ""
    for line in lines:
        if line.reason is not None and not line.cancelled:
            return OrderStatus.NEEDS_ATTENTION, line.reason, f"Line {line.line_id}: {line.message}"
    remark = next((f"Line {line.line_id}: {line.message}" for line in lines if line.message), "")
    return (OrderStatus.SOLD if paid else OrderStatus.HELD), None, remark


def in_trouble(line: Line, reason: OrderReason, message: str) -> Line:
    """The line, marked for a person."""
    return replace(line, applied=False, reason=reason, message=message)


def applied(line: Line, units: int) -> Line:
    """The line, of which so many units are held or sold: more than ordered where it was lowered after some had left."""
    more = units - line.quantity
    message = f"{more} more than ordered stay sold until they are taken in as a return." if more > 0 else ""
    return replace(line, applied=True, reason=None, message=message)
