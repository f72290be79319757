"""A large stock against a small one: the same work on both, in turns, and against bare statements on the large one.

Two hubs run side by side. What matters is that a hundred times the units cost nearly nothing, and how near the service comes to
the statement that a database without a service would run.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from usav.inventory.v1 import batches_pb2, item_pb2
from usav.inventory.v1 import inventory_service_pb2 as inventory

from bench.children import RawLoad
from bench.load import Outcome
from bench.meter import memory_mb
from bench.parts import SQL
from bench.parts.receive import RECEIVE_BAR, Receipts
from bench.raw_load import RawJob
from bench.report import Row, Section
from bench.rounds import Contender, Samples, interleave
from bench.stage import Stage, raised
from bench.stock import Stock
from chassis.page_tokens import PageTokens
from chassis.seal import Seal
from deploy.local.secrets import load_secrets

RESERVE_BAR, ALLOCATE_BAR, HOT_BAR = 0.5, 0.25, 0.7
AVAILABILITY_BAR_MS, SUMMARY_BAR_MS, PAGE_BAR_MS = 20.0, 10.0, 20.0
GROWTH_BAR = 1.5
# What the large hub's service may grow by once it has been asked everything once.
MEMORY_BAR_MB = 30.0
_SKUS_PER_CALL = 100
_LINES = 3
# As many as the service's own pool has.
_CONNECTIONS = 10
_READERS = 4
_SERVICE = "/usav.inventory.v1.InventoryService"


@dataclass
class World:
    """A hub with its stock."""

    stage: Stage
    stock: Stock
    # When the last hundredth of its units was received.
    recent: datetime
    # Counts what has to be new each time, in both worlds together.
    numbers: Iterator[int]
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    async def send(self, method: str, requests: Sequence[Message], callers: int, **more: Any) -> Outcome:
        """Sends requests of one method, so many at a time."""
        job = self.stage.grpc_job(
            self.stage.hub.addresses["inventory"],
            f"{_SERVICE}/{method}",
            requests,
            connections=min(4, callers),
            streams=max(1, callers // 4),
            **more,
        )
        return await self.stage.generator.run(job)

    async def raw(self, raw: RawLoad, script: str, name: str, values: Sequence[int], callers: int) -> Outcome:
        """A bare statement, once per value."""
        sql = (SQL / script).read_text().replace(f":{name}", "$1")
        url = self.stage.hub.database_url
        return await raw.run(RawJob(url=url, sql=sql, values=values, callers=callers, connections=_CONNECTIONS))

    async def let_go(self) -> None:
        """Releases every unit that is held."""
        connection = await asyncpg.connect(self.stage.hub.database_url)
        try:
            held = await connection.fetch("SELECT item_id FROM inventory.reservation WHERE closed_at IS NULL")
        finally:
            await connection.close()
        for start in range(0, len(held), 10_000):
            ids = [row["item_id"] for row in held[start : start + 10_000]]
            request = batches_pb2.BatchReleaseItemsRequest(ids=ids)
            await self.stage.stubs["inventory"].BatchReleaseItems(request, metadata=self.stage.credentials)


Work = Callable[[World], Awaitable[Outcome]]


@dataclass(frozen=True)
class _Reservations:
    """Units to reserve, the same again and again."""

    units: dict[int, list[int]]
    share: int
    callers: int = 16

    def next(self, world: World) -> list[int]:
        return world.chance.sample(self.units[world.stock.units], self.share)

    async def by_hub(self, world: World, *, with_id: bool) -> Outcome:
        requests = [
            inventory.ReserveItemRequest(
                id=unit, order_reference="bench", request_id=f"r-{next(world.numbers)}" if with_id else ""
            )
            for unit in self.next(world)
        ]
        outcome = await world.send("ReserveItem", requests, self.callers, once=True)
        await world.let_go()
        return outcome

    async def by_statement(self, world: World, raw: RawLoad) -> Outcome:
        outcome = await world.raw(raw, "reserve.sql", "item", self.next(world), self.callers)
        await world.let_go()
        return outcome


async def run(stage: Stage) -> Section:
    """Ratios are per second of time."""
    scale = stage.scale
    large = Stock(scale.large_variants, scale.large_units, scale.hot_every)
    small = Stock(scale.large_variants // 100, scale.large_units // 100, 2, place=1)
    async with _worlds(stage, small, large) as (few, many), RawLoad() as raw:
        rows = [
            *await _reserving(few, many, raw),
            *await _allocating(few, many, raw),
            *await _hot(few, many, raw),
        ]
        warm, _ = memory_mb(many.stage.pid("inventory"))
        rows += [*await _reading(few, many), *await _paging(few, many), *await _receiving(few, many)]
        now, peak = memory_mb(many.stage.pid("inventory"))
    rows.append(
        Row(
            "memory of inventory_svc",
            f"{warm:.0f} MB after the writes, {now:.0f} MB at the end, peak {peak:.0f} MB",
            value=now - warm,
            at_most=MEMORY_BAR_MB,
            unit=" MB grown",
        )
    )
    title = (
        f"{large.units:,} units over {large.variants:,} variants, {large.hot_units:,} of one"
        f" (ratio: per second, against the bare statement; growth: against {small.units:,} units)"
    )
    return Section(title, rows)


@asynccontextmanager
async def _worlds(stage: Stage, small: Stock, large: Stock) -> AsyncIterator[tuple[World, World]]:
    numbers = itertools.count(1)
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(raised(stage.scale)) if stage.scale.two_hubs else stage
        yield await _world(other, small, numbers), await _world(stage, large, numbers)


async def _world(stage: Stage, stock: Stock, numbers: Iterator[int]) -> World:
    url = stage.hub.database_url
    await stock.put_into(url)
    return World(stage, stock, await stock.received_at(url, stock.units * 99 // 100), numbers)


async def _both(few: World, many: World, work: Work, **others: Callable[[], Awaitable[Outcome]]) -> dict[str, Samples]:
    contenders = {name: Contender(other) for name, other in others.items()}
    contenders |= {"few": Contender(partial(work, few)), "many": Contender(partial(work, many))}
    return await interleave(contenders, many.stage.scale.rounds)


async def _reserving(few: World, many: World, raw: RawLoad) -> list[Row]:
    scale, units = many.stage.scale, {}
    for world in (few, many):
        others = list(itertools.islice(world.stock.others(), 900))
        units[world.stock.units] = await world.stock.units_of(world.stage.hub.database_url, others)
    work = _Reservations(units, min(scale.units // 2, len(units[few.stock.units]) // 2))
    plain = await _both(few, many, partial(work.by_hub, with_id=False), raw=lambda: work.by_statement(many, raw))
    named = await _both(few, many, partial(work.by_hub, with_id=True), raw=lambda: work.by_statement(many, raw))
    return [
        *_against("ReserveItem, 16 callers", plain, RESERVE_BAR),
        *_against("ReserveItem with a request id, 16 callers", named, RESERVE_BAR),
        Row("the bare statement, asyncpg, 16 callers", _speed(plain["raw"])),
    ]


async def _allocating(few: World, many: World, raw: RawLoad) -> list[Row]:
    share = many.stage.scale.units // 8

    async def allocate(world: World) -> Outcome:
        lines = [
            [world.stock.variant(number) for number in world.chance.sample(range(1, world.stock.variants), _LINES)]
            for _ in range(share)
        ]
        requests = [
            inventory.AllocateUnitsRequest(
                order_reference=f"A-{(order := next(world.numbers))}",
                request_id=f"a-{order}",
                lines=[
                    inventory.AllocateUnitsRequest.Line(line_id=str(place), sku=variant.sku, quantity=1)
                    for place, variant in enumerate(line)
                ],
            )
            for line in lines
        ]
        outcome = await world.send("AllocateUnits", requests, 16, once=True)
        await world.let_go()
        return outcome

    units = await many.stock.units_of(
        many.stage.hub.database_url, list(itertools.islice(many.stock.others(), many.stock.variants // 10))
    )

    async def reserve() -> Outcome:
        outcome = await many.raw(raw, "reserve.sql", "item", many.chance.sample(units, min(share * 2, len(units))), 16)
        await many.let_go()
        return outcome

    found = await _both(few, many, allocate, raw=reserve)
    return _against(f"AllocateUnits, {_LINES} lines, with a request id, 16 callers", found, ALLOCATE_BAR)


async def _hot(few: World, many: World, raw: RawLoad) -> list[Row]:
    share = min(many.stage.scale.units // 4, few.stock.hot_units // (2 * (many.stage.scale.rounds + 1)))

    async def buy(world: World) -> Outcome:
        requests = [
            inventory.AllocateUnitsRequest(
                order_reference=f"H-{(order := next(world.numbers))}",
                request_id=f"h-{order}",
                sell=True,
                lines=[inventory.AllocateUnitsRequest.Line(line_id="1", sku=world.stock.hot.sku, quantity=1)],
            )
            for _ in range(share)
        ]
        return await world.send("AllocateUnits", requests, 64, once=True)

    async def take() -> Outcome:
        return await many.raw(raw, "sell_next_free.sql", "variant", [many.stock.hot.id] * share, 64)

    found = await _both(few, many, buy, raw=take)
    return [
        *_against("a hot SKU bought by 64 callers (AllocateUnits, sell)", found, HOT_BAR),
        Row("the bare SKIP LOCKED statement, asyncpg, 64 callers", _speed(found["raw"])),
    ]


async def _reading(few: World, many: World) -> list[Row]:
    async def availability(world: World) -> Outcome:
        requests = [
            inventory.BatchGetAvailabilityRequest(
                skus=[
                    world.stock.hot.sku,
                    *(
                        world.stock.variant(number).sku
                        for number in world.chance.sample(
                            range(1, world.stock.variants), min(_SKUS_PER_CALL, world.stock.variants) - 1
                        )
                    ),
                ]
            )
            for _ in range(200)
        ]
        return await world.send("BatchGetAvailability", requests, _READERS)

    async def summary(world: World) -> Outcome:
        request = inventory.GetStockSummaryRequest(sku=world.stock.hot.sku)
        return await world.send("GetStockSummary", [request], _READERS)

    return [
        *_within(
            f"availability of {_SKUS_PER_CALL} SKUs, {_READERS} callers",
            await _both(few, many, availability),
            AVAILABILITY_BAR_MS,
        ),
        *_within(
            f"summary of the variant with {many.stock.hot_units:,} units, {_READERS} callers",
            await _both(few, many, summary),
            SUMMARY_BAR_MS,
        ),
    ]


async def _paging(few: World, many: World) -> list[Row]:
    rows = []
    for name in _pages(many):
        found = await _both(few, many, partial(_page, name=name))
        rows += _within(f"page of the list: {name}", found, PAGE_BAR_MS)
    return rows


async def _page(world: World, name: str) -> Outcome:
    return await world.send("ListItems", [_pages(world)[name]], _READERS)


def _pages(world: World) -> dict[str, inventory.ListItemsRequest]:
    """One of each kind of page: first ones are counted too, deep ones start in the midst of the stock."""
    ask, status, hot = inventory.ListItemsRequest, item_pb2.Item.Status, world.stock.hot
    recent = Timestamp()
    recent.FromDatetime(world.recent)
    return {
        "first": ask(),
        "deep": _deep(world, ask()),
        "of a location": ask(location="S-007"),
        "of the hot SKU": ask(sku=hot.sku),
        "of the hot SKU, deep": _deep(world, ask(sku=hot.sku)),
        "of a status": ask(status=status.AVAILABLE),
        "of a status, deep": _deep(world, ask(status=status.AVAILABLE)),
        "of a rare status": ask(status=status.SOLD),
        "of a location and a status": ask(location="S-007", status=status.RESERVED),
        "of a serial prefix": ask(serial_prefix=f"{world.stock.serial_prefix}000"),
        "of those received last": ask(received_after=recent),
    }


def _deep(world: World, request: inventory.ListItemsRequest) -> inventory.ListItemsRequest:
    hub = world.stage.hub
    tokens = PageTokens(Seal(load_secrets(hub.state.secrets, hub.settings.environ).seal_key))
    answer = inventory.ListItemsRequest()
    answer.CopyFrom(request)
    answer.page_token = tokens.seal(request, (world.stock.units * 9 // 10, world.stock.units))
    return answer


async def _receiving(few: World, many: World) -> list[Row]:
    count = many.stage.scale.receive_units // 4
    connection = await asyncpg.connect(many.stage.hub.database_url)
    try:
        receipts = {
            id(world): Receipts(
                replace(world.stage, scale=replace(world.stage.scale, receive_units=count)),
                list(itertools.islice(world.stock.others(), 50)),
                connection,
                world.numbers,
            )
            for world in (few, many)
        }
        found = await _both(
            few, many, lambda world: receipts[id(world)].by_hub(), raw=lambda: receipts[id(many)].by_copy()
        )
    finally:
        await connection.close()
    return [
        *_against(f"BatchReceiveItems, {count:,} units", found, RECEIVE_BAR),
        Row("COPY into the same tables, asyncpg", f"{found['raw'].per_second:,.0f}/s"),
    ]


def _speed(found: Samples) -> str:
    return f"{found.per_second:,.0f}/s  p50 {found.p50_ms:.1f} p99 {found.p99_ms:.1f} ms"


def _against(what: str, found: dict[str, Samples], bar: float) -> list[Row]:
    ratio = found["many"].speed_ratio(found["raw"])
    return [Row(what, _speed(found["many"]), ratio, at_least=bar), _growth(found)]


def _within(what: str, found: dict[str, Samples], bar: float) -> list[Row]:
    many = found["many"]
    return [Row(what, _speed(many), value=many.p99_ms, at_most=bar, unit=" ms (p99)"), _growth(found)]


def _growth(found: dict[str, Samples]) -> Row:
    factor = found["few"].speed_ratio(found["many"])
    measured = f"{factor:.2f} times ({_speed(found['few'])} of few)"
    return Row("- growth", measured, value=factor, at_most=GROWTH_BAR, unit=" times")
