"""What the Zoho organization holds: items with their stock, adjustment documents, sales orders, packages and shipments.

Stock on hand changes by documents only. What can be sold is that stock less what confirmed orders have committed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from sandbox.wire import Json

ADJUSTED = "adjusted"
DRAFT = "draft"
PENDING = "pending_approval"
CONFIRMED = "confirmed"
VOID = "void"


@dataclass(slots=True)
class Item:
    """One item; `fields` hold name, rate, sku and whatever else was sent. Stock of an untracked one means nothing."""

    item_id: str
    fields: Json
    created_at: float
    updated_at: float
    on_hand: int = 0
    committed: int = 0
    active: bool = True

    @property
    def sku(self) -> str:
        """Empty when the item has none."""
        return str(self.fields.get("sku") or "")

    @property
    def tracked(self) -> bool:
        """Whether Zoho keeps a stock of it."""
        return bool(self.fields.get("item_type", "inventory") == "inventory")


@dataclass(slots=True)
class Adjustment:
    """One adjustment document; `lines` have item_id, line_item_id and quantity_adjusted. It counts once `adjusted`."""

    adjustment_id: str
    fields: Json
    lines: list[Json]
    status: str
    created_at: float


@dataclass(slots=True)
class SalesOrder:
    """One sales order; `lines` have line_item_id, item_id, sku, name, rate, quantity, packed and shipped."""

    salesorder_id: str
    number: str
    fields: Json
    lines: list[Json]
    status: str
    created_at: float
    updated_at: float

    def open_units(self, line: Json) -> int:
        """Units of a line that stock is committed to."""
        return int(line["quantity"] - line["shipped"]) if self.status not in {DRAFT, PENDING, VOID} else 0

    def settle(self) -> None:
        """Sets the status that follows from what was shipped."""
        ordered, shipped = (sum(line[name] for line in self.lines) for name in ("quantity", "shipped"))
        if shipped:
            self.status = "shipped" if shipped >= ordered else "partially_shipped"


@dataclass(slots=True)
class Package:
    """One package; `lines` have line_item_id, so_line_item_id and quantity."""

    package_id: str
    number: str
    salesorder_id: str
    date: str
    lines: list[Json]
    created_at: float
    status: str = "not_shipped"


@dataclass(slots=True)
class Shipment:
    """One shipment of one or several packages."""

    shipment_id: str
    salesorder_id: str
    package_ids: list[str]
    fields: Json
    created_at: float
    status: str = "shipped"


@dataclass(slots=True)
class Organization:
    """Everything of the organization, by id."""

    items: dict[str, Item] = field(default_factory=dict)
    by_sku: dict[str, str] = field(default_factory=dict)
    sku_of: dict[str, str] = field(default_factory=dict)
    adjustments: dict[str, Adjustment] = field(default_factory=dict)
    orders: dict[str, SalesOrder] = field(default_factory=dict)
    packages: dict[str, Package] = field(default_factory=dict)
    shipments: dict[str, Shipment] = field(default_factory=dict)


def as_json(entity: Item | Adjustment | SalesOrder | Package | Shipment) -> Json:
    """The form that is kept."""
    return {item.name: getattr(entity, item.name) for item in dataclasses.fields(entity)}
