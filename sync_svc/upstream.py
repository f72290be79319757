"""What sync asks of catalog and inventory, always at the moment it needs it, under its own account.

`StockSource`, `CatalogSource` and `Allocator` are what the workers see; the classes below are the same over gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from google.type.money_pb2 import Money
from usav.catalog.v1 import catalog_service_pb2_grpc, recipe_pb2, variant_pb2, watch_pb2
from usav.inventory.v1 import inventory_service_pb2, inventory_service_pb2_grpc, item_pb2

from chassis.clients import Clients, remote_errors
from chassis.coalesce import Coalescer
from chassis.errors import Code, HubError
from sync_svc.domain.listing import Urgency
from sync_svc.domain.order import Line
from sync_svc.planner import Truth, VariantFacts

_READ_S = 10.0
_WRITE_S = 10.0
_PAGE = 1000
_CHANGES_PER_MESSAGE = 500
_AskedUnits = inventory_service_pb2.AllocateUnitsRequest
HOLD = timedelta(days=7)
"""How long units are held for an order that is not paid."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One step of a feed: the token behind it (empty in the middle of a message), and the variant it changed (none for a
    checkpoint)."""

    resume_token: str
    variant_id: int | None = None
    urgency: Urgency = Urgency.STOCK
    content: bool = False
    # The UPIS-H of a bundle whose recipe changed.
    recipe_of: str = ""
    sku: str = ""
    """The variant's SKU when the event is the catalog's and it is not deleted: it can be listed."""


@dataclass(frozen=True, slots=True)
class KnownVariant:
    """A variant of the catalog that is not deleted."""

    id: int
    sku: str


class TruthSource(Protocol):
    """Reads what is true now."""

    async def truth(self, variant_ids: Sequence[int]) -> Truth:
        """Free units and catalog facts of these variants, read after this call began. Raises HubError."""
        ...

    async def find_variant(self, *, variant_id: int = 0, sku: str = "") -> KnownVariant | None:
        """A variant by id or SKU; None when there is none or it is deleted. Raises HubError."""
        ...


@dataclass(frozen=True, slots=True)
class VariantPage:
    """A page of the variants that are not deleted, by id, with their SKUs; no token behind the last."""

    skus: Mapping[int, str]
    next_page_token: str


class VariantSource(Protocol):
    """Knows what is in the catalog."""

    async def list_variants(self, page_token: str) -> VariantPage:
        """One page; an empty token is the first. Raises HubError, InvalidArgument for a token it does not know."""
        ...

    async def find_variants(self, skus: Sequence[str]) -> Mapping[int, str]:
        """Those of up to 1,000 SKUs (in any case) that are variants, by id, as the catalog writes them. Raises HubError."""
        ...


class BundleSource(Protocol):
    """Knows what bundles are built on."""

    async def bundles_on(self, variant_ids: Sequence[int], recipes_of: Sequence[str]) -> list[int]:
        """The bundle variants that depend on these variants, or on these bundles' recipes, at any depth. Raises HubError."""
        ...


class FeedSource(Protocol):
    """One change feed."""

    def follow(self, resume_token: str) -> AsyncIterator[FeedEvent]:
        """Follow from a token, empty from now on; a checkpoint comes first. Raises HubError."""
        ...


class Allocator(Protocol):
    """Promises units to orders."""

    async def allocate(self, reference: str, lines: Sequence[Line], *, sell: bool) -> Mapping[str, int]:
        """Hold or sell the units of these lines, all or none, and give back what is too much; the units of each, by line id.

        Of a line of which units have left the house nothing is given back. Safe to repeat. Raises HubError.
        """
        ...

    async def release(self, reference: str, line_ids: Sequence[str] = ()) -> None:
        """Give back an order's units, or those of some lines. Safe to repeat, also when there are none. Raises HubError."""
        ...


class HubTruth:
    """Truth over gRPC. Workers that ask at the same moment, as those of all channels do after a sale, share one call."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._stock = inventory_service_pb2_grpc.InventoryServiceStub(clients.channel("inventory"))
        self._catalog = catalog_service_pb2_grpc.CatalogServiceStub(clients.channel("catalog"))
        self._free_units = Coalescer(self._fetch_free_units, most=_PAGE, most_under_way=1)
        self._facts = Coalescer(self._fetch_facts, most=_PAGE, most_under_way=1)

    async def truth(self, variant_ids: Sequence[int]) -> Truth:
        """See TruthSource."""
        wanted = sorted(set(variant_ids))
        free, facts = await asyncio.gather(
            asyncio.gather(*(self._free_units.get(variant_id) for variant_id in wanted)),
            asyncio.gather(*(self._facts.get(variant_id) for variant_id in wanted)),
        )
        return Truth(
            {variant_id: units or 0 for variant_id, units in zip(wanted, free, strict=True)},
            {variant_id: fact for variant_id, fact in zip(wanted, facts, strict=True) if fact is not None},
        )

    async def find_variant(self, *, variant_id: int = 0, sku: str = "") -> KnownVariant | None:
        """See TruthSource."""
        request = variant_pb2.BatchGetVariantsRequest(ids=[variant_id] if variant_id else [], skus=[sku] if sku else [])
        for variant in await self._variants(request):
            return KnownVariant(variant.id, variant.full_sku)
        return None

    async def list_variants(self, page_token: str) -> VariantPage:
        """See VariantSource."""
        request = variant_pb2.ListVariantsRequest(page_size=_PAGE, page_token=page_token)
        async with own_call(self._clients) as metadata:
            answer = await self._catalog.ListVariants(request, metadata=metadata, timeout=_READ_S)
        return VariantPage({item.id: item.full_sku for item in answer.items}, answer.next_page_token)

    async def find_variants(self, skus: Sequence[str]) -> Mapping[int, str]:
        """See VariantSource."""
        if not skus:
            return {}
        found = await self._variants(variant_pb2.BatchGetVariantsRequest(skus=skus))
        return {variant.id: variant.full_sku for variant in found}

    async def bundles_on(self, variant_ids: Sequence[int], recipes_of: Sequence[str]) -> list[int]:
        """See BundleSource."""
        request = recipe_pb2.BatchGetBundleVariantsRequest(variant_ids=variant_ids, parent_upis_hs=recipes_of)
        async with own_call(self._clients) as metadata:
            answer = await self._catalog.BatchGetBundleVariants(request, metadata=metadata, timeout=_READ_S)
        return list(answer.variant_ids)

    async def _fetch_free_units(self, variant_ids: list[int]) -> dict[int, int]:
        request = inventory_service_pb2.BatchGetAvailabilityRequest(variant_ids=variant_ids)
        async with own_call(self._clients) as metadata:
            answer = await self._stock.BatchGetAvailability(request, metadata=metadata, timeout=_READ_S)
        return {item.variant_id: item.free_units for item in answer.items}

    async def _fetch_facts(self, variant_ids: list[int]) -> dict[int, VariantFacts]:
        found = await self._variants(variant_pb2.BatchGetVariantsRequest(ids=variant_ids))
        return {variant.id: _facts_of(variant) for variant in found}

    async def _variants(self, request: variant_pb2.BatchGetVariantsRequest) -> list[variant_pb2.Variant]:
        async with own_call(self._clients) as metadata:
            answer = await self._catalog.BatchGetVariants(request, metadata=metadata, timeout=_READ_S)
        return [variant for variant in answer.items if not variant.HasField("delete_time")]


class StockFeed:
    """inventory.WatchStock."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._stub = inventory_service_pb2_grpc.InventoryServiceStub(clients.channel("inventory"))

    async def follow(self, resume_token: str) -> AsyncIterator[FeedEvent]:
        """See FeedSource."""
        request = inventory_service_pb2.WatchStockRequest(
            resume_token=resume_token, changes_per_message=_CHANGES_PER_MESSAGE
        )
        async with own_call(self._clients) as metadata:
            async for message in self._stub.WatchStock(request, metadata=metadata):
                for event in _stock_events(message):
                    yield event


class CatalogFeed:
    """catalog.WatchCatalog."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._stub = catalog_service_pb2_grpc.CatalogServiceStub(clients.channel("catalog"))

    async def follow(self, resume_token: str) -> AsyncIterator[FeedEvent]:
        """See FeedSource."""
        request = watch_pb2.WatchCatalogRequest(resume_token=resume_token)
        async with own_call(self._clients) as metadata:
            async for message in self._stub.WatchCatalog(request, metadata=metadata):
                yield _catalog_event(message)


class HubAllocator:
    """inventory's allocations."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._stub = inventory_service_pb2_grpc.InventoryServiceStub(clients.channel("inventory"))

    async def allocate(self, reference: str, lines: Sequence[Line], *, sell: bool) -> Mapping[str, int]:
        """See Allocator."""
        request = _AskedUnits(order_reference=reference, sell=sell, reason="Ordered on its channel.")
        for line in lines:
            change = _AskedUnits.RAISE if line.has_left else _AskedUnits.SET
            wanted = request.lines.add(
                line_id=line.stock_line_id, sku=line.sku, quantity=line.quantity, quantity_change=change
            )
            if sell and line.unit_price is not None:
                wanted.sale_price.CopyFrom(money(line.unit_price, line.currency))
        if not sell:
            request.hold_duration.FromTimedelta(HOLD)
        async with own_call(self._clients) as metadata:
            answer = await self._stub.AllocateUnits(request, metadata=metadata, timeout=_WRITE_S)
        return {line.line_id: told.quantity for line, told in zip(lines, answer.lines, strict=True)}

    async def release(self, reference: str, line_ids: Sequence[str] = ()) -> None:
        """See Allocator."""
        request = inventory_service_pb2.ReleaseAllocationRequest(
            order_reference=reference, line_ids=line_ids, reason="Cancelled on its channel."
        )
        try:
            async with own_call(self._clients) as metadata:
                await self._stub.ReleaseAllocation(request, metadata=metadata, timeout=_WRITE_S)
        except HubError as error:
            if error.code is not Code.NOT_FOUND:
                raise


def money(amount: Decimal, currency: str) -> Money:
    """An amount as google.type.Money."""
    units = int(amount)
    return Money(currency_code=currency, units=units, nanos=int((amount - units) * 1_000_000_000))


def amount_of(value: Money) -> Decimal:
    """The amount of a google.type.Money."""
    return Decimal(value.units) + Decimal(value.nanos) / 1_000_000_000


@asynccontextmanager
async def own_call(clients: Clients) -> AsyncIterator[Any]:
    """Metadata for a call under the service's own account; a refused token is dropped, errors become HubErrors."""
    metadata = await clients.as_service()
    try:
        async with remote_errors():
            yield metadata
    except HubError as error:
        if error.code is Code.UNAUTHENTICATED:
            clients.identity.forget()
        raise


def _facts_of(variant: variant_pb2.Variant) -> VariantFacts:
    has_price = variant.HasField("price")
    return VariantFacts(
        name=variant.name,
        price=amount_of(variant.price) if has_price else None,
        currency=(variant.price.currency_code or "USD") if has_price else "USD",
        condition=variant.condition_code,
    )


def _stock_events(message: inventory_service_pb2.WatchStockResponse) -> Iterator[FeedEvent]:
    """A variant once, however many of its units changed; the token comes behind all of them."""
    urgencies: dict[int, Urgency] = {}
    # An inventory service of the release before knows no such messages and tells each change by itself.
    for change in message.changes.changes or ([message.change] if message.HasField("change") else ()):
        fell = change.before_status == item_pb2.Item.AVAILABLE and change.after_status != item_pb2.Item.AVAILABLE
        urgency = Urgency.STOCK_FELL if fell else Urgency.STOCK
        urgencies[change.variant_id] = min(urgency, urgencies.get(change.variant_id, urgency))
    for variant_id, urgency in urgencies.items():
        yield FeedEvent("", variant_id, urgency)
    yield FeedEvent(message.resume_token)


def _catalog_event(message: watch_pb2.WatchCatalogResponse) -> FeedEvent:
    change = message.change
    if change.kind == watch_pb2.CatalogChange.BUNDLE_COMPONENT:
        return FeedEvent(message.resume_token, recipe_of=change.natural_key)
    if not change.HasField("variant"):
        return FeedEvent(message.resume_token)
    deleted = change.variant.HasField("delete_time")
    urgency = Urgency.STOCK_FELL if deleted else Urgency.PRICE_OR_CONTENT
    sku = "" if deleted else change.variant.full_sku
    return FeedEvent(message.resume_token, change.variant.id, urgency, content=True, sku=sku)
