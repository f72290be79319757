"""What stock should do, as simply as can be said: units in a list, and what each call should answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

OK = "OK"
FORBIDDEN = "STATUS_FORBIDS"
HELD = "HELD_FOR_ANOTHER"
HISTORY = "ITEM_HAS_HISTORY"
GONE = "ITEM_NOT_FOUND"
SHORT = "OUT_OF_STOCK"
DIFFERS = "ALLOCATION_DIFFERS"
RELEASED = "ALLOCATION_RELEASED"
UNKNOWN_ORDER = "ALLOCATION_NOT_FOUND"
OTHER_SALE = "SOLD_UNDER_ANOTHER"

# What may be done after a sale: from which statuses, to which.
AFTER_SALE = {
    "RestockItem": (("RMA", "DAMAGED"), "AVAILABLE"),
    "DamageItem": (("AVAILABLE", "RMA"), "DAMAGED"),
    "RepairItem": (("DAMAGED",), "RMA"),
    "WriteOffItem": (("AVAILABLE", "RMA", "DAMAGED"), "WRITTEN_OFF"),
}


@dataclass
class Unit:
    """One unit. `line` is the order whose allocation it belongs to."""

    id: int
    location: str = ""
    status: str = "AVAILABLE"
    holder: str = ""
    order: str = ""
    line: str = ""
    was_taken: bool = False
    is_deleted: bool = False
    # The orders to whose allocations it was sold, and not taken back by them.
    sold_to: set[str] = field(default_factory=set)

    def take(self, status: str, holder: str, order: str, line: str = "") -> None:
        self.status, self.holder, self.order, self.line, self.was_taken = status, holder, order, line, True
        if status == "SOLD" and line:
            self.sold_to.add(line)

    def free(self) -> None:
        self.status, self.holder, self.order, self.line = "AVAILABLE", "", "", ""


@dataclass
class Order:
    """An allocation of one line."""

    quantity: int
    is_released: bool = False


@dataclass
class Stock:
    """All units of one SKU."""

    units: list[Unit] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)

    def pick(self, place: int) -> Unit | None:
        """Some unit, deleted ones included."""
        return self.units[place % len(self.units)] if self.units else None

    def counts(self) -> Counter[str]:
        """Units by status."""
        return Counter(unit.status for unit in self.units if not unit.is_deleted)

    def reserve(self, unit: Unit, caller: str, order: str) -> str:
        if unit.is_deleted:
            return GONE
        if unit.status != "AVAILABLE":
            return FORBIDDEN
        unit.take("RESERVED", caller, order)
        return OK

    def release(self, unit: Unit, order: str) -> str:
        if unit.is_deleted:
            return GONE
        if unit.status != "RESERVED":
            return FORBIDDEN
        if order and order != unit.order:
            return HELD
        unit.free()
        return OK

    def sell(self, unit: Unit, caller: str, order: str) -> str:
        if unit.is_deleted:
            return GONE
        if unit.status not in ("AVAILABLE", "RESERVED"):
            return FORBIDDEN
        if unit.status == "RESERVED" and unit.holder != caller and not (order and order == unit.order):
            return HELD
        named = order or unit.order
        line = unit.line if unit.status == "RESERVED" else named if named in unit.sold_to else ""
        unit.take("SOLD", caller, order or unit.order, line)
        return OK

    def expire(self, unit: Unit) -> None:
        if unit.status == "RESERVED":
            unit.free()

    def move(self, unit: Unit, location: str) -> str:
        if unit.is_deleted:
            return GONE
        if unit.status in ("SOLD", "WRITTEN_OFF"):
            return FORBIDDEN
        unit.location = location
        return OK

    def take_back(self, unit: Unit, order: str) -> str:
        if unit.is_deleted:
            return GONE
        if unit.status != "SOLD":
            return FORBIDDEN
        if order and order != unit.order:
            return OTHER_SALE
        unit.take("RMA", "", "")
        unit.location = ""
        return OK

    def after_sale(self, method: str, unit: Unit) -> str:
        before, after = AFTER_SALE[method]
        if unit.is_deleted:
            return GONE
        if unit.status not in before:
            return FORBIDDEN
        unit.take(after, "", "")
        return OK

    def count(self, unit: Unit, location: str) -> None:
        """The unit is found at a location, and the count approved."""
        if unit.is_deleted or unit.status == "SOLD":
            return
        if unit.status == "WRITTEN_OFF":
            unit.take("RMA", "", "")
        unit.location = location

    def delete(self, unit: Unit) -> str:
        if unit.is_deleted:
            return GONE
        if unit.was_taken:
            return HISTORY
        unit.is_deleted = True
        return OK

    def allocate(self, order: str, quantity: int, caller: str, sell: bool) -> str:
        known = self.orders.get(order)
        if known and known.quantity != quantity:
            return DIFFERS
        if known and known.is_released:
            return RELEASED
        have = self.of_line(order)
        free = [unit for unit in self.units if unit.status == "AVAILABLE" and not unit.is_deleted]
        missing = max(0, quantity - len(have))
        if missing > len(free):
            return SHORT
        self.orders[order] = Order(quantity)
        for unit in free[:missing]:
            unit.take("RESERVED", caller, order, order)
        if sell:
            for unit in self.of_line(order):
                unit.take("SOLD", caller, order, order)
        return OK

    def of_line(self, order: str) -> list[Unit]:
        """The units an allocation has: held for it, or sold to it under its own order."""
        return [
            unit for unit in self.units if unit.line == order and (unit.status == "RESERVED" or unit.order == order)
        ]

    def release_allocation(self, order: str) -> str:
        if order not in self.orders:
            return UNKNOWN_ORDER
        for unit in self.of_line(order):
            unit.free()
            unit.sold_to.discard(order)
        self.orders[order].is_released = True
        return OK
