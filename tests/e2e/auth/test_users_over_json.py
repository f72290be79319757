"""The users over JSON: the shapes that callers know, and bad input that never breaks anything."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

USERS = "/api/v1/auth/users"
PASSWORD = "nine purple lanterns"


def details(answer: httpx2.Response) -> dict[str, Any]:
    """The details of an error by their kind."""
    return {item["@type"].rpartition(".")[2]: item for item in answer.json()["details"]}


async def test_a_user_lives_from_creation_to_deletion(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    wanted = {"username": "Jsonlife_Maria", "password": PASSWORD, "full_name": "Maria", "role": "WAREHOUSE_OP"}
    created = (await http.post(USERS, json=wanted, headers=admin)).json()
    assert (created["is_active"], created["role"], created["username"]) == (True, "WAREHOUSE_OP", "Jsonlife_Maria")
    assert isinstance(created["id"], str)
    assert "password" not in created
    path = f"{USERS}/{created['id']}"
    assert (await http.get(path, headers=admin)).json() == created
    patched = (await http.patch(path, json={"full_name": ""}, headers=admin)).json()
    assert (patched["full_name"], patched["role"]) == ("", "WAREHOUSE_OP")
    masked = await http.patch(
        f"{path}?update_mask=role", json={"role": "SALES_REP", "full_name": "ignored"}, headers=admin
    )
    assert (masked.json()["role"], masked.json()["full_name"]) == ("SALES_REP", "")
    assert not (await http.post(f"{path}/deactivate", headers=admin)).json()["is_active"]
    assert (await http.post(f"{path}/activate", headers=admin)).json()["is_active"]
    listed = (await http.get(f"{USERS}?username_prefix=jsonlife_", headers=admin)).json()
    assert [user["id"] for user in listed["items"]] == [created["id"]]
    assert (listed["total_size"], listed["next_page_token"]) == ("1", "")
    assert (await http.delete(path, headers=admin)).json() == {}
    assert (await http.get(path, headers=admin)).status_code == 404


async def test_one_username_is_given_once_however_many_ask_at_once(
    http: httpx2.AsyncClient, admin: dict[str, str]
) -> None:
    names = ["json_race", "JSON_RACE"] * 10
    answers = await asyncio.gather(
        *(
            http.post(USERS, json={"username": name, "password": PASSWORD, "role": "SALES_REP"}, headers=admin)
            for name in names
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19


async def test_the_same_request_id_gives_the_same_user(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    wanted = {"username": "json_once", "password": PASSWORD, "role": "SALES_REP"}
    first, again = [await http.post(f"{USERS}?request_id=r1", json=wanted, headers=admin) for _ in range(2)]
    assert first.json() == again.json()
    other = await http.post(f"{USERS}?request_id=r1", json={**wanted, "username": "json_twice"}, headers=admin)
    assert details(other)["ErrorInfo"]["reason"] == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"username": "nul\\u0000x", "password": "nine purple lanterns", "role": "ADMIN"}',
        b'{"username": "a", "password": "nine purple lanterns", "role": "ADMIN"}',
        b'{"username": "json_bad", "password": "short", "role": "ADMIN"}',
        b'{"username": "json_bad", "password": "password1234", "role": "ADMIN"}',
        b'{"username": "json_bad", "password": "nine purple lanterns", "role": "BOSS"}',
        b'{"username": "json_bad", "password": "nine purple lanterns", "role": 99}',
        b'{"username": "json_bad", "password": "nine purple lanterns"}',
        b'{"username": 1e30, "password": NaN, "role": "ADMIN"}',
        b'{"username": "json_bad", "password": "nine purple lanterns", "role": "ADMIN", "is_active": "maybe"}',
        b'{"username": "' + b"a" * 1_000_000 + b'", "password": "nine purple lanterns", "role": "ADMIN"}',
        b'{"username": "\'; DROP TABLE users;--", "password": "nine purple lanterns", "role": "ADMIN"}',
    ],
)
async def test_a_body_that_is_no_user_is_a_clear_400(
    http: httpx2.AsyncClient, admin: dict[str, str], body: bytes
) -> None:
    headers = {**admin, "content-type": "application/json"}
    answer = await http.post(USERS, content=body, headers=headers)
    assert answer.status_code in {400, 413}
    assert answer.json()["message"]
    assert answer.json()["code"] in {3, 8, 11}


@pytest.mark.parametrize("path", ["abc", "-1", "0", "1e30", "99999999999999999999", "%00", "1.5"])
async def test_an_id_that_cannot_be_one_is_a_400(http: httpx2.AsyncClient, admin: dict[str, str], path: str) -> None:
    assert (await http.get(f"{USERS}/{path}", headers=admin)).status_code == 400


@pytest.mark.parametrize(
    "query", ["page_size=-1", "page_size=x", "page_token=x", "role=BOSS", "is_active=maybe", "no_such_field=1"]
)
async def test_a_query_that_cannot_be_right_is_a_400(
    http: httpx2.AsyncClient, admin: dict[str, str], query: str
) -> None:
    assert (await http.get(f"{USERS}?{query}", headers=admin)).status_code == 400


async def test_nobody_but_an_admin_gets_in(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    wanted = {"username": "json_sales", "password": PASSWORD, "role": "SALES_REP"}
    await http.post(USERS, json=wanted, headers=admin)
    token = (await http.post("/api/v1/auth/token", data=wanted)).json()["access_token"]
    sales = {"authorization": f"Bearer {token}"}
    assert (await http.get(USERS, headers=sales)).status_code == 403
    assert (await http.get(USERS)).status_code == 401
    assert (await http.get(USERS, headers={"authorization": "Bearer x"})).status_code == 401
    changed = await http.post(
        "/api/v1/auth/me/change-password",
        json={"current_password": PASSWORD, "new_password": "eleven yellow buckets"},
        headers=sales,
    )
    assert (changed.status_code, changed.json()) == (200, {})


async def test_the_last_admin_and_oneself_are_kept(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    for answer in (
        await http.post(f"{USERS}/1/deactivate", headers=admin),
        await http.delete(f"{USERS}/1", headers=admin),
        await http.patch(f"{USERS}/1", json={"role": "SALES_REP"}, headers=admin),
    ):
        assert answer.status_code == 400
        assert details(answer)["ErrorInfo"]["reason"] == "OWN_ACCOUNT"
