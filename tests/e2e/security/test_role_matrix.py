"""The table of roles is the only thing that opens a door: every rpc of every service, times everybody who may knock."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from chassis.tokens import TOKEN_TYPE
from deploy.local.hub import Hub
from tests.e2e.security.doors import OPEN, SHUT, WHO, Door, Knocker, all_doors
from tests.e2e.security.forger import Forger, assemble, claims, part

PASSWORD = "nine purple lanterns"
ROLES = ("ADMIN", "WAREHOUSE_OP", "SALES_REP", "SYSTEM_BOT")
PROMISED_SECONDS = 60.0
HOUR = 3600

DOORS = all_doors()
GUARDED = [door for door in DOORS if not door.policy.public]


@pytest.fixture(scope="module")
async def knocker(hub: Hub) -> AsyncIterator[Knocker]:
    made = Knocker(hub)
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def forger(hub: Hub) -> Forger:
    return await Forger.of(hub)


async def new_user(admin: httpx2.AsyncClient, role: str) -> dict[str, Any]:
    """A fresh user, and the tokens of a session."""
    wanted = {"username": f"matrix_{uuid.uuid4().hex[:12]}", "password": PASSWORD, "role": role}
    created = await admin.post("/api/v1/auth/users", json=wanted)
    assert created.status_code == 200, created.text
    form = {"grant_type": "password", "username": wanted["username"], "password": PASSWORD}
    tokens = await admin.post("/api/v1/auth/token", data=form)
    return {**created.json(), **tokens.json()}


def wrong(answers: dict[Door, str], expected: Callable[[Door], str]) -> list[str]:
    return [
        f"{door.path} answers {answer}, not {expected(door)}"
        for door, answer in answers.items()
        if answer != expected(door)
    ]


def test_the_matrix_is_about_the_whole_hub() -> None:
    assert {door.service for door in DOORS} == {"auth", "catalog", "inventory", "sync"}
    assert len(GUARDED) > 100


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_opens_its_doors_and_no_other(admin: httpx2.AsyncClient, knocker: Knocker, role: str) -> None:
    token = (await new_user(admin, role))["access_token"]
    assert wrong(await knocker.knock_all(DOORS, token), lambda door: door.answer_to(role)) == []


async def test_nobody_opens_the_public_doors_only(knocker: Knocker) -> None:
    assert wrong(await knocker.knock_all(DOORS, None), lambda door: door.answer_to(None)) == []


async def test_the_key_that_the_forger_holds_is_the_right_one(knocker: Knocker, forger: Forger) -> None:
    """Else all that follows would be refused for the wrong reason."""
    assert wrong(await knocker.knock_all(DOORS, forger.signed()), lambda door: door.answer_to("ADMIN")) == []


@pytest.mark.parametrize("role", ["ROOT", "admin", "", "ADMIN,SALES_REP", "ROLE_UNSPECIFIED"])
async def test_a_role_that_is_none_opens_nothing(knocker: Knocker, forger: Forger, role: str) -> None:
    answers = await knocker.knock_all(GUARDED, forger.signed(role=role))
    assert wrong(answers, lambda door: SHUT) == []


def later(**seconds: int) -> dict[str, int]:
    now = int(time.time())
    return {name: now + value for name, value in seconds.items()}


def without_signature(forger: Forger) -> str:
    return forger.signed().rpartition(".")[0] + "."


def with_another_payload(forger: Forger) -> str:
    header, _, signature = forger.signed(role="SALES_REP").split(".")
    return f"{header}.{part(claims())}.{signature}"


def with_another_signature(forger: Forger) -> str:
    text, _, signature = forger.signed().rpartition(".")
    return f"{text}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def unsigned(algorithm: str) -> Callable[[Forger], str]:
    return lambda forger: assemble({"alg": algorithm, "typ": TOKEN_TYPE, "kid": forger.key_id}, lambda _: b"")


def of_nothing_but_zeros(forger: Forger) -> str:
    return assemble({"alg": "ES256", "typ": TOKEN_TYPE, "kid": forger.key_id}, lambda _: bytes(64))


ATTACKS: dict[str, Callable[[Forger], str]] = {
    "rubbish": lambda _: "x",
    "three empty parts": lambda _: "..",
    "a very long text": lambda _: "A" * 8000,
    # genuine signatures of the hub, of what is not for now or not for it
    "expired": lambda f: f.signed(**later(iat=-HOUR, nbf=-HOUR, exp=-60)),
    "without an end": lambda f: f.signed(exp=None),
    "not valid yet": lambda f: f.signed(**later(iat=0, nbf=HOUR, exp=2 * HOUR)),
    "issued in the future": lambda f: f.signed(**later(iat=HOUR, nbf=0, exp=2 * HOUR)),
    "for another audience": lambda f: f.signed(aud="another-hub"),
    "for no audience": lambda f: f.signed(aud=None),
    "of another issuer": lambda f: f.signed(iss="https://login.example"),
    "of no issuer": lambda f: f.signed(iss=None),
    "of nobody": lambda f: f.signed(sub=None),
    "without a role": lambda f: f.signed(role=None),
    "of another type": lambda f: f.signed(typ="JWT"),
    "of no type": lambda f: f.signed(typ=None),
    "with bounds that are none": lambda f: f.signed(bounds="everything"),
    "with bounds of a wrong shape": lambda f: f.signed(bounds={"warehouses": "EAST"}),
    # signatures that are none
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg empty": unsigned(""),
    "without its signature": without_signature,
    "a changed payload": with_another_payload,
    "a changed signature": with_another_signature,
    "a signature of zeros": of_nothing_but_zeros,
    # other keys and algorithms
    "another key under our kid": lambda f: f.forged(),
    "HS256 with our public key": lambda f: f.mixed_up(),
    "HS256 with our JWK": lambda f: f.mixed_up(f.hub_jwk),
    "RS256 under our kid": lambda f: f.of_another_algorithm(),
    # kid as a path, a query, an address
    "kid of an empty file": lambda f: f.mixed_up(b"", kid="../../../../dev/null"),
    "kid as SQL": lambda f: f.forged(kid="x' UNION SELECT 'key' --"),
    "kid as an address": lambda f: f.forged(kid="http://127.0.0.1:1/keys.json"),
    "kid as a command": lambda f: f.forged(kid="key.pem|/usr/bin/id"),
    "kid with a NUL": lambda f: f.forged(kid="key\0"),
    "kid that is a number": lambda f: f.forged(kid=7),
    "kid that is a list": lambda f: f.forged(kid=[f.key_id]),
    "no kid": lambda f: f.forged(kid=None),
    # keys that come with the token
    "own key in jwk": lambda f: f.forged(jwk=f.own_jwk, kid="mine"),
    "own key in jwk under our kid": lambda f: f.forged(jwk=f.own_jwk),
    "own keys at jku": lambda f: f.forged(jku="http://127.0.0.1:1/jwks.json", kid="mine"),
    "own certificate at x5u": lambda f: f.forged(x5u="http://127.0.0.1:1/cert.pem"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_made_up_token_opens_a_door(knocker: Knocker, forger: Forger, attack: str) -> None:
    token = ATTACKS[attack](forger)
    assert wrong(await knocker.knock_all(DOORS, token), lambda door: door.answer_to(None)) == []


async def test_a_refresh_token_is_no_access_token(admin: httpx2.AsyncClient, knocker: Knocker) -> None:
    token = (await new_user(admin, "ADMIN"))["refresh_token"]
    assert wrong(await knocker.knock_all(DOORS, token), lambda door: door.answer_to(None)) == []


async def end_own_session(admin: httpx2.AsyncClient, user: dict[str, Any]) -> None:
    own = {"authorization": f"Bearer {user['access_token']}"}
    async with httpx2.AsyncClient(base_url=admin.base_url, headers=own) as its_own:
        (session,) = (await its_own.get("/api/v1/auth/me/sessions")).json()["items"]
        ended = await its_own.delete(f"/api/v1/auth/me/sessions/{session['id']}")
    assert ended.status_code == 200, ended.text


async def deactivate(admin: httpx2.AsyncClient, user: dict[str, Any]) -> None:
    assert (await admin.post(f"/api/v1/auth/users/{user['id']}/deactivate")).status_code == 200


async def delete(admin: httpx2.AsyncClient, user: dict[str, Any]) -> None:
    assert (await admin.delete(f"/api/v1/auth/users/{user['id']}")).status_code == 200


async def demote(admin: httpx2.AsyncClient, user: dict[str, Any]) -> None:
    changed = await admin.patch(f"/api/v1/auth/users/{user['id']}", json={"role": "SALES_REP"})
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize("ending", [end_own_session, deactivate, delete, demote])
async def test_an_ended_session_is_shut_out_by_every_service_in_time(
    admin: httpx2.AsyncClient, knocker: Knocker, ending: Any
) -> None:
    user = await new_user(admin, "ADMIN")
    token = user["access_token"]
    assert OPEN in (await knocker.knock_all(GUARDED, token)).values()
    await ending(admin, user)
    deadline = time.monotonic() + PROMISED_SECONDS
    left = GUARDED
    while left:
        assert time.monotonic() < deadline, f"still open: {[door.path for door in left][:5]}"
        left = [door for door, answer in (await knocker.knock_all(left, token)).items() if answer != WHO]
        await asyncio.sleep(0.05)
    assert wrong(await knocker.knock_all(DOORS, token), lambda door: door.answer_to(None)) == []
