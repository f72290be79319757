"""Every rpc of every service, found by reflection on the protos, and a way to knock without anything happening behind it.

The request is one that cannot be decoded: it is refused as such only after the caller was let in, because authorization comes
before validation. So INVALID_ARGUMENT means an open door, and no call has an effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc

from build_tools.descriptors import Method, load
from build_tools.protos import ensure_generated
from build_tools.roles import load_policies
from chassis.access import Policy
from deploy.local.hub import Hub

UNREADABLE = b"\xff"
OPEN, SHUT, WHO = "INVALID_ARGUMENT", "PERMISSION_DENIED", "UNAUTHENTICATED"
_AT_ONCE = 48
_REFUSED_WITHIN_SECONDS = 0.5
# The hub's own service is hosted by auth.
_HOSTS = {"hub": "auth"}


@dataclass(frozen=True, eq=False)
class Door:
    """One rpc and who may come in."""

    method: Method
    policy: Policy

    @property
    def path(self) -> str:
        service, _, name = self.method.full_name.rpartition(".")
        return f"/{service}/{name}"

    @property
    def service(self) -> str:
        name = self.method.full_name.split(".")[1]
        return _HOSTS.get(name, name)

    def answer_to(self, role: str | None) -> str:
        """What the table of roles says a caller of this role meets; None is nobody."""
        if self.policy.public:
            return OPEN
        if role is None:
            return WHO
        return OPEN if role in self.policy.roles else SHUT


def all_doors() -> list[Door]:
    """Every rpc of the hub."""
    ensure_generated()
    granted = load_policies()
    return [Door(method, granted[method.full_name]) for method in load().methods()]


class Knocker:
    """Knocks at the services themselves, behind the gateway. Close at the end."""

    def __init__(self, hub: Hub) -> None:
        self._channels = {name: grpc.aio.insecure_channel(address) for name, address in hub.addresses.items()}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    async def knock_all(self, doors: Iterable[Door], token: str | None) -> dict[Door, str]:
        """The status each door answers with."""
        asked = list(doors)
        return dict(zip(asked, await asyncio.gather(*(self.knock(door, token) for door in asked)), strict=True))

    async def knock(self, door: Door, token: str | None) -> str:
        """The name of the status."""
        metadata = [] if token is None else [("authorization", f"Bearer {token}")]
        proto = door.method.proto
        call_of = getattr(
            self._channels[door.service], f"{_word(proto.client_streaming)}_{_word(proto.server_streaming)}"
        )(door.path)
        async with self._turns:
            if proto.client_streaming:
                return await _status_of_stream(call_of(metadata=metadata, timeout=30))
            return str((await call_of(UNREADABLE, metadata=metadata, timeout=30).code()).name)


async def _status_of_stream(call: Any) -> str:
    """Writes only when the call was not refused yet: grpc reports a write to a refused call as an error of its own."""
    ended = asyncio.ensure_future(call.code())
    await asyncio.wait({ended}, timeout=_REFUSED_WITHIN_SECONDS)
    if not ended.done():
        await call.write(UNREADABLE)
    return str((await ended).name)


def _word(streaming: bool) -> str:
    return "stream" if streaming else "unary"
