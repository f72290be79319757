"""What stock should do, as simply as can be said: units in a list, orders in a dict, and what each call should answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

OK = "OK"
FORBIDDEN = "STATUS_FORBIDS"
HELD = "HELD_FOR_ANOTHER"
HISTORY = "ITEM_HAS_HISTORY"
GONE = "ITEM_NOT_FOUND"
OTHER_SALE = "SOLD_UNDER_ANOTHER"
OTHER_THING = "REGRADE_REFUSED"
OTHER_TRANSFER = "ON_ANOTHER_TRANSFER"

IN_HOUSE = {"AVAILABLE", "RESERVED", "RMA", "DAMAGED"}
ON_HAND = IN_HOUSE | {"IN_TRANSIT"}
AWAY = {"SOLD", "WRITTEN_OFF", "IN_TRANSIT"}
UNPROMISED = {"AVAILABLE", "RMA", "DAMAGED"}

# What may be done after a sale: from which statuses, to which.
AFTER_SALE = {
    "DamageItem": ({"AVAILABLE", "RMA"}, "DAMAGED"),
    "RepairItem": ({"DAMAGED"}, "RMA"),
    "WriteOffItem": (UNPROMISED | {"IN_TRANSIT"}, "WRITTEN_OFF"),
}

# An order and the id of one of its lines.
LineKey = tuple[str, str]


@dataclass
class Unit:
    """One unit. `line` is the order line that holds it, `sale` the one it is sold to."""

    id: int
    sku: str
    serial: str = ""
    cost: Decimal | None = None
    location: str = ""
    status: str = "AVAILABLE"
    holder: str = ""
    order: str = ""
    line: LineKey | None = None
    sale: LineKey | None = None
    transfer: int = 0
    shipped_as: str = ""
    was_taken: bool = False
    is_deleted: bool = False
    # The lines it was sold to, and not taken back by; and what it was when it was last sold under an order.
    sold_to: set[LineKey] = field(default_factory=set)
    sold_as: dict[str, str] = field(default_factory=dict)

    @property
    def is_free(self) -> bool:
        return self.status == "AVAILABLE" and not self.is_deleted

    def become(self, status: str) -> None:
        """Another status, promised to nobody."""
        self.status, self.holder, self.order, self.line, self.sale = status, "", "", None, None
        self.was_taken |= status != "AVAILABLE"

    def hold(self, holder: str, order: str, line: LineKey | None = None) -> None:
        self.become("RESERVED")
        self.holder, self.order, self.line = holder, order, line

    def sell(self, order: str, line: LineKey | None = None) -> None:
        line, order = self.line or line, order or self.order
        self.become("SOLD")
        self.order, self.sale = order, line
        self.sold_as[order] = self.sku
        if line:
            self.sold_to.add(line)


@dataclass
class Stock:
    """All units, and what may be done with one of them."""

    units: list[Unit] = field(default_factory=list)

    def pick(self, place: int) -> Unit | None:
        """Some unit, deleted ones included."""
        return self.units[place % len(self.units)] if self.units else None

    @property
    def present(self) -> list[Unit]:
        return [unit for unit in self.units if not unit.is_deleted]

    def free(self, *skus: str) -> list[Unit]:
        """The free units of some SKUs, oldest first."""
        return [unit for unit in self.units if unit.sku in skus and unit.is_free]

    def counts(self, sku: str) -> Counter[str]:
        """Units of a SKU by status."""
        return Counter(unit.status for unit in self.present if unit.sku == sku)

    def value(self) -> Decimal:
        """What the stock on hand cost."""
        return sum((unit.cost for unit in self.present if unit.cost and unit.status in ON_HAND), Decimal())

    def _judge(self, unit: Unit, statuses: Iterable[str]) -> str:
        return GONE if unit.is_deleted else OK if unit.status in statuses else FORBIDDEN

    def reserve(self, unit: Unit, caller: str, order: str) -> str:
        answer = self._judge(unit, {"AVAILABLE"})
        if answer == OK:
            unit.hold(caller, order)
        return answer

    def release(self, unit: Unit, order: str) -> str:
        answer = self._judge(unit, {"RESERVED"})
        if answer == OK and order and order != unit.order:
            return HELD
        if answer == OK:
            unit.become("AVAILABLE")
        return answer

    def sell(self, unit: Unit, caller: str, order: str) -> str:
        answer = self._judge(unit, {"AVAILABLE", "RESERVED"})
        may = unit.status != "RESERVED" or unit.holder == caller or (order and order == unit.order)
        if answer == OK and not may:
            return HELD
        if answer == OK:
            unit.sell(order)
        return answer

    def expire(self, unit: Unit) -> None:
        if unit.status == "RESERVED":
            unit.become("AVAILABLE")

    def move(self, unit: Unit, location: str) -> str:
        answer = self._judge(unit, IN_HOUSE)
        if answer == OK:
            unit.location = location
        return answer

    def take_back(self, unit: Unit, order: str) -> str:
        answer = self._judge(unit, {"SOLD"})
        if answer == OK and order and order != unit.order:
            return OTHER_SALE
        if answer == OK:
            unit.become("RMA")
            unit.location = ""
        return answer

    def restock(self, unit: Unit, sku: str, other_conditions: Sequence[str]) -> str:
        """Free again, as `sku` when one is given; `other_conditions` are the SKUs of one thing."""
        if unit.is_deleted and sku:
            return GONE
        if sku and sku != unit.sku and not {sku, unit.sku} <= set(other_conditions):
            return OTHER_THING
        answer = self._judge(unit, {"RMA", "DAMAGED"})
        if answer == OK:
            unit.become("AVAILABLE")
            unit.sku = sku or unit.sku
        return answer

    def after_sale(self, method: str, unit: Unit) -> str:
        before, after = AFTER_SALE[method]
        answer = self._judge(unit, before)
        if answer == OK:
            unit.become(after)
            unit.transfer = 0
        return answer

    def ship(self, unit: Unit, transfer: int) -> str:
        answer = self._judge(unit, UNPROMISED)
        if answer == OK and transfer:
            unit.shipped_as, unit.transfer, unit.location = unit.status, transfer, ""
            unit.become("IN_TRANSIT")
        return answer

    def arrive(self, unit: Unit, transfer: int, location: str) -> str:
        answer = self._judge(unit, {"IN_TRANSIT"})
        if answer == OK and unit.transfer != transfer:
            return OTHER_TRANSFER
        if answer == OK:
            unit.become(unit.shipped_as)
            unit.transfer, unit.location = 0, location
        return answer

    def delete(self, unit: Unit) -> str:
        if unit.is_deleted:
            return GONE
        if unit.was_taken:
            return HISTORY
        unit.is_deleted = True
        return OK
