"""The base of the authentication comparison: a handler that does nothing, twice behind the services' own interceptor: as a
method open to everybody, and as one that takes a token.

Prints its address and a token that holds, then serves until standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import grpc
import jwt
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.empty_pb2 import Empty

from chassis.access import ALL_ROLES, Policy
from chassis.interceptor import HubInterceptor
from chassis.registration import Methods
from chassis.server import OPTIONS
from chassis.tokens import TokenVerifier

OPEN, GUARDED = "/bench.Doors/Open", "/bench.Doors/Guarded"
_NAME = "bench"
_SECONDS = 3600


async def _do(request: Empty, context: grpc.aio.ServicerContext) -> Empty:
    return Empty()


def _verifier(key: ec.EllipticCurvePrivateKey) -> TokenVerifier:
    async def keys() -> list[dict[str, str]]:
        found: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
        return [{**{name: str(value) for name, value in found.items()}, "kid": _NAME}]

    return TokenVerifier(_NAME, _NAME, keys)


def _token(key: ec.EllipticCurvePrivateKey) -> str:
    now = int(time.time())
    claims = {
        "iss": _NAME,
        "aud": _NAME,
        "sub": "1",
        "jti": "x" * 22,
        "sid": "x" * 36,
        "name": "bench",
        "role": "ADMIN",
    }
    times = {"iat": now, "nbf": now, "exp": now + _SECONDS}
    return jwt.encode({**claims, **times}, key, "ES256", headers={"kid": _NAME, "typ": "at+jwt"})


async def serve() -> None:
    """Until standard input ends."""
    key = ec.generate_private_key(ec.SECP256R1())
    policies = {OPEN: Policy(public=True, roles=frozenset()), GUARDED: Policy(public=False, roles=ALL_ROLES)}
    handler = grpc.unary_unary_rpc_method_handler(
        _do, request_deserializer=Empty.FromString, response_serializer=Empty.SerializeToString
    )
    guarded = HubInterceptor(policies, _verifier(key)).guarded(dict.fromkeys(policies, handler))
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers([Methods(guarded)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"address": f"127.0.0.1:{port}", "token": _token(key)}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
