"""What users are bound to: set by admins, carried by access tokens, never an admin's, changed everywhere at once."""

from __future__ import annotations

from typing import Any

import asyncpg
import jwt
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import event_pb2, user_pb2

from tests.integration.auth.bystander import eventually
from tests.integration.auth.harness import PASSWORD, AuthHub, bearer, refusal

WEST = user_pb2.Scope(warehouses=["WEST"], channel_ids=[3, 1])


def bounds_of(access_token: str) -> Any:
    return jwt.decode(access_token, options={"verify_signature": False}).get("bounds")


async def rebind(hub: AuthHub, user_id: int, scope: user_pb2.Scope | None) -> user_pb2.User:
    request = pb.UpdateUserRequest(user=user_pb2.User(id=user_id, scope=scope), update_mask=FieldMask(paths=["scope"]))
    changed: user_pb2.User = await hub.stub.UpdateUser(request, metadata=await hub.as_admin())
    return changed


async def test_a_token_tells_what_its_user_is_bound_to_and_so_does_the_next_one(hub: AuthHub) -> None:
    user = await hub.new_user(scope=WEST)
    assert (list(user.scope.warehouses), list(user.scope.channel_ids)) == (["WEST"], [1, 3])
    tokens = await hub.sign_in(user.username, PASSWORD)
    assert bounds_of(tokens.access_token) == {"warehouses": ["WEST"], "channels": ["1", "3"]}
    assert bounds_of((await hub.refresh(tokens.refresh_token)).access_token) == {
        "warehouses": ["WEST"],
        "channels": ["1", "3"],
    }
    me = await hub.stub.GetMe(pb.GetMeRequest(), metadata=bearer(tokens.access_token))
    assert me.scope == user.scope


async def test_a_user_without_a_scope_has_a_token_without_one(hub: AuthHub) -> None:
    user = await hub.new_user()
    assert not user.HasField("scope")
    assert bounds_of((await hub.sign_in(user.username, PASSWORD)).access_token) is None


@pytest.mark.parametrize("wider", [None, user_pb2.Scope(warehouses=["EAST", "WEST"])])
async def test_another_scope_ends_the_sessions_and_shows_at_the_next_sign_in(
    hub: AuthHub, wider: user_pb2.Scope | None
) -> None:
    user = await hub.new_user("WAREHOUSE_OP", scope=WEST)
    former = await hub.sign_in(user.username, PASSWORD)
    changed = await rebind(hub, user.id, wider)
    assert list(changed.scope.warehouses) == (list(wider.warehouses) if wider else [])
    await eventually(lambda: hub.refuses(former.access_token, "TOKEN_REVOKED"))
    expected = {"warehouses": ["EAST", "WEST"]} if wider and wider.warehouses else None
    assert bounds_of((await hub.sign_in(user.username, PASSWORD)).access_token) == expected


async def test_the_same_scope_again_ends_nothing(hub: AuthHub) -> None:
    user = await hub.new_user(scope=WEST)
    tokens = await hub.sign_in(user.username, PASSWORD)
    again = user_pb2.Scope(warehouses=[" WEST ", "WEST"], channel_ids=[1, 3, 3])
    assert (await rebind(hub, user.id, again)).etag == user.etag
    await hub.stub.GetMe(pb.GetMeRequest(), metadata=bearer(tokens.access_token))


async def test_a_patch_that_names_no_scope_leaves_it(hub: AuthHub) -> None:
    user = await hub.new_user(scope=WEST)
    request = pb.UpdateUserRequest(user=user_pb2.User(id=user.id, full_name="Wes"))
    assert (await hub.stub.UpdateUser(request, metadata=await hub.as_admin())).scope == user.scope


async def test_no_admin_is_bound(hub: AuthHub) -> None:
    admin = await hub.as_admin()
    new = user_pb2.NewUser(username="bound_admin", password=PASSWORD, role=user_pb2.User.ADMIN, scope=WEST)
    refused = await refusal(hub.stub.CreateUser(pb.CreateUserRequest(user=new), metadata=admin))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "ADMIN_IS_UNBOUND")
    user = await hub.new_user(scope=WEST)
    promoted = user_pb2.User(id=user.id, role=user_pb2.User.ADMIN)
    refused = await refusal(hub.stub.UpdateUser(pb.UpdateUserRequest(user=promoted), metadata=admin))
    assert refused.reason == "ADMIN_IS_UNBOUND"
    both = pb.UpdateUserRequest(user=promoted, update_mask=FieldMask(paths=["role", "scope"]))
    assert not (await hub.stub.UpdateUser(both, metadata=admin)).HasField("scope")


async def test_the_database_binds_no_admin_either(hub: AuthHub) -> None:
    connection = await asyncpg.connect(hub.admin_url)
    try:
        with pytest.raises(asyncpg.CheckViolationError, match="admin_is_unbound"):
            await connection.execute("UPDATE auth.users SET warehouses = '{WEST}' WHERE role = 'ADMIN'")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "scope",
    [
        user_pb2.Scope(warehouses=[f"W{number}" for number in range(21)]),
        user_pb2.Scope(warehouses=["x" * 33]),
        user_pb2.Scope(warehouses=["a\nb"]),
        user_pb2.Scope(warehouses=[""]),
        user_pb2.Scope(channel_ids=[0]),
        user_pb2.Scope(),
        user_pb2.Scope(warehouses=["ü" * 31 + str(number) for number in range(10)]),
    ],
)
async def test_a_scope_that_no_token_carries_is_refused(hub: AuthHub, scope: user_pb2.Scope) -> None:
    new = user_pb2.NewUser(username="never_made", password=PASSWORD, role=user_pb2.User.SALES_REP, scope=scope)
    refused = await refusal(hub.stub.CreateUser(pb.CreateUserRequest(user=new), metadata=await hub.as_admin()))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")


async def test_the_audit_trail_tells_the_scope_before_and_after(hub: AuthHub) -> None:
    user = await hub.new_user(scope=WEST)
    await rebind(hub, user.id, user_pb2.Scope(warehouses=["EAST"]))
    request = pb.ListEventsRequest(subject_id=str(user.id), kinds=[event_pb2.Event.USER_CHANGED])
    event = (await hub.stub.ListEvents(request, metadata=await hub.as_admin())).items[0]
    assert list(event.before["scope"]["warehouses"]) == ["WEST"]
    assert list(event.after["scope"]["warehouses"]) == ["EAST"]


async def test_a_scope_that_names_nothing_does_not_unbind(hub: AuthHub) -> None:
    """JSON drops fields that it does not know: a misspelt list must not open everything."""
    user = await hub.new_user(scope=WEST)
    for mask in ([], ["scope"]):
        empty = user_pb2.User(id=user.id, scope=user_pb2.Scope())
        request = pb.UpdateUserRequest(user=empty, update_mask=FieldMask(paths=mask))
        refused = await refusal(hub.stub.UpdateUser(request, metadata=await hub.as_admin()))
        assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("user.scope",))
