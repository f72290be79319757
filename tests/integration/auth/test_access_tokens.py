"""Which access tokens open a door: only unexpired ones, signed by the hub, for the hub."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from usav.auth.v1 import auth_service_pb2 as pb

from tests.integration.auth.harness import PASSWORD, AuthHub, bearer, refusal


def own_claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": "usav-hub",
        "aud": "usav-hub",
        "sub": "1",
        "iat": now,
        "exp": now + 600,
        "jti": "x",
        "role": "ADMIN",
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


async def refused_token(hub: AuthHub, token: str) -> str:
    refused = await refusal(hub.stub.GetMe(pb.GetMeRequest(), metadata=bearer(token)))
    assert refused.code == "UNAUTHENTICATED"
    return refused.reason


async def test_without_a_token_one_is_asked_to_sign_in(hub: AuthHub) -> None:
    refused = await refusal(hub.stub.GetMe(pb.GetMeRequest()))
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "TOKEN_MISSING")


async def test_an_expired_token_says_so(hub: AuthHub) -> None:
    hub.clock.offset = timedelta(minutes=-20)
    try:
        tokens = await hub.sign_in()
    finally:
        hub.clock.offset = timedelta()
    assert await refused_token(hub, tokens.access_token) == "TOKEN_EXPIRED"


async def test_a_token_of_the_future_is_refused(hub: AuthHub) -> None:
    hub.clock.offset = timedelta(minutes=20)
    try:
        tokens = await hub.sign_in()
    finally:
        hub.clock.offset = timedelta()
    assert await refused_token(hub, tokens.access_token) == "TOKEN_INVALID"


async def test_a_token_of_another_key_under_our_key_id_is_refused(hub: AuthHub) -> None:
    kid = (await hub.stub.GetJwks(pb.GetJwksRequest())).keys[0].kid
    forged = jwt.encode(
        own_claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": kid, "typ": "at+jwt"}
    )
    assert await refused_token(hub, forged) == "TOKEN_INVALID"
    unknown = jwt.encode(
        own_claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": "mine", "typ": "at+jwt"}
    )
    assert await refused_token(hub, unknown) == "TOKEN_INVALID"


async def test_the_public_key_as_a_shared_secret_is_refused(hub: AuthHub) -> None:
    jwk = (await hub.stub.GetJwks(pb.GetJwksRequest())).keys[0]
    public = jwt.PyJWK({name.name: value for name, value in jwk.ListFields()}).key
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = _part({"alg": "HS256", "typ": "at+jwt", "kid": jwk.kid})
    signed = f"{header}.{_part(own_claims())}"
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signed.encode(), pem)
    token = f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert await refused_token(hub, token) == "TOKEN_INVALID"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
async def test_an_unsigned_token_is_refused(hub: AuthHub, algorithm: str) -> None:
    token = f"{_part({'alg': algorithm, 'typ': 'JWT', 'kid': 'x'})}.{_part(own_claims())}."
    assert await refused_token(hub, token) == "TOKEN_INVALID"


async def test_a_changed_payload_is_refused(hub: AuthHub) -> None:
    user = await hub.new_user()
    header, payload, signature = (await hub.sign_in(user.username, PASSWORD)).access_token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert await refused_token(hub, f"{header}.{_part({**claims, 'role': 'ADMIN'})}.{signature}") == "TOKEN_INVALID"


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "e30.e30.e30", "A" * 5000])
async def test_what_is_no_token_at_all_is_refused(hub: AuthHub, token: str) -> None:
    assert await refused_token(hub, token) == "TOKEN_INVALID"


async def test_only_admins_reach_the_users(hub: AuthHub) -> None:
    user = await hub.new_user("WAREHOUSE_OP")
    metadata = bearer((await hub.sign_in(user.username, PASSWORD)).access_token)
    assert (await hub.stub.GetMe(pb.GetMeRequest(), metadata=metadata)).username == user.username
    refused = await refusal(hub.stub.ListUsers(pb.ListUsersRequest(), metadata=metadata))
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED")


def _part(values: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()
