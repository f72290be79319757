"""What the rpcs of AuthService share."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from google.protobuf.message import Message
from usav.auth.v1 import auth_service_pb2_grpc

from auth_svc.domain.key_schedule import KeyPolicy
from auth_svc.operations.key_ring import KeyRing
from auth_svc.operations.runtime import Runtime
from auth_svc.operations.watch_revocations import RevocationFeed
from chassis.context import current_call
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens


@dataclass(frozen=True)
class AuthRpcs(auth_service_pb2_grpc.AuthServiceServicer):
    """Holds what bootstrap built."""

    runtime: Runtime
    keys: KeyRing
    once: Idempotency
    page_tokens: PageTokens
    revocations: RevocationFeed
    key_policy: KeyPolicy
    seal_key: str = field(repr=False)

    def blinded(self, request: Message) -> bytes:
        """Stands for a request that holds a password, where only its hash is stored: a plain hash could be guessed."""
        key = f"auth.stored_answers\0{self.seal_key}".encode()
        return hmac.digest(key, request.SerializeToString(deterministic=True), hashlib.sha256)


def caller_address() -> str:
    """The address the call came from: as the gateway tells it, else the peer of the connection."""
    call = current_call()
    if call.address:
        return call.address[:64]
    # gRPC writes ipv4:10.0.0.7:51234, ipv6:%5B::1%5D:51234 or unix:.
    return call.peer.partition(":")[2].rpartition(":")[0][:64]
