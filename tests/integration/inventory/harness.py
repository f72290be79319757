"""Runs the inventory service in this process and talks to it over a real channel. Tokens are role names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from google.type.money_pb2 import Money
from grpc_status import rpc_status
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import inventory_service_pb2_grpc, item_pb2

from chassis.context import Principal
from chassis.errors import Unavailable
from chassis.server import Running, start
from chassis.tokens import TokenVerifier
from deploy.local.roles import role_of
from deploy.local.secrets import role_password
from inventory_svc.bootstrap import build
from inventory_svc.domain.recipe import Component, Recipe
from inventory_svc.domain.variant import KnownVariant
from inventory_svc.operations.expire_holds import expire_holds, keep_expiring
from inventory_svc.settings import InventorySettings
from inventory_svc.storage.session import PoolSession
from tests.factories.inventory.invariants import check_invariants

ROLE_SECRET = "a role secret of the tests"
# The locations that tests put units to.
PLACES = [
    *"ABCEQXZ", "A1-S1", "A1-S2", "B ünï", "B2", "C1", "E1", "F1", "F2", "M1", "NO", "Q7", "R1", "R2", "VF-1", "x",
    "VALUE-1", "VALUE-2", *(f"{row}{number}" for row in ("L", "P", "OUT-") for number in range(100)),
]  # fmt: skip
_numbers = itertools.count(1)
_SKU = re.compile(r"T-(\d+)(-[NR])?")
_BUNDLE_SKU = re.compile(r"TB(\d+)-B(-[NR])?")
_BUNDLES_FROM = 5 * 10**8
_CONDITIONS = {"": 0, "-N": 10**7, "-R": 2 * 10**7}


class RoleTokens(TokenVerifier):
    """Takes "ADMIN" as the token of an admin, and so on; "ADMIN:maria" is another admin, "WAREHOUSE_OP@EAST,WEST" is bound."""

    def __init__(self) -> None:
        super().__init__("", "", self._no_keys)

    def cached(self, token: str) -> Principal:
        who, _, warehouses = token.partition("@")
        role, _, name = who.partition(":")
        bounds = {"warehouses": frozenset(warehouses.split(","))} if warehouses else {}
        return Principal(user_id=name or role, username=name or role.lower(), role=role, bounds=bounds)

    async def _no_keys(self) -> list[dict[str, str]]:
        return []


@dataclass
class CatalogDouble:
    """Knows every SKU like T-<number>, with that number as id, in the family of its last two digits; T-<number>-N and -R too.

    TB<number>-B are bundles; `contents` tells what is in one: how many units of any of some SKUs.
    """

    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    contents: dict[str, list[tuple[int, tuple[str, ...]]]] = field(default_factory=dict)

    async def recipes(self, variant_ids: Sequence[int]) -> dict[int, Recipe]:
        """Those of the bundles that have contents."""
        if self.is_down:
            raise Unavailable("The catalog is down.")
        return {
            key: [
                Component(min(map(_id_of, skus)), min(skus), quantity, tuple(sorted(map(_id_of, skus))))
                for quantity, skus in contents
            ]
            for sku, contents in self.contents.items()
            if (key := _id_of(sku)) in variant_ids and contents
        }

    async def find(self, ids: Sequence[int], skus: Sequence[str]) -> list[KnownVariant]:
        """Those that have the right form."""
        if self.is_down:
            raise Unavailable("The catalog is down.")
        self.asked += [*map(str, ids), *skus]
        found = {
            number: KnownVariant(number, f"T-{number}", _family_of(number)) for number in ids if number < _BUNDLES_FROM
        }
        for sku in skus:
            if form := _SKU.fullmatch(sku) or _BUNDLE_SKU.fullmatch(sku):
                found[_id_of(sku)] = KnownVariant(_id_of(sku), sku, _family_of(int(form[1])))
        return [found[key] for key in sorted(found)]


def _id_of(sku: str) -> int:
    plain, bundle = _SKU.fullmatch(sku), _BUNDLE_SKU.fullmatch(sku)
    form = plain or bundle
    assert form, sku
    return int(form[1]) + _CONDITIONS[form[2] or ""] + (_BUNDLES_FROM if bundle else 0)


def settings_for(admin_url: str, **changes: Any) -> InventorySettings:
    """Settings of a service that connects with its own role."""
    host, role = admin_url.partition("@")[2], role_of("inventory")
    values: dict[str, Any] = {
        "database_url": f"postgresql://{role}:{role_password(ROLE_SECRET, role)}@{host}",
        "seal_key": "a seal key of the tests",
        "drain_seconds": 0.0,
        **changes,
    }
    return InventorySettings(**values)


class Caller:
    """A stub whose calls carry a role: `admin.GetItem(request)`."""

    def __init__(self, stub: Any, token: str) -> None:
        self._stub = stub
        self._metadata = [("authorization", f"Bearer {token}")]

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stub, name)
        return lambda request, **options: method(request, metadata=self._metadata, timeout=30, **options)


async def _running(settings: InventorySettings, catalog: CatalogDouble, sweeps: bool) -> Running:
    built = await build(settings, catalog)
    built.verifier = RoleTokens()
    if not sweeps:
        built.background = [work for work in built.background if getattr(work, "func", None) is not keep_expiring]
    return await start(built, settings)


@dataclass
class InventoryHub:
    """A started service, its catalog double, and the administrator's view of its database."""

    running: Running
    channel: grpc.aio.Channel
    admin_url: str
    catalog: CatalogDouble

    @classmethod
    async def start(cls, admin_url: str, *, sweeps: bool = True, **changes: Any) -> InventoryHub:
        """Starts on a migrated database; without `sweeps` holds that ran out are tidied when `sweep` is called."""
        catalog = CatalogDouble()
        running = await _running(settings_for(admin_url, **changes), catalog, sweeps)
        hub = cls(running, grpc.aio.insecure_channel(f"127.0.0.1:{running.port}"), admin_url, catalog)
        await hub.rows("INSERT INTO inventory.location (code) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING", PLACES)
        return hub

    async def crash(self) -> None:
        """Cuts the service off in the middle of whatever it does, and starts another one that does not sweep."""
        await self.running.server.stop(None)
        self.running.service.db.pool.terminate()
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1"
        )
        await self.rows(query, role_of("inventory"))
        await self.stop()
        self.running = await _running(settings_for(self.admin_url), self.catalog, sweeps=False)
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.running.port}")

    async def sweep(self) -> None:
        """Tidies away holds that have run out, as the service does every second."""
        await expire_holds(PoolSession(self.running.service.db))

    async def stop(self) -> None:
        """Stops all of it."""
        await self.channel.close()
        await self.running.stop()

    def caller(self, token: str) -> Any:
        """Calls with a role, or as another user of it with ROLE:name."""
        return Caller(inventory_service_pb2_grpc.InventoryServiceStub(self.channel), token)

    @property
    def admin(self) -> Any:
        """Calls as an admin."""
        return self.caller("ADMIN")

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """What the administrator reads in, or does to, the database."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def receive(self, sku: str = "", count: int = 1, **fields: Any) -> list[item_pb2.Item]:
        """Units of a SKU, a new one when none is given."""
        request = service.ReceiveItemsRequest(sku=sku or new_sku(), count=count, **fields)
        return list((await self.admin.ReceiveItems(request)).items)

    async def unit(self, sku: str = "", **fields: Any) -> item_pb2.Item:
        """One unit."""
        return (await self.receive(sku, **fields))[0]

    async def get(self, item_id: int) -> item_pb2.Item:
        """The unit as it is now."""
        item: item_pb2.Item = await self.admin.GetItem(service.GetItemRequest(id=item_id))
        return item

    async def status(self, item_id: int) -> str:
        """The unit's status."""
        return item_pb2.Item.Status.Name((await self.get(item_id)).status)

    async def reserve(self, item_id: int, seconds: float = 600, **fields: Any) -> item_pb2.Item:
        """The unit, held by the admin."""
        request = service.ReserveItemRequest(id=item_id, hold_duration=duration(seconds), **fields)
        item: item_pb2.Item = await self.admin.ReserveItem(request)
        return item

    async def pass_time(self, item_id: int) -> None:
        """Lets the hold of a unit run out now, behind the service's back: the guards are off, and it is told nowhere."""
        connection = await asyncpg.connect(self.admin_url, server_settings={"session_replication_role": "replica"})
        hold = "UPDATE inventory.reservation SET created_at = created_at - interval '40 d', expires_at = now() - interval '1 s'"
        try:
            await connection.execute(f"{hold} WHERE item_id = $1 AND closed_at IS NULL", item_id)
            until = "UPDATE inventory.item SET reserved_until = now() - interval '1 s'"
            await connection.execute(f"{until} WHERE id = $1 AND status = 'RESERVED'", item_id)
        finally:
            await connection.close()

    async def actions(self, item_id: int) -> list[str]:
        """What the ledger tells of a unit, in order."""
        query = "SELECT action FROM inventory.movement WHERE item_id = $1 ORDER BY sequence"
        return [row["action"] for row in await self.rows(query, item_id)]

    async def check_invariants(self) -> None:
        """Ledger, present state, holds, counts and feed agree, and every chain is whole, all at one moment."""
        await check_invariants(self.admin_url)


def _family_of(number: int) -> int:
    """Numbers a test chooses itself, from 500,000 on, have the families below 100; no running number shares one with them."""
    return number % 100 if number >= 500_000 else 100 + number % 900


def new_sku() -> str:
    """A SKU that no other test has."""
    return f"T-{next(_numbers)}"


def new_bundle(hub: InventoryHub, *contents: tuple[int, tuple[str, ...]]) -> str:
    """The SKU of a new bundle made of so many of any of these SKUs each."""
    sku = f"TB{next(_numbers)}-B"
    hub.catalog.contents[sku] = list(contents)
    return sku


def duration(seconds: float) -> Duration:
    """That many seconds."""
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1_000_000_000))


def dollars(amount: float) -> Money:
    """US dollars, to a cent."""
    return Money(currency_code="USD", units=int(amount), nanos=round((amount - int(amount)) * 100) * 10_000_000)


def moment(value: Any) -> datetime:
    """A Timestamp as an aware time."""
    result: datetime = value.ToDatetime(tzinfo=UTC)
    return result


@dataclass(frozen=True)
class Refusal:
    """How a call was refused."""

    code: str
    reason: str
    fields: tuple[str, ...]
    message: str
    metadata: dict[str, str]


async def refusal(call: Awaitable[Any]) -> Refusal:
    """The refusal the call ends with; fails when it succeeds."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refusal_of(caught.value)


def refusal_of(error: grpc.aio.AioRpcError) -> Refusal:
    """What an error tells."""
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        for message in (info, bad):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    fields = tuple(item.field for item in bad.field_violations)
    return Refusal(error.code().name, info.reason, fields, error.details() or "", dict(info.metadata))
