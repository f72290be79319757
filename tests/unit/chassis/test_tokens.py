"""Access tokens: what a forger, a thief of old tokens and a stranger with made-up keys get."""

import asyncio
import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from chassis.errors import Unauthenticated, Unavailable
from chassis.tokens import TokenExpired, TokenVerifier

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def jwk(key: EllipticCurvePrivateKey, kid: str) -> dict[str, str]:
    return {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": kid}


class Keys:
    def __init__(self) -> None:
        self.fetches = 0
        self.down = False

    async def fetch(self) -> list[dict[str, str]]:
        self.fetches += 1
        if self.down:
            raise Unavailable("down")
        return [jwk(KEY, "k1")]


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": "hub",
        "aud": "hub",
        "sub": "7",
        "iat": now,
        "exp": now + 900,
        "jti": "j",
        "role": "ADMIN",
        "name": "ana",
    }
    return {key: value for key, value in {**good, **changed}.items() if value is not None}


def token(key: Any = KEY, kid: str = "k1", alg: str = "ES256", typ: str | None = "at+jwt", **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm=alg, headers={"kid": kid, "typ": typ})


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def verifier(keys: Keys) -> TokenVerifier:
    return TokenVerifier("hub", "hub", keys.fetch)


async def test_a_good_token_tells_who_it_is(verifier: TokenVerifier) -> None:
    principal = await verifier.verify(token())
    assert (principal.user_id, principal.username, principal.role) == ("7", "ana", "ADMIN")


async def test_a_checked_token_is_not_checked_again_until_it_expires(verifier: TokenVerifier) -> None:
    good = token()
    assert verifier.cached(good) is None
    await verifier.verify(good)
    assert verifier.cached(good) is not None


async def test_an_expired_token_is_told_apart(verifier: TokenVerifier) -> None:
    with pytest.raises(TokenExpired):
        await verifier.verify(token(exp=int(time.time()) - 60))


@pytest.mark.parametrize("changed", [{"iss": "x"}, {"aud": "x"}, {"sub": None}, {"exp": None}, {"role": None}])
async def test_a_token_with_wrong_or_missing_claims_is_refused(
    verifier: TokenVerifier, changed: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token(**changed))


@pytest.mark.parametrize("typ", ["JWT", "rt+jwt", "", None])
async def test_a_token_of_another_type_is_refused(verifier: TokenVerifier, typ: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token(typ=typ))


async def test_bounds_are_read_and_what_is_not_understood_opens_nothing(verifier: TokenVerifier) -> None:
    principal = await verifier.verify(token(bounds={"warehouses": ["EAST", "WEST"], "shelves": []}))
    assert principal.bound("warehouses") == frozenset({"EAST", "WEST"})
    assert principal.bound("shelves") == frozenset()
    assert principal.bound("channels") is None
    for bounds in ("all", ["EAST"], {"warehouses": "EAST"}, {"warehouses": None}, 1):
        with pytest.raises(Unauthenticated):
            await verifier.verify(token(bounds=bounds))


async def test_a_token_that_is_not_valid_yet_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token(nbf=int(time.time()) + 600))


async def test_a_token_of_another_key_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token(OTHER))


async def test_a_token_signed_with_the_public_key_as_secret_is_refused(verifier: TokenVerifier) -> None:
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    encoded = [
        base64.urlsafe_b64encode(part).rstrip(b"=").decode()
        for part in (b'{"alg":"HS256","typ":"at+jwt","kid":"k1"}', pem)
    ]
    for made in (f"{encoded[0]}.{encoded[1]}.AAAA", token("x" * 64, alg="HS256")):
        with pytest.raises(Unauthenticated):
            await verifier.verify(made)


async def test_alg_none_is_refused(verifier: TokenVerifier) -> None:
    made = jwt.encode(claims(), "", algorithm="none", headers={"kid": "k1", "typ": "at+jwt"})
    with pytest.raises(Unauthenticated):
        await verifier.verify(made)


@pytest.mark.parametrize("made", ["", "x", "a.b.c", "é.é.é", "." * 100, "A" * 100_000])
async def test_rubbish_is_refused(verifier: TokenVerifier, made: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(made)


async def test_unknown_key_ids_do_not_cause_a_stampede(verifier: TokenVerifier, keys: Keys) -> None:
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await verifier.verify(token(OTHER, kid=f"made-up-{number}"))
    assert keys.fetches == 1


async def test_a_key_that_was_announced_is_good_although_a_stranger_has_just_caused_a_fetch(
    verifier: TokenVerifier, keys: Keys
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token(OTHER, kid="made-up"))
    verifier.take_keys([jwk(KEY, "k1"), jwk(OTHER, "k2")])
    assert (await verifier.verify(token(OTHER, kid="k2"))).username == "ana"
    assert keys.fetches == 1


async def test_tokens_of_a_withdrawn_key_are_refused_also_when_they_were_checked_before(
    verifier: TokenVerifier, keys: Keys
) -> None:
    good = token()
    await verifier.verify(good)
    verifier.take_keys([jwk(OTHER, "k2")])
    assert verifier.cached(good) is None
    with pytest.raises(Unauthenticated):
        await verifier.verify(good)


async def test_old_keys_are_renewed_beside_the_calls(
    verifier: TokenVerifier, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(token())
    monkeypatch.setattr("chassis.tokens._OLD_SECONDS", 0.0)
    for _ in range(5):
        await verifier.verify(token(jti="another"))
    await asyncio.sleep(0.01)
    assert keys.fetches == 2


async def test_old_keys_stay_good_when_they_cannot_be_renewed(
    verifier: TokenVerifier, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(token())
    monkeypatch.setattr("chassis.tokens._OLD_SECONDS", 0.0)
    keys.down = True
    for _ in range(5):
        assert (await verifier.verify(token())).username == "ana"
        await asyncio.sleep(0)


async def test_keys_that_cannot_be_had_are_not_the_callers_fault(verifier: TokenVerifier, keys: Keys) -> None:
    keys.down = True
    with pytest.raises(Unavailable):
        await verifier.verify(token())
    keys.down = False
    assert (await verifier.verify(token())).username == "ana"
