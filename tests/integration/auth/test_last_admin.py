"""The last active admin stays, also when several admins act on each other at once, and whatever client asks the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from google.protobuf.message import Message
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import user_pb2

from tests.integration.auth.harness import PASSWORD, AuthHub, bearer, refusal, settings_for

Change = Callable[[int], Message]

CHANGES: list[Change] = [
    lambda user_id: pb.DeactivateUserRequest(id=user_id),
    lambda user_id: pb.DeleteUserRequest(id=user_id),
    lambda user_id: pb.UpdateUserRequest(user=user_pb2.User(id=user_id, role=user_pb2.User.SALES_REP)),
]


async def active_admins(hub: AuthHub) -> list[int]:
    rows = await hub.rows("SELECT id FROM auth.users WHERE role = 'ADMIN' AND is_active ORDER BY id")
    return [row["id"] for row in rows]


async def only(hub: AuthHub, count: int) -> list[tuple[user_pb2.User, list[tuple[str, str]]]]:
    """Makes `count` new admins be the only active ones."""
    await bring_first_admin_back(hub)
    made = []
    for _ in range(count):
        user = await hub.new_user("ADMIN")
        made.append((user, bearer((await hub.sign_in(user.username, PASSWORD)).access_token)))
    kept = [user.id for user, _ in made]
    connection = await asyncpg.connect(hub.admin_url)
    await connection.execute("UPDATE auth.users SET is_active = false WHERE NOT id = ANY($1::bigint[])", kept)
    await connection.close()
    return made


async def bring_first_admin_back(hub: AuthHub) -> None:
    connection = await asyncpg.connect(hub.admin_url)
    await connection.execute("UPDATE auth.users SET is_active = true WHERE id = 1")
    await connection.close()


def call(hub: AuthHub, change: Message, metadata: list[tuple[str, str]]) -> Any:
    rpc = getattr(hub.stub, change.DESCRIPTOR.name.removesuffix("Request"))
    return rpc(change, metadata=metadata)


@pytest.mark.parametrize("change", CHANGES)
async def test_two_admins_who_remove_each_other_at_once_leave_one(hub: AuthHub, change: Change) -> None:
    for _ in range(3):
        (ada, as_ada), (bob, as_bob) = await only(hub, 2)
        results = await asyncio.gather(
            call(hub, change(bob.id), as_ada), call(hub, change(ada.id), as_bob), return_exceptions=True
        )
        assert sum(isinstance(item, BaseException) for item in results) == 1
        assert len(await active_admins(hub)) == 1


async def test_many_admins_who_remove_each_other_in_a_circle_leave_one(hub: AuthHub) -> None:
    ring = await only(hub, 6)
    changes = [
        call(hub, pb.DeactivateUserRequest(id=ring[(number + 1) % 6][0].id), metadata)
        for number, (_, metadata) in enumerate(ring)
    ]
    await asyncio.gather(*changes, return_exceptions=True)
    assert len(await active_admins(hub)) == 1


@pytest.mark.parametrize("change", CHANGES)
async def test_a_removed_admin_cannot_remove_the_last_one(hub: AuthHub, change: Change) -> None:
    (ada, as_ada), (bob, as_bob) = await only(hub, 2)
    await call(hub, pb.DeactivateUserRequest(id=bob.id), as_ada)
    refused = await refusal(call(hub, change(ada.id), as_bob))
    # The token is void within moments; until then the database keeps the last admin.
    assert refused.reason in {"TOKEN_REVOKED", "LAST_ADMIN"}
    assert len(await active_admins(hub)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM auth.users WHERE role = 'ADMIN'",
        "UPDATE auth.users SET is_active = false WHERE role = 'ADMIN'",
        "UPDATE auth.users SET role = 'SALES_REP'",
    ],
)
async def test_the_database_itself_keeps_the_last_admin(hub: AuthHub, statement: str, tmp_path: Any) -> None:
    connection = await asyncpg.connect(settings_for(hub.admin_url, tmp_path).database_url)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(statement)
    await connection.close()
    assert await active_admins(hub)


async def test_events_can_neither_be_changed_nor_removed(hub: AuthHub, tmp_path: Any) -> None:
    for url in (hub.admin_url, settings_for(hub.admin_url, tmp_path).database_url):
        connection = await asyncpg.connect(url)
        for statement in ("UPDATE auth.events SET kind = 'x'", "DELETE FROM auth.events", "TRUNCATE auth.events"):
            with pytest.raises((asyncpg.RestrictViolationError, asyncpg.InsufficientPrivilegeError)):
                await connection.execute(statement)
        await connection.close()
