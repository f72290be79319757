"""Follows auth: every service learns within moments which sessions have ended and which keys sign.

Each connection starts with all that still matters, so nothing is kept and nothing resumed. While auth cannot be reached a
service goes by what it knows: keys stay good, and ended sessions stay ended until their last token has expired.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Any

import grpc
from usav.auth.v1 import auth_service_pb2, auth_service_pb2_grpc

from chassis.clients import Clients, as_jwks, remote_errors
from chassis.errors import Code, HubError, Unavailable
from chassis.metrics import gauge
from chassis.tokens import TokenVerifier

log = logging.getLogger(__name__)

FOLLOWING = gauge("hub_trust_following", "1 while auth's feed of ended sessions and keys is followed.")

# auth speaks every five seconds at least; a connection that is silent for longer leads nowhere.
_SILENCE_SECONDS = 15.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 2.0


class TrustFollower:
    """Keeps a verifier's keys and revocations up to date, for as long as the service runs."""

    def __init__(self, clients: Clients, verifier: TokenVerifier) -> None:
        self._clients = clients
        self._verifier = verifier
        self._pause = _FIRST_PAUSE_SECONDS

    async def run(self) -> None:
        """Connects, and again whenever it is cut off. Returns at once in a service without an account of its own."""
        if not self._clients.identity.is_there:
            log.warning(
                "without HUB_CLIENT_ID this service does not learn of ended sessions before their tokens expire"
            )
            return
        while True:
            try:
                await self._follow()
            except HubError as error:
                self._note(error)
            finally:
                FOLLOWING.set(0)
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))
            self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)

    def _note(self, error: HubError) -> None:
        if error.code in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED):
            self._clients.identity.forget()
        log.info("auth is not followed just now: %s", error.message)

    async def _follow(self) -> None:
        async with remote_errors():
            stub = auth_service_pb2_grpc.AuthServiceStub(self._clients.channel("auth"))
            metadata = await self._clients.as_service()
            call = stub.WatchRevocations(auth_service_pb2.WatchRevocationsRequest(), metadata=metadata)
            try:
                async for message in _spoken(call):
                    self._take(message)
            finally:
                call.cancel()

    def _take(self, message: auth_service_pb2.WatchRevocationsResponse) -> None:
        event = message.WhichOneof("event")
        if event == "revocation":
            until = message.revocation.expire_time.ToMicroseconds() / 1e6
            self._verifier.revocations.add(message.revocation.session_ids, until)
        elif event == "keys":
            self._verifier.take_keys(as_jwks(message.keys))
        elif event == "checkpoint":
            FOLLOWING.set(1)
            self._pause = _FIRST_PAUSE_SECONDS


async def _spoken(call: Any) -> AsyncIterator[auth_service_pb2.WatchRevocationsResponse]:
    """The messages. Raises Unavailable after a long silence or at the end."""
    while True:
        try:
            message = await asyncio.wait_for(call.read(), _SILENCE_SECONDS)
        except TimeoutError:
            raise Unavailable("auth has fallen silent") from None
        if message is grpc.aio.EOF:
            raise Unavailable("auth has ended the feed")
        yield message


async def follow_trust(clients: Clients, verifier: TokenVerifier) -> None:
    """The background work of a service: `partial(follow_trust, clients)` goes into its `Service.follow_trust`."""
    await TrustFollower(clients, verifier).run()
