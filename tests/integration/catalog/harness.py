"""Runs the catalog service in this process and talks to it over a real channel. Tokens are role names."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import asyncpg
import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from usav.catalog.v1 import bundle_pb2, catalog_service_pb2_grpc, family_pb2, identity_pb2, variant_pb2

from catalog_svc.bootstrap import build
from catalog_svc.settings import CatalogSettings
from chassis.context import Principal
from chassis.server import Running, start
from chassis.tokens import TokenVerifier
from tests.factories.databases import Databases

_numbers = itertools.count(1)


class RoleTokens(TokenVerifier):
    """Takes "ADMIN" as the token of an admin, and so on; "ADMIN:maria" is another admin."""

    def __init__(self) -> None:
        super().__init__("", "", self._no_keys)

    def cached(self, token: str) -> Principal:
        role, _, name = token.partition(":")
        return Principal(user_id=name or role, username=name or role.lower(), role=role)

    async def _no_keys(self) -> list[dict[str, str]]:
        return []


def as_role(role: str = "ADMIN") -> list[tuple[str, str]]:
    """Metadata of a caller with that role."""
    return [("authorization", f"Bearer {role}")]


def settings_for(admin_url: str, **changes: Any) -> CatalogSettings:
    """Settings of a service that connects with its own role."""
    values: dict[str, Any] = {
        "database_url": Databases.as_service(admin_url, "catalog"),
        "seal_key": "a seal key of the tests",
        "sync_address": "127.0.0.1:1",
        "drain_seconds": 0.0,
        **changes,
    }
    return CatalogSettings(**values)


class Caller:
    """A stub whose calls carry a role: `admin.GetFamily(request)`."""

    def __init__(self, stub: Any, role: str) -> None:
        self._stub = stub
        self._metadata = as_role(role)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stub, name)
        return lambda request, **options: method(request, metadata=self._metadata, timeout=30, **options)


@dataclass
class CatalogHub:
    """A started service and the administrator's view of its database."""

    running: Running
    channel: grpc.aio.Channel
    admin_url: str

    @classmethod
    async def start(cls, admin_url: str, **changes: Any) -> CatalogHub:
        """Starts on a migrated database."""
        settings = settings_for(admin_url, **changes)
        service = await build(settings)
        service.verifier = RoleTokens()
        running = await start(service, settings)
        return cls(running, grpc.aio.insecure_channel(f"127.0.0.1:{running.port}"), admin_url)

    async def stop(self) -> None:
        """Stops all of it."""
        await self.channel.close()
        await self.running.stop()

    def caller(self, role: str) -> Any:
        """Calls with a role."""
        return Caller(catalog_service_pb2_grpc.CatalogServiceStub(self.channel), role)

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

    async def family(self, **fields: Any) -> family_pb2.Family:
        """A new family."""
        family = family_pb2.Family(**{"name": f"Family {next(_numbers)}", **fields})
        created: family_pb2.Family = await self.admin.CreateFamily(family_pb2.CreateFamilyRequest(family=family))
        return created

    async def identity(self, type: str = "PRODUCT", **fields: Any) -> identity_pb2.Identity:
        """A new identity, in a new family when none is given."""
        if "product_id" not in fields:
            fields["product_id"] = (await self.family()).product_id
        number = identity_pb2.Identity.Type.Value(type)
        request = identity_pb2.CreateIdentityRequest(identity=identity_pb2.Identity(type=number, **fields))
        created: identity_pb2.Identity = await self.admin.CreateIdentity(request)
        return created

    async def variant(self, **fields: Any) -> variant_pb2.Variant:
        """A new variant, of a new identity when none is given."""
        if "identity_id" not in fields:
            fields["identity_id"] = (await self.identity()).id
        request = variant_pb2.CreateVariantRequest(variant=variant_pb2.Variant(**fields))
        created: variant_pb2.Variant = await self.admin.CreateVariant(request)
        return created

    async def component(self, parent: int, child: int, **fields: Any) -> bundle_pb2.BundleComponent:
        """A new line of a recipe."""
        line = bundle_pb2.BundleComponent(parent_identity_id=parent, child_identity_id=child, **fields)
        request = bundle_pb2.CreateBundleComponentRequest(bundle=line)
        created: bundle_pb2.BundleComponent = await self.admin.CreateBundleComponent(request)
        return created


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
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    status = rpc_status.from_call(caught.value)
    for detail in status.details if status is not None else ():
        for message in (info, bad):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    fields = tuple(item.field for item in bad.field_violations)
    return Refusal(caught.value.code().name, info.reason, fields, caught.value.details() or "", dict(info.metadata))
