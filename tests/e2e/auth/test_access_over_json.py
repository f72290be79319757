"""Sessions, service accounts, keys and the audit trail over JSON."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2

PASSWORD = "nine purple lanterns"
AUTH = "/api/v1/auth"


async def new_user(http: httpx2.AsyncClient, admin: dict[str, str]) -> tuple[str, dict[str, str]]:
    """A fresh user's id, and the header of a session."""
    wanted = {"username": f"json_{uuid.uuid4().hex[:12]}", "password": PASSWORD, "role": "SALES_REP"}
    user_id = (await http.post(f"{AUTH}/users", json=wanted, headers=admin)).json()["id"]
    return user_id, await sign_in(http, wanted)


async def sign_in(http: httpx2.AsyncClient, form: dict[str, str]) -> dict[str, str]:
    answer = await http.post(f"{AUTH}/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def items(http: httpx2.AsyncClient, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    answer = await http.get(f"{AUTH}{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_sessions_are_listed_and_ended(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    user_id, own = await new_user(http, admin)
    (session,) = await items(http, "/me/sessions", own)
    assert session["is_current"] is True
    assert session["address"]
    assert [item["id"] for item in await items(http, f"/users/{user_id}/sessions", admin)] == [session["id"]]
    assert (await http.delete(f"{AUTH}/users/{user_id}/sessions/{session['id']}", headers=admin)).json() == {}
    assert await items(http, f"/users/{user_id}/sessions", admin) == []
    again = await http.delete(f"{AUTH}/users/{user_id}/sessions/{session['id']}", headers=admin)
    assert again.status_code == 404
    assert (await http.delete(f"{AUTH}/users/{user_id}/sessions", headers=admin)).json() == {}
    assert (await http.delete(f"{AUTH}/me/sessions/not-a-session", headers=admin)).status_code == 400


async def test_a_service_account_lives_its_whole_life(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    name = f"bot-{uuid.uuid4().hex[:8]}"
    made = await http.post(f"{AUTH}/service-accounts", json={"client_id": name, "role": "WAREHOUSE_OP"}, headers=admin)
    account = made.json()
    form = {"grant_type": "client_credentials", "client_id": name, "client_secret": account["secret"]}
    own = await sign_in(http, form)
    assert (await http.get(f"{AUTH}/me", headers=own)).json()["username"] == name
    path = f"{AUTH}/service-accounts/{account['id']}"
    rotated = await http.post(f"{path}/rotate", json={"keep_former_for": "3600s"}, headers=admin)
    assert len(rotated.json()["secrets"]) == 2
    assert await sign_in(http, form | {"client_secret": rotated.json()["secret"]})
    (seen,) = [item for item in await items(http, "/service-accounts", admin) if item["client_id"] == name]
    assert "secret" not in seen
    assert seen["last_use_time"]
    assert (await http.delete(path, headers=admin)).json() == {}
    assert (await http.post(f"{AUTH}/token", data=form)).status_code == 401


async def test_a_key_rotation_answers_when_the_key_will_sign(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    key = (await http.post(f"{AUTH}/keys/rotate", json={}, headers=admin)).json()
    assert key["sign_time"] > key["create_time"]
    published = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert key["kid"] in [item["kid"] for item in published]


async def test_events_are_filtered(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    user_id, _ = await new_user(http, admin)
    path = f"/events?subject_id={user_id}&kinds=USER_CREATED&kinds=SIGNED_IN&from_time=2026-01-01T00:00:00Z"
    found = await items(http, path, admin)
    assert [item["kind"] for item in found] == ["SIGNED_IN", "USER_CREATED"]
    assert found[1]["after"]["role"] == "SALES_REP"
    for wrong in ("kinds=NOTHING", "from_time=yesterday", "page_size=-1"):
        assert (await http.get(f"{AUTH}/events?{wrong}", headers=admin)).status_code == 400, wrong
