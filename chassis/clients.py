"""Calls to the other services: one channel each for the life of the process, deadlines and request ids passed on.

A call goes out either as the present caller (his token is forwarded) or as the service itself (its own account, for
background work). Errors of the other side become errors of ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
from usav.auth.v1 import auth_service_pb2, auth_service_pb2_grpc, token_pb2

from chassis.context import current_call, new_request_id
from chassis.errors import Unavailable
from chassis.identity import channel_credentials, name_of
from chassis.rpc_errors import from_rpc_error
from chassis.settings import ServiceSettings
from chassis.tracing import trace_headers

Metadata = Sequence[tuple[str, str]]

_OPTIONS = [
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
]
_RENEW_BEFORE_SECONDS = 60


class Clients:
    """The channels to the other services. Close at the end."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._addresses = {
            "auth": settings.auth_address,
            "catalog": settings.catalog_address,
            "inventory": settings.inventory_address,
            "sync": settings.sync_address,
        }
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._credentials = channel_credentials(settings)
        self.identity = ServiceIdentity(self, settings.client_id, settings.client_secret)

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to "auth", "catalog", "inventory" or "sync"; connects when first used."""
        channel = self._channels.get(service)
        if channel is None:
            channel = self._connect(service)
            self._channels[service] = channel
        return channel

    def _connect(self, service: str) -> grpc.aio.Channel:
        target = _target(self._addresses[service])
        if self._credentials is None:
            return grpc.aio.insecure_channel(target, options=_OPTIONS)
        named = [*_OPTIONS, ("grpc.ssl_target_name_override", name_of(service))]
        return grpc.aio.secure_channel(target, self._credentials, options=named)

    async def fetch_keys(self) -> list[dict[str, str]]:
        """The public keys of auth, as JWKs. Raises HubError."""
        stub = auth_service_pb2_grpc.AuthServiceStub(self.channel("auth"))
        async with remote_errors():
            keys = await stub.GetJwks(auth_service_pb2.GetJwksRequest(), timeout=5, wait_for_ready=True)
        return as_jwks(keys)

    async def as_service(self) -> Metadata:
        """Metadata of a call made under the service's own account. Raises Unavailable, Unauthenticated."""
        return _metadata(await self.identity.token(), _present_request_id())

    async def close(self) -> None:
        """Closes every channel."""
        await asyncio.gather(*(channel.close(None) for channel in self._channels.values()))


def as_jwks(keys: token_pb2.JwkSet) -> list[dict[str, str]]:
    """The keys as PyJWT takes them."""
    return [{name.name: value for name, value in key.ListFields()} for key in keys.keys]


def as_caller() -> Metadata:
    """Metadata of a call made on behalf of the present caller. Raises LookupError outside of a call."""
    call = current_call()
    return _metadata(call.token, call.request_id)


def time_left(most: float) -> float:
    """Seconds for a call to another service: `most`, or what is left of the caller's deadline."""
    try:
        deadline = current_call().deadline
    except LookupError:
        return most
    return most if deadline is None else max(0.001, min(most, deadline - time.monotonic()))


@asynccontextmanager
async def remote_errors() -> AsyncIterator[None]:
    """Turns the AioRpcErrors of the block into HubErrors."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


class ServiceIdentity:
    """The service's own access token (client_credentials), renewed a minute before it ends."""

    def __init__(self, clients: Clients, client_id: str, client_secret: str) -> None:
        self._clients = clients
        self._request = auth_service_pb2.IssueTokenRequest(
            grant_type="client_credentials", client_id=client_id, client_secret=client_secret
        )
        self._token = ""
        self._good_until = 0.0
        self._lock = asyncio.Lock()

    @property
    def is_there(self) -> bool:
        """Whether the service has an account to sign in with."""
        return bool(self._request.client_id)

    async def token(self) -> str:
        """A token that is good for another minute at least. Raises Unavailable, Unauthenticated."""
        if time.monotonic() < self._good_until:
            return self._token
        async with self._lock:
            if time.monotonic() >= self._good_until:
                await self._renew()
        return self._token

    def forget(self) -> None:
        """Drops the token, after another service refused it."""
        self._good_until = 0.0

    async def _renew(self) -> None:
        if not self.is_there:
            raise Unavailable(
                "This service has no account of its own: HUB_CLIENT_ID and HUB_CLIENT_SECRET are not set."
            )
        stub = auth_service_pb2_grpc.AuthServiceStub(self._clients.channel("auth"))
        async with remote_errors():
            answer = await stub.IssueToken(self._request, timeout=10, wait_for_ready=True)
        self._token = answer.access_token
        self._good_until = time.monotonic() + max(1, answer.expires_in - _RENEW_BEFORE_SECONDS)


def _target(addresses: str) -> str:
    """Several replicas are given as a comma-separated list; gRPC then spreads calls over them."""
    return f"ipv4:{addresses}" if "," in addresses else addresses


def _present_request_id() -> str:
    try:
        return current_call().request_id
    except LookupError:
        return new_request_id()


def _metadata(token: str, request_id: str) -> Metadata:
    return [("authorization", f"Bearer {token}"), ("x-request-id", request_id), *trace_headers().items()]
