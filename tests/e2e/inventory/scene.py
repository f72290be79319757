"""What the hard tests of stock share: users, SKUs with a bundle of them, and stubs that call as gRPC and as JSON."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx2
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import inventory_service_pb2_grpc

from deploy.local.hub import Hub
from tests.e2e.conftest import SignedIn
from tests.e2e.inventory.test_inventory_over_json import API, STOCK, answer_of
from tests.factories.json_stub import JsonStub

_SERVICE = service.DESCRIPTOR.services_by_name["InventoryService"]
_PASSWORD = "nine purple lanterns"
_CALL_SECONDS = 30


class GrpcStub:
    """The rpcs through the gateway as gRPC, signed in as the JSON client is."""

    def __init__(self, channel: grpc.aio.Channel, auth: SignedIn) -> None:
        self._stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        self._auth = auth

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stub, name)
        metadata = [("authorization", f"Bearer {self._auth.token}")]
        return lambda request: method(request, metadata=metadata, timeout=_CALL_SECONDS)


@dataclass
class Person:
    """A user who calls in both ways, in turns."""

    name: str
    client: httpx2.AsyncClient
    grpc: GrpcStub
    json: JsonStub
    _turns: Any = field(default_factory=lambda: itertools.cycle((0, 1)))

    def stub(self, _: str = "") -> Any:
        """The stub of the next call."""
        return (self.grpc, self.json)[next(self._turns)]

    async def sign_in(self) -> None:
        """Makes sure of an access token, which lasts a quarter of an hour."""
        assert (await self.client.get(f"{API}/auth/me")).status_code == 200


@asynccontextmanager
async def people(hub: Hub, *roles: str) -> AsyncIterator[list[Person]]:
    """The first admin, and a new user of each role."""
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(hub.gateway_url.partition("://")[2]))
        found = [await _person(stack, hub, channel, SignedIn(hub))]
        for role in roles:
            user = {"username": f"p_{uuid.uuid4().hex[:8]}", "password": _PASSWORD, "role": role}
            await answer_of(found[0].client.post(f"{API}/auth/users", json=user))
            found.append(await _person(stack, hub, channel, SignedIn(hub, user["username"], _PASSWORD)))
        yield found


async def _person(stack: AsyncExitStack, hub: Hub, channel: grpc.aio.Channel, auth: SignedIn) -> Person:
    limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
    client = await stack.enter_async_context(
        httpx2.AsyncClient(base_url=hub.gateway_url, timeout=_CALL_SECONDS, auth=auth, limits=limits)
    )
    person = Person(auth.username, client, GrpcStub(channel, auth), JsonStub(client, _SERVICE))
    await person.sign_in()
    return person


@dataclass
class Shelf:
    """Five SKUs that can be had alone, and a bundle of two of the first and one of the third."""

    skus: list[str]
    bundle: str


async def a_shelf(client: httpx2.AsyncClient) -> Shelf:
    """A new one; `client` is an admin."""
    family = await answer_of(client.post(f"{API}/families", json={"name": "Crowded"}))
    parts = [await _identity(client, family, "PART") for _ in range(5)]
    bundle = await _identity(client, family, "BUNDLE")
    for part, quantity in ((parts[0], 2), (parts[2], 1)):
        line = {"parent_identity_id": bundle["id"], "child_identity_id": part["id"], "quantity": quantity}
        await answer_of(client.post(f"{API}/bundles", json=line))
    skus = [await _variant(client, identity) for identity in (*parts, bundle)]
    return Shelf(skus[:-1], skus[-1])


async def _identity(client: httpx2.AsyncClient, family: Any, kind: str) -> Any:
    body = {"product_id": family["product_id"], "type": kind}
    return await answer_of(client.post(f"{API}/identities", json=body))


async def _variant(client: httpx2.AsyncClient, identity: Any) -> str:
    made = await answer_of(client.post(f"{API}/variants", json={"identity_id": identity["id"], "color_code": "BK"}))
    return str(made["full_sku"])


async def fill(client: httpx2.AsyncClient, shelf: Shelf, units: int) -> list[int]:
    """So many units, evenly over the SKUs; answers their ids."""
    each = units // len(shelf.skus)
    batch = [{"lines": [{"sku": sku, "count": each} for sku in shelf.skus]}]
    received = await answer_of(client.post(f"{STOCK}/receive/batch", json=batch))
    return [int(item_id) for item_id in received["item_ids"]]
