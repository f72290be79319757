"""Runs the auth service in this process and talks to it over a real channel."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import argon2
import asyncpg
import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import auth_service_pb2_grpc, token_pb2, user_pb2

from auth_svc.bootstrap import build
from auth_svc.domain.service_account import read_seeded_accounts
from auth_svc.operations import password_hasher
from auth_svc.settings import AuthSettings
from chassis import clock
from chassis.server import Running, start
from tests.factories.databases import Databases

SEAL_KEY = "a seal key of the tests"
ADMIN_PASSWORD = "seven green bottles"
PASSWORD = "nine purple lanterns"
CLIENT_SECRET = "a client secret of the tests"

_numbers = itertools.count(1)


def use_cheap_hashing(patch: pytest.MonkeyPatch) -> None:
    """Makes a hash cost a millisecond."""
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    patch.setattr(password_hasher, "standard_argon2", lambda: cheap)


@dataclass
class MovableClock:
    """The real time, moved by `offset`."""

    offset: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return clock.now() + self.offset


def settings_for(admin_url: str, state_dir: Path, **changes: Any) -> AuthSettings:
    """Settings of a service that connects with its own role."""
    values: dict[str, Any] = {
        "database_url": Databases.as_service(admin_url, "auth"),
        "seal_key": SEAL_KEY,
        "state_dir": state_dir,
        "admin_password": ADMIN_PASSWORD,
        "service_accounts": read_seeded_accounts(f"sync-svc:{CLIENT_SECRET}:SYSTEM_BOT"),
        "drain_seconds": 0.0,
        **changes,
    }
    return AuthSettings(**values)


@dataclass
class AuthHub:
    """A started service, its channel, and the administrator's view of its database."""

    running: Running
    channel: grpc.aio.Channel
    stub: auth_service_pb2_grpc.AuthServiceAsyncStub
    admin_url: str
    clock: MovableClock

    @classmethod
    async def start(cls, admin_url: str, state_dir: Path, **changes: Any) -> AuthHub:
        """Starts on a migrated database."""
        settings = settings_for(admin_url, state_dir, **changes)
        movable = MovableClock()
        running = await start(await build(settings, movable), settings)
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{running.port}")
        stub: Any = auth_service_pb2_grpc.AuthServiceStub(channel)
        return cls(running, channel, stub, admin_url, movable)

    async def stop(self) -> None:
        """Stops all of it."""
        await self.channel.close()
        await self.running.stop()

    async def sign_in(
        self, username: str = "admin", password: str = ADMIN_PASSWORD, address: str = "10.0.0.1"
    ) -> token_pb2.TokenResponse:
        """The password grant."""
        request = pb.IssueTokenRequest(grant_type="password", username=username, password=password)
        tokens: token_pb2.TokenResponse = await self.stub.IssueToken(request, metadata=from_address(address))
        return tokens

    async def refresh(self, refresh_token: str) -> token_pb2.TokenResponse:
        """The refresh_token grant."""
        request = pb.IssueTokenRequest(grant_type="refresh_token", refresh_token=refresh_token)
        tokens: token_pb2.TokenResponse = await self.stub.IssueToken(request)
        return tokens

    async def as_admin(self) -> list[tuple[str, str]]:
        """Metadata of the first admin."""
        return bearer((await self.sign_in(address="10.9.9.9")).access_token)

    async def new_user(self, role: str = "SALES_REP", **fields: Any) -> user_pb2.User:
        """A fresh user whose password is PASSWORD."""
        user = user_pb2.NewUser(**{"username": f"user_{next(_numbers)}", "password": PASSWORD, "role": role, **fields})
        request = pb.CreateUserRequest(user=user)
        created: user_pb2.User = await self.stub.CreateUser(request, metadata=await self.as_admin())
        return created

    async def refuses(self, access_token: str, reason: str) -> bool:
        """Whether auth itself refuses the token, for that reason."""
        try:
            await self.stub.GetMe(pb.GetMeRequest(), metadata=bearer(access_token))
        except grpc.aio.AioRpcError as error:
            return reason in str(error.trailing_metadata())
        return False

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """What the administrator reads in the database."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def kinds_of(self, user: user_pb2.User) -> list[str]:
        """The kinds of the events about a user, in order."""
        query = "SELECT kind FROM auth.events WHERE subject_id = $1 ORDER BY id"
        return [row["kind"] for row in await self.rows(query, str(user.id))]


def bearer(token: str) -> list[tuple[str, str]]:
    """Metadata of a caller with this access token."""
    return [("authorization", f"Bearer {token}")]


def from_address(address: str) -> list[tuple[str, str]]:
    """Metadata as the gateway sends it for a caller at that address."""
    return [("x-client-address", address)]


@dataclass(frozen=True)
class Refusal:
    """How a call was refused."""

    code: str
    reason: str
    fields: tuple[str, ...]
    message: str
    retry_after_s: float


async def refusal(call: Awaitable[Any] | Callable[[], Awaitable[Any]]) -> Refusal:
    """The refusal the call ends with; fails when it succeeds."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (call() if callable(call) else call)
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    status = rpc_status.from_call(caught.value)
    for detail in status.details if status is not None else ():
        for message in (info, bad, retry):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    return Refusal(
        caught.value.code().name,
        info.reason,
        tuple(item.field for item in bad.field_violations),
        caught.value.details() or "",
        retry.retry_delay.ToMilliseconds() / 1000,
    )
