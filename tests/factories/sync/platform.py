"""A marketplace in memory and its connector, with the manners of real ones: stock falls when buyers buy, signed webhooks,
faults on demand, and a journal of what was sent."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

from sync_svc.channels.base import (
    LISTING_ID,
    ChannelAccount,
    ChannelError,
    ChannelHealth,
    ChannelOrder,
    FoundListing,
    FoundPage,
    Hint,
    HintKind,
    ListingPhase,
    ListingState,
    LiveListing,
    OrderLine,
    OrderPage,
    Outcome,
    Parcel,
    PushResult,
    Quota,
    Told,
    WebhookRefused,
)
from sync_svc.channels.parcels import is_cancelled, no_such_order, shipped_before

SECRET = "webhook-secret"


@dataclass(slots=True)
class Shelf:
    """One listing as buyers see it."""

    listing_id: str
    platform_sku: str
    quantity: int
    price: Decimal
    phase: ListingPhase = ListingPhase.LIVE


@dataclass(slots=True)
class FakePlatform:
    """One account's side of the marketplace."""

    shelves: dict[str, Shelf] = field(default_factory=dict)
    orders: dict[str, ChannelOrder] = field(default_factory=dict)
    journal: list[ListingState] = field(default_factory=list)
    """Every state that was applied, in the order in which it landed."""
    pushes: int = 0
    reads: int = 0
    order_reads: int = 0
    max_batch: int = 25
    parcels: list[Parcel] = field(default_factory=list)
    """Every parcel that was told, in the order in which it landed; a doubled one would stand here twice."""
    before_ship: Callable[[Parcel], Awaitable[None]] | None = None
    after_ship: Callable[[Parcel], Awaitable[None]] | None = None
    refuse_with: PushResult | None = None
    """Answers every pushed listing with this and applies nothing."""
    before_apply: Callable[[Sequence[ListingState]], Awaitable[None]] | None = None
    after_apply: Callable[[Sequence[ListingState]], Awaitable[None]] | None = None
    _ids: count[int] = field(default_factory=lambda: count(1))

    def buy(self, platform_sku: str, quantity: int = 1, *, paid: bool = True) -> str:
        """A buyer buys: the platform lowers its own quantity and has an order."""
        order_id = f"O-{next(self._ids)}"
        if platform_sku in self.shelves:
            self.shelves[platform_sku].quantity -= quantity
        at = _now()
        line = OrderLine("1", platform_sku, quantity, title=platform_sku, unit_price=Decimal("10.00"))
        self.orders[order_id] = ChannelOrder(
            order_id, [line], paid, False, at, at, "PAID" if paid else "AWAITING_PAYMENT"
        )
        return order_id

    def change(self, order_id: str, *, paid: bool | None = None, cancelled: bool | None = None) -> None:
        """The order is paid or cancelled."""
        order = self.orders[order_id]
        self.orders[order_id] = replace(
            order,
            paid=order.paid if paid is None else paid,
            cancelled=order.cancelled if cancelled is None else cancelled,
            modified_at=_now(),
        )

    def edit(self, order_id: str, *lines: OrderLine) -> None:
        """The order gets these lines."""
        self.orders[order_id] = replace(self.orders[order_id], lines=list(lines), modified_at=_now())

    def take_away(self, parcel: Parcel) -> None:
        """A parcel leaves the house."""
        self.parcels.append(parcel)
        for line in parcel.lines:
            self.ship_elsewhere(parcel.external_order_id, line.line_id, line.quantity)

    def ship_elsewhere(self, order_id: str, line_id: str, quantity: int) -> None:
        """A person marks units as shipped on the platform's own pages."""
        order = self.orders[order_id]
        lines = [
            replace(line, shipped_quantity=line.shipped_quantity + quantity) if line.line_id == line_id else line
            for line in order.lines
        ]
        self.orders[order_id] = replace(order, lines=lines, modified_at=_now())

    def delivery(self, order_id: str, event_id: str = "") -> tuple[dict[str, str], bytes]:
        """A signed webhook about an order: headers and body."""
        body = json.dumps({"event": event_id or f"E-{next(self._ids)}", "order": order_id}).encode()
        return {"x-fake-signature": signature(body)}, body


def signature(body: bytes) -> str:
    """How the platform signs."""
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


class FakeChannel:
    """The platform's connector."""

    def __init__(self, platform: FakePlatform, account: ChannelAccount | None = None) -> None:
        self.platform = platform
        self.account = account

    @property
    def max_batch(self) -> int:
        return self.platform.max_batch

    async def check(self) -> ChannelHealth:
        if self.platform.refuse_with is not None:
            raise ChannelError(self.platform.refuse_with.outcome, self.platform.refuse_with.message)
        return ChannelHealth(account_name="Fake shop")

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        platform = self.platform
        platform.pushes += 1
        if platform.before_apply:
            await platform.before_apply(batch)
        if platform.refuse_with is not None:
            return [replace(platform.refuse_with, listing_id=state.listing_id) for state in batch]
        results = [self._apply(state) for state in batch]
        if platform.after_apply:
            await platform.after_apply(batch)
        await asyncio.sleep(0)
        return results

    def _apply(self, state: ListingState) -> PushResult:
        shelves = self.platform.shelves
        shelf = shelves.get(state.platform_sku)
        if shelf is None:
            if state.phase is ListingPhase.ENDED or state.quantity == 0:
                return PushResult(state.listing_id, Outcome.DONE)
            if state.price is None:
                return PushResult(state.listing_id, Outcome.PERMANENT, "A new listing needs a price.", code="no_price")
            shelf = Shelf(f"L-{state.platform_sku}", state.platform_sku, 0, state.price)
            shelves[state.platform_sku] = shelf
        self.platform.journal.append(state)
        shelf.quantity = state.quantity
        shelf.phase = state.phase
        if state.price is not None:
            shelf.price = state.price
        return PushResult(state.listing_id, Outcome.DONE, external_ids={LISTING_ID: shelf.listing_id})

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        self.platform.reads += 1
        return [self._read(state) for state in batch]

    def _read(self, state: ListingState) -> LiveListing:
        shelf = self.platform.shelves.get(state.platform_sku)
        if shelf is None:
            return LiveListing(state.listing_id, state.platform_sku, exists=False)
        return LiveListing(
            state.listing_id,
            state.platform_sku,
            exists=True,
            quantity=shelf.quantity,
            price=shelf.price,
            phase=shelf.phase,
            external_ids={LISTING_ID: shelf.listing_id},
        )

    async def live_listings(self, cursor: str) -> FoundPage:
        self.platform.reads += 1
        shelves = sorted(self.platform.shelves.values(), key=lambda shelf: shelf.platform_sku)
        live = [shelf for shelf in shelves if shelf.phase is ListingPhase.LIVE and shelf.platform_sku > cursor]
        page = live[: self.platform.max_batch]
        found = [
            FoundListing(
                one.platform_sku,
                f"Live {one.platform_sku}",
                one.quantity,
                one.price,
                external_ids={LISTING_ID: one.listing_id},
            )
            for one in page
        ]
        return FoundPage(found, page[-1].platform_sku if len(live) > len(page) else "")

    async def orders_since(self, cursor: str) -> OrderPage:
        since = datetime.fromisoformat(cursor) if cursor else datetime.min.replace(tzinfo=UTC)
        found = [order for order in self.platform.orders.values() if order.modified_at >= since]
        newest = max((order.modified_at for order in found), default=since)
        return OrderPage(found, newest.isoformat() if found else cursor)

    async def get_order(self, external_order_id: str) -> ChannelOrder | None:
        self.platform.order_reads += 1
        return self.platform.orders.get(external_order_id)

    async def ship(self, parcel: Parcel) -> Told:
        platform = self.platform
        if platform.before_ship:
            await platform.before_ship(parcel)
        order = platform.orders.get(parcel.external_order_id)
        if order is None:
            raise no_such_order(parcel)
        if not any(known.shipment_id == parcel.shipment_id for known in platform.parcels):
            if order.cancelled:
                raise is_cancelled(parcel)
            if before := shipped_before(parcel, {line.line_id: line.shipped_quantity for line in order.lines}):
                return before
            platform.take_away(parcel)
        if platform.after_ship:
            await platform.after_ship(parcel)
        return Told(f"P-{parcel.shipment_id}")

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        if not hmac.compare_digest(headers.get("x-fake-signature", ""), signature(body)):
            raise WebhookRefused("the signature does not hold")
        said = json.loads(body)
        if "listing" in said:
            return [Hint(said["event"], HintKind.LISTING, said["listing"])]
        return [Hint(said["event"], HintKind.ORDER, said["order"])]

    def answer_challenge(self, endpoint: str, challenge_code: str) -> bytes:
        return json.dumps({"challengeResponse": f"{challenge_code}@{endpoint}"}).encode()

    async def connect_webhooks(self, endpoint: str) -> Mapping[str, str]:
        return {"endpoint": endpoint}

    def quotas(self) -> list[Quota]:
        return [Quota("inventory", 1000, 1000 - self.platform.pushes)]

    def token_expires_at(self) -> datetime | None:
        return None

    async def aclose(self) -> None:
        return None


def _now() -> datetime:
    return datetime.now(UTC)
