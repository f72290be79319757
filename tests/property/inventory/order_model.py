"""What the allocations of orders should do: which calls are granted, what each line lacks, and that the oldest units go."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.property.inventory.model import OK, LineKey, Stock, Unit

SHORT = "OUT_OF_STOCK"
DIFFERS = "ALLOCATION_DIFFERS"
RELEASED = "ALLOCATION_RELEASED"
NOT_HELD = "ALLOCATION_NOT_HELD"
UNKNOWN = "ALLOCATION_NOT_FOUND"

# What a bundle is built from: so many units of any of some SKUs.
Recipe = Sequence[tuple[int, tuple[str, ...]]]


@dataclass(frozen=True)
class Asked:
    """A line as it is asked for; `named` are the units asked for by serial number."""

    sku: str
    quantity: int
    named: tuple[Unit, ...] = ()
    # What another quantity than before means: RAISE, SET, or that it is refused.
    change: str = ""


@dataclass
class Line:
    """A line as it is kept."""

    sku: str
    quantity: int
    state: str = "HELD"
    is_named: bool = False


@dataclass
class Need:
    """The units that lines lack: of SKUs of their own, of pools for components, and by name."""

    own: dict[str, int] = field(default_factory=dict)
    pools: dict[tuple[str, ...], int] = field(default_factory=dict)
    named: list[Unit] = field(default_factory=list)


@dataclass
class Orders:
    """All orders, on a stock."""

    stock: Stock
    recipes: Mapping[str, Recipe]
    lines: dict[LineKey, Line] = field(default_factory=dict)

    def of(self, order: str, line_ids: Sequence[str] = ()) -> list[LineKey]:
        return [key for key in self.lines if key[0] == order and (not line_ids or key[1] in line_ids)]

    def has(self, key: LineKey) -> list[Unit]:
        """The units a line has: held for it, or sold to it under its order."""
        return [
            unit
            for unit in self.stock.present
            if (unit.status == "RESERVED" and unit.line == key)
            or (unit.status == "SOLD" and unit.sale == key and unit.order == key[0])
        ]

    def came_back(self, key: LineKey) -> list[Unit]:
        """The units that were sold to it under its order and are so no more."""
        had = {unit.id for unit in self.has(key)}
        return [
            unit for unit in self.stock.units if key in unit.sold_to and key[0] in unit.sold_as and unit.id not in had
        ]

    def _had(self, key: LineKey) -> list[str]:
        """The SKUs of all it has or had."""
        return [unit.sku for unit in self.has(key)] + [unit.sold_as[key[0]] for unit in self.came_back(key)]

    def _add_need(self, need: Need, key: LineKey, line: Line, named: Sequence[Unit]) -> None:
        skus, recipe = self._had(key), () if line.is_named else self.recipes.get(line.sku, ())
        if named:
            have = {unit.id for unit in (*self.has(key), *self.came_back(key))}
            need.named += [unit for unit in named if unit.id not in have]
            return
        if not recipe:
            need.own[line.sku] = need.own.get(line.sku, 0) + max(0, line.quantity - len(skus))
            return
        have_of = [sum(sku in pool for sku in skus) for _, pool in recipe]
        begun = max(-(-there // count) for there, (count, _) in zip(have_of, recipe, strict=True))
        missing = max(0, line.quantity - skus.count(line.sku) - begun)
        whole = len([unit for unit in self.stock.free(line.sku) if unit not in need.named]) - need.own.get(line.sku, 0)
        need.own[line.sku] = need.own.get(line.sku, 0) + min(missing, whole)
        for there, (count, pool) in zip(have_of, recipe, strict=True):
            lacking = (begun + missing - min(missing, whole)) * count - there
            need.pools[pool] = need.pools.get(pool, 0) + lacking

    def _can_meet(self, need: Need) -> bool:
        free = {unit.id for unit in self.stock.units if unit.is_free}
        named = [unit.id for unit in need.named]
        if not set(named) <= free or len(set(named)) < len(named):
            return False
        left = {sku: len([unit for unit in self.stock.free(sku) if unit.id not in named]) for sku in self._skus()}
        for sku, count in need.own.items():
            left[sku] -= count
        if min(left.values()) < 0:
            return False
        for pool, count in sorted(need.pools.items(), key=lambda each: len(each[0])):
            for sku in pool:
                taken = min(count, left[sku])
                left[sku], count = left[sku] - taken, count - taken
            if count:
                return False
        return True

    def _skus(self) -> set[str]:
        return {unit.sku for unit in self.stock.units} | set(self.recipes) | {
            sku for recipe in self.recipes.values() for _, pool in recipe for sku in pool
        }  # fmt: skip

    def judge(self, order: str, asked: Mapping[str, Asked]) -> tuple[str, Need]:
        """Whether a call is granted, and what has to be taken for it once what is too much was given back."""
        trial = copy.deepcopy(self)
        outcome, need = trial._compare(order, asked)
        if outcome != OK:
            return outcome, need
        trial._give_back_surplus(order, asked)
        return trial._judge(order, asked)

    def _surplus(self, key: LineKey, quantity: int) -> list[Unit]:
        """The units a line has beyond a quantity: of all it has; of a bundle of its own units, and of each pool."""
        line, skus = self.lines[key], self._had(key)
        recipe = () if line.is_named else self.recipes.get(line.sku, ())
        units = sorted(self.has(key), key=lambda unit: (unit.status != "RESERVED", -unit.id))
        if not recipe:
            return units[: max(0, len(skus) - quantity)]
        own = skus.count(line.sku)
        given = [unit for unit in units if unit.sku == line.sku][: max(0, own - quantity)]
        for count, pool in recipe:
            kept = max(0, quantity - own) * count
            there = sum(sku in pool for sku in skus)
            given += [unit for unit in units if unit.sku in pool][: max(0, there - kept)]
        return given

    def _give_back_surplus(self, order: str, asked: Mapping[str, Asked]) -> None:
        for line_id, each in asked.items():
            key = (order, line_id)
            if key not in self.lines or each.quantity == self.lines[key].quantity:
                continue
            if each.change == "SET":
                self._give_back(key, self._surplus(key, each.quantity))
                self.lines[key].quantity = each.quantity
            else:
                self.lines[key].quantity = max(self.lines[key].quantity, each.quantity)

    def _give_back(self, key: LineKey, units: Sequence[Unit]) -> None:
        for unit in units:
            if unit.status == "SOLD":
                unit.sold_to.discard(key)
            unit.become("AVAILABLE")

    def _compare(self, order: str, asked: Mapping[str, Asked]) -> tuple[str, Need]:
        """Whether the lines may be asked for like this, whatever is free."""
        need = Need()
        for line_id, each in asked.items():
            kept = self.lines.get((order, line_id))
            if kept is None:
                continue
            others = each.named and {unit.id for unit in self.has((order, line_id))} - {unit.id for unit in each.named}
            if others or kept.sku != each.sku or (not each.change and kept.quantity != each.quantity):
                return DIFFERS, need
            if kept.state == "RELEASED":
                return RELEASED, need
        return OK, need

    def _judge(self, order: str, asked: Mapping[str, Asked]) -> tuple[str, Need]:
        need = Need()
        for line_id, each in sorted(asked.items(), key=lambda pair: not pair[1].named):
            key = (order, line_id)
            line = self.lines.get(key) or Line(each.sku, each.quantity, is_named=bool(each.named))
            self._add_need(need, key, line, each.named)
        return (OK if self._can_meet(need) else SHORT), need

    def grant(
        self, order: str, asked: Mapping[str, Asked], need: Need, caller: str, sell: bool, told: Mapping[str, list[int]]
    ) -> None:
        """Takes the units the answer tells of, once it is sure that they are those that are due."""
        self._give_back_surplus(order, asked)
        by_id = {unit.id: unit for unit in self.stock.units}
        fresh: list[Unit] = []
        for line_id, each in asked.items():
            key = (order, line_id)
            self.lines.setdefault(key, Line(each.sku, each.quantity, is_named=bool(each.named)))
            has = {unit.id for unit in self.has(key)}
            assert has <= set(told[line_id])
            fresh += [by_id[unit] for unit in told[line_id] if unit not in has]
        self._check_due(fresh, need)
        for line_id in asked:
            key = (order, line_id)
            for unit in (by_id[number] for number in told[line_id]):
                if unit in fresh:
                    unit.hold(caller, order, key)
                if sell and unit.status == "RESERVED":
                    unit.sell(order, key)
            if sell:
                self.lines[key].state = "SOLD"

    def _check_due(self, fresh: Sequence[Unit], need: Need) -> None:
        assert len({unit.id for unit in fresh}) == len(fresh)
        assert all(unit.is_free for unit in fresh)
        named = {unit.id for unit in need.named}
        assert named <= {unit.id for unit in fresh}
        assert len(fresh) == len(named) + sum(need.own.values()) + sum(need.pools.values())
        for sku in {unit.sku for unit in fresh}:
            taken = sorted(unit.id for unit in fresh if unit.sku == sku and unit.id not in named)
            free = [unit.id for unit in self.stock.free(sku) if unit.id not in named]
            assert taken == free[: len(taken)]
            assert len(taken) >= need.own.get(sku, 0)

    def _settle(self, order: str, line_ids: Sequence[str], *, sold_too: bool) -> tuple[str, list[LineKey]]:
        """The held lines to change, if all of them hold what they should."""
        if not self.of(order) or any((order, line_id) not in self.lines for line_id in line_ids):
            return UNKNOWN, []
        wanted = {"HELD", "SOLD"} if sold_too else {"HELD"}
        keys = [key for key in self.of(order, line_ids) if line_ids or self.lines[key].state in wanted]
        for key in keys:
            line, need = self.lines[key], Need()
            if sold_too and line.state == "SOLD":
                continue
            self._add_need(need, key, Line(line.sku, line.quantity, is_named=line.is_named), ())
            if line.state != "HELD" or need.named or sum(need.own.values()) or sum(need.pools.values()):
                return NOT_HELD, []
        return OK, keys

    def extend(self, order: str, line_ids: Sequence[str]) -> str:
        return self._settle(order, line_ids, sold_too=False)[0]

    def commit(self, order: str, line_ids: Sequence[str]) -> str:
        answer, keys = self._settle(order, line_ids, sold_too=True)
        for key in keys:
            for unit in self.has(key):
                if unit.status == "RESERVED":
                    unit.sell(order, key)
            self.lines[key].state = "SOLD"
        return answer

    def release(self, order: str, line_ids: Sequence[str]) -> str:
        if not self.of(order) or any((order, line_id) not in self.lines for line_id in line_ids):
            return UNKNOWN
        for key in self.of(order, line_ids):
            self._give_back(key, self.has(key))
            self.lines[key].state = "RELEASED"
        return OK

    def grantable(self, sku: str) -> int:
        """The most units or bundles of a SKU that one order would be granted."""
        own = len(self.stock.free(sku))
        recipe = self.recipes.get(sku, ())
        return own + min((len(self.stock.free(*pool)) // count for count, pool in recipe), default=0)
