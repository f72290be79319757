"""Catalog and inventory in memory, as sync sees them: free units, variants, allocations, and a feed of what changes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from chassis.errors import FailedPrecondition, InvalidArgument, OutOfRange, Unavailable
from sync_svc.domain.listing import Urgency
from sync_svc.domain.order import Line
from sync_svc.planner import Truth, VariantFacts
from sync_svc.upstream import FeedEvent, KnownVariant, VariantPage


class OutOfStock(FailedPrecondition):
    """As inventory says it."""

    reason = "OUT_OF_STOCK"


class LineRefused(FailedPrecondition):
    """As inventory says it of a line that was given back, or is asked for with another SKU."""

    reason = "ALLOCATION_RELEASED"


class TokenExpired(OutOfRange):
    """As the feeds say it."""

    reason = "RESUME_TOKEN_EXPIRED"


@dataclass(slots=True)
class FakeHub:
    """Free units per variant, what was allocated per order line, and the stock feed as a list that grows."""

    free: dict[int, int] = field(default_factory=dict)
    variants: dict[int, tuple[str, VariantFacts]] = field(default_factory=dict)
    held: dict[tuple[str, str], tuple[int, int, bool]] = field(default_factory=dict)
    released: set[tuple[str, str]] = field(default_factory=set)
    events: list[FeedEvent] = field(default_factory=list)
    built_on: dict[int, set[int]] = field(default_factory=dict)
    allocations: int = 0
    is_down: bool = False
    page_size: int = 1000
    trimmed_before: int = 0
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, variant_id: int, sku: str, units: int, price: str = "10.00") -> None:
        """A variant with units on the shelf."""
        self.variants[variant_id] = (sku, VariantFacts(f"Item {sku}", Decimal(price), "USD"))
        self.free[variant_id] = units

    def set_free(self, variant_id: int, units: int) -> None:
        """The shelf changes, and the feed tells."""
        fell = units < self.free.get(variant_id, 0)
        self.free[variant_id] = units
        self._tell(variant_id, Urgency.STOCK_FELL if fell else Urgency.STOCK)

    def tell_variant(self, sku: str) -> None:
        """The catalog tells of a variant."""
        (variant_id,) = (known_id for known_id, (known, _) in self.variants.items() if known == sku)
        token = f"token-{len(self.events) + 1}"
        self.events.append(FeedEvent(token, variant_id, Urgency.PRICE_OR_CONTENT, content=True, sku=sku))
        self._grown.set()

    def tell_deleted(self, variant_id: int) -> None:
        """The catalog tells of a deletion."""
        token = f"token-{len(self.events) + 1}"
        self.events.append(FeedEvent(token, variant_id, Urgency.STOCK_FELL, content=True))
        self._grown.set()

    def change_recipe(self, variant_id: int) -> None:
        """The recipe of a bundle changes, and the feed tells."""
        self.events.append(FeedEvent(f"token-{len(self.events) + 1}", recipe_of=self.variants[variant_id][0]))
        self._grown.set()

    def sell(self, variant_id: int) -> None:
        """One unit goes."""
        self.set_free(variant_id, self.free[variant_id] - 1)

    def _tell(self, variant_id: int, urgency: Urgency) -> None:
        self.events.append(FeedEvent(f"token-{len(self.events) + 1}", variant_id, urgency))
        self._grown.set()

    # TruthSource
    async def truth(self, variant_ids: Sequence[int]) -> Truth:
        self._check()
        await asyncio.sleep(0)
        known = {variant_id: self.variants[variant_id][1] for variant_id in variant_ids if variant_id in self.variants}
        return Truth({variant_id: self.free.get(variant_id, 0) for variant_id in variant_ids}, known)

    async def find_variant(self, *, variant_id: int = 0, sku: str = "") -> KnownVariant | None:
        self._check()
        for known_id, (known_sku, _) in self.variants.items():
            if known_id == variant_id or known_sku == sku:
                return KnownVariant(known_id, known_sku)
        return None

    # VariantSource
    async def list_variants(self, page_token: str) -> VariantPage:
        self._check()
        await asyncio.sleep(0)
        if page_token and not page_token.isdigit():
            raise InvalidArgument("The page token does not belong to this list.")
        after = int(page_token or 0)
        found = sorted(variant_id for variant_id in self.variants if variant_id > after)
        page = found[: self.page_size]
        next_page_token = str(page[-1]) if len(found) > len(page) else ""
        return VariantPage({variant_id: self.variants[variant_id][0] for variant_id in page}, next_page_token)

    async def find_variants(self, skus: Sequence[str]) -> dict[int, str]:
        self._check()
        wanted = {sku.upper() for sku in skus}
        return {variant_id: sku for variant_id, (sku, _) in self.variants.items() if sku.upper() in wanted}

    # BundleSource
    async def bundles_on(self, variant_ids: Sequence[int], recipes_of: Sequence[str]) -> list[int]:
        self._check()
        named = {variant_id for variant_id in self.built_on if self.variants[variant_id][0] in recipes_of}
        return sorted(named | {key for key, parts in self.built_on.items() if parts & set(variant_ids)})

    # FeedSource
    async def follow(self, resume_token: str) -> AsyncIterator[FeedEvent]:
        self._check()
        place = int(resume_token.removeprefix("token-")) if resume_token else len(self.events)
        if place < self.trimmed_before:
            raise TokenExpired("too old")
        yield FeedEvent(f"token-{place}")
        while True:
            while place < len(self.events):
                place += 1
                yield self.events[place - 1]
            self._grown.clear()
            await self._grown.wait()

    # Allocator
    async def allocate(self, reference: str, lines: Sequence[Line], *, sell: bool) -> dict[str, int]:
        self._check()
        self.allocations += 1
        await asyncio.sleep(0)
        ids = {sku: variant_id for variant_id, (sku, _) in self.variants.items()}
        units: dict[str, int] = {}
        more: Counter[int] = Counter()
        for line in lines:
            key, variant_id = (reference, line.stock_line_id), ids[line.sku]
            had_of, had, _ = self.held.get(key, (variant_id, 0, sell))
            if key in self.released or had_of != variant_id:
                raise LineRefused("the line was released, or is of another SKU")
            units[line.line_id] = max(had, line.quantity) if line.has_left else line.quantity
            more[variant_id] += units[line.line_id] - had
        if any(self.free[variant_id] < count for variant_id, count in more.items()):
            raise OutOfStock("there are not enough free units")
        for line in lines:
            self.held[reference, line.stock_line_id] = (ids[line.sku], units[line.line_id], sell)
        for variant_id, count in more.items():
            if count:
                self.set_free(variant_id, self.free[variant_id] - count)
        return units

    async def release(self, reference: str, line_ids: Sequence[str] = ()) -> None:
        self._check()
        known = {key for key in (*self.held, *self.released) if key[0] == reference}
        if not {(reference, line_id) for line_id in line_ids} <= known:
            # Inventory refuses the whole request, which its caller takes for "there is nothing to give back".
            return
        for key in [key for key in self.held if key[0] == reference and (not line_ids or key[1] in line_ids)]:
            variant_id, quantity, _ = self.held.pop(key)
            self.released.add(key)
            self.set_free(variant_id, self.free[variant_id] + quantity)

    def _check(self) -> None:
        if self.is_down:
            raise Unavailable("The hub is down.")
