"""The users: creating, changing, deleting, and what keeps the hub manageable."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import user_pb2

from tests.integration.auth.harness import PASSWORD, AuthHub, bearer, refusal

OTHER_PASSWORD = "eleven yellow buckets"


def creation(username: str, request_id: str = "", **fields: Any) -> pb.CreateUserRequest:
    user = user_pb2.NewUser(**{"username": username, "password": PASSWORD, "role": "SALES_REP", **fields})
    return pb.CreateUserRequest(user=user, request_id=request_id)


async def test_a_new_user_is_active_unless_told_otherwise(hub: AuthHub) -> None:
    user = await hub.new_user(full_name="Maria Öz")
    assert (user.is_active, user.full_name) == (True, "Maria Öz")
    got = await hub.stub.GetUser(pb.GetUserRequest(id=user.id), metadata=await hub.as_admin())
    assert got == user
    assert not (await hub.new_user(is_active=False)).is_active


async def test_one_username_is_taken_once_whatever_its_case_however_many_ask_at_once(hub: AuthHub) -> None:
    admin = await hub.as_admin()
    names = ["Race", "race", "RACE", "rAcE"] * 5
    answers = await asyncio.gather(
        *(hub.stub.CreateUser(creation(name), metadata=admin) for name in names), return_exceptions=True
    )
    assert sum(isinstance(item, user_pb2.User) for item in answers) == 1
    refused = await refusal(hub.stub.CreateUser(creation("racE"), metadata=admin))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "USERNAME_TAKEN")


async def test_the_same_request_id_creates_once_and_another_body_is_refused(hub: AuthHub) -> None:
    admin = await hub.as_admin()
    first = await hub.stub.CreateUser(creation("repeated", "id-1"), metadata=admin)
    again = await hub.stub.CreateUser(creation("repeated", "id-1"), metadata=admin)
    assert first == again
    refused = await refusal(hub.stub.CreateUser(creation("repeated2", "id-1"), metadata=admin))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": "ab"}, "user.username"),
        ({"username": "a" * 51}, "user.username"),
        ({"username": "has space"}, "user.username"),
        ({"username": "ümlaut"}, "user.username"),
        ({"username": "line\n"}, "user.username"),
        ({"username": "nul\0nul"}, "user.username"),
        ({"username": "'; DROP TABLE users;--"}, "user.username"),
        ({"username": "a" * 1_000_000}, "user.username"),
        ({"password": "short"}, "user.password"),
        ({"password": "password1234"}, "user.password"),
        ({"password": "bad_input_bad_input"}, "user.password"),
        ({"password": "nine purple\0lanterns"}, "user.password"),
        ({"password": "x" * 1_000_000}, "user.password"),
        ({"full_name": "x" * 201}, "user.full_name"),
        ({"full_name": "nul\0"}, "user.full_name"),
        ({"role": 0}, "user.role"),
        ({"role": 99}, "user.role"),
    ],
)
async def test_what_cannot_be_a_user_names_the_field(hub: AuthHub, fields: dict[str, Any], field: str) -> None:
    request = creation(**{"username": "bad_input", **fields})
    refused = await refusal(hub.stub.CreateUser(request, metadata=await hub.as_admin()))
    assert refused.code == "INVALID_ARGUMENT"
    assert field in refused.fields


async def test_a_request_without_a_user_names_the_field(hub: AuthHub) -> None:
    refused = await refusal(hub.stub.CreateUser(pb.CreateUserRequest(), metadata=await hub.as_admin()))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("user",))


async def test_the_given_fields_are_changed_and_the_rest_stays(hub: AuthHub) -> None:
    user = await hub.new_user(full_name="Before")
    change = user_pb2.User(id=user.id, full_name="After", etag=user.etag)
    changed = await hub.stub.UpdateUser(pb.UpdateUserRequest(user=change), metadata=await hub.as_admin())
    assert (changed.full_name, changed.role, changed.username) == ("After", user.role, user.username)
    assert changed.etag != user.etag
    stale = await refusal(hub.stub.UpdateUser(pb.UpdateUserRequest(user=change), metadata=await hub.as_admin()))
    assert (stale.code, stale.reason) == ("ABORTED", "ETAG_MISMATCH")


async def test_an_empty_full_name_can_be_set_and_a_star_replaces_all(hub: AuthHub) -> None:
    user = await hub.new_user(full_name="Before")
    admin = await hub.as_admin()
    emptied = user_pb2.User(id=user.id, full_name="")
    changed = await hub.stub.UpdateUser(pb.UpdateUserRequest(user=emptied), metadata=admin)
    assert changed.full_name == ""
    whole = user_pb2.User(id=user.id, username=user.username + "_x", role=user_pb2.User.WAREHOUSE_OP, is_active=False)
    request = pb.UpdateUserRequest(user=whole, update_mask=FieldMask(paths=["*"]))
    replaced = await hub.stub.UpdateUser(request, metadata=admin)
    assert (replaced.username, replaced.role, replaced.is_active) == (whole.username, whole.role, False)


@pytest.mark.parametrize(
    ("user", "mask", "field"),
    [
        ({"id": 0, "full_name": "x"}, [], "user.id"),
        ({"id": -5, "full_name": "x"}, [], "user.id"),
        ({"id": 1, "role": 0}, [], "user.role"),
        ({"id": 1, "role": 77}, [], "user.role"),
        ({"id": 1, "username": "a b"}, [], "user.username"),
        ({"id": 1, "full_name": "x"}, ["nothing"], "update_mask"),
        ({"id": 1, "full_name": "x"}, ["id"], "update_mask"),
        ({"id": 1}, ["username"], "user.username"),
    ],
)
async def test_what_cannot_be_a_change_names_the_field(
    hub: AuthHub, user: dict[str, Any], mask: list[str], field: str
) -> None:
    request = pb.UpdateUserRequest(user=user_pb2.User(**user), update_mask=FieldMask(paths=mask))
    refused = await refusal(hub.stub.UpdateUser(request, metadata=await hub.as_admin()))
    assert refused.code == "INVALID_ARGUMENT"
    assert field in refused.fields


@pytest.mark.parametrize(
    "change",
    [
        pb.DeactivateUserRequest(id=1),
        pb.DeleteUserRequest(id=1),
        pb.UpdateUserRequest(user=user_pb2.User(id=1, role=user_pb2.User.SALES_REP)),
        pb.UpdateUserRequest(user=user_pb2.User(id=1, is_active=False)),
        pb.UpdateUserRequest(user=user_pb2.User(id=1, password=PASSWORD)),
    ],
)
async def test_nobody_takes_rights_from_himself(hub: AuthHub, change: Message) -> None:
    rpc = getattr(hub.stub, change.DESCRIPTOR.name.removesuffix("Request"))
    refused = await refusal(rpc(change, metadata=await hub.as_admin()))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "OWN_ACCOUNT")


@pytest.mark.parametrize("request_", [pb.GetUserRequest, pb.DeleteUserRequest, pb.ActivateUserRequest])
async def test_an_absent_user_is_not_found_and_a_malformed_id_is_invalid(hub: AuthHub, request_: Any) -> None:
    rpc = getattr(hub.stub, request_.DESCRIPTOR.name.removesuffix("Request"))
    admin = await hub.as_admin()
    absent = await refusal(rpc(request_(id=2**62), metadata=admin))
    assert (absent.code, absent.reason) == ("NOT_FOUND", "USER_NOT_FOUND")
    assert (await refusal(rpc(request_(id=-1), metadata=admin))).fields == ("id",)


async def test_a_deactivated_user_is_out_at_once_and_back_after_activation(hub: AuthHub) -> None:
    user = await hub.new_user()
    tokens = await hub.sign_in(user.username, PASSWORD)
    admin = await hub.as_admin()
    for _ in range(2):
        assert not (await hub.stub.DeactivateUser(pb.DeactivateUserRequest(id=user.id), metadata=admin)).is_active
    assert (await refusal(hub.refresh(tokens.refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    assert (await refusal(hub.sign_in(user.username, PASSWORD))).reason == "CREDENTIALS_WRONG"
    assert (await hub.stub.ActivateUser(pb.ActivateUserRequest(id=user.id), metadata=admin)).is_active
    assert (await refusal(hub.refresh(tokens.refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    assert (await hub.sign_in(user.username, PASSWORD)).access_token
    changes = [kind for kind in await hub.kinds_of(user) if kind == "USER_CHANGED"]
    assert len(changes) == 2


async def test_a_sign_in_during_a_deactivation_leaves_no_live_session(hub: AuthHub) -> None:
    admin = await hub.as_admin()
    for _ in range(5):
        user = await hub.new_user()
        results = await asyncio.gather(
            *(hub.sign_in(user.username, PASSWORD) for _ in range(4)),
            hub.stub.DeactivateUser(pb.DeactivateUserRequest(id=user.id), metadata=admin),
            return_exceptions=True,
        )
        assert not isinstance(results[-1], BaseException)
        live = await hub.rows("SELECT 1 FROM auth.sessions WHERE user_id = $1 AND ended_at IS NULL", user.id)
        assert not live


async def test_a_new_role_or_password_ends_the_sessions(hub: AuthHub) -> None:
    admin = await hub.as_admin()
    changes: list[dict[str, Any]] = [{"role": user_pb2.User.WAREHOUSE_OP}, {"password": OTHER_PASSWORD}]
    for change in changes:
        user = await hub.new_user()
        tokens = await hub.sign_in(user.username, PASSWORD)
        request = pb.UpdateUserRequest(user=user_pb2.User(id=user.id, **change))
        answer = await hub.stub.UpdateUser(request, metadata=admin)
        assert not answer.HasField("password")
        assert (await refusal(hub.refresh(tokens.refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    assert (await hub.sign_in(user.username, OTHER_PASSWORD)).access_token


async def test_a_deleted_user_is_gone_but_not_from_the_records(hub: AuthHub) -> None:
    user = await hub.new_user()
    tokens = await hub.sign_in(user.username, PASSWORD)
    admin = await hub.as_admin()
    stale = pb.DeleteUserRequest(id=user.id, etag="stale")
    assert (await refusal(hub.stub.DeleteUser(stale, metadata=admin))).reason == "ETAG_MISMATCH"
    await hub.stub.DeleteUser(pb.DeleteUserRequest(id=user.id, etag=user.etag), metadata=admin)
    assert (await refusal(hub.refresh(tokens.refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    gone = await refusal(hub.stub.GetMe(pb.GetMeRequest(), metadata=bearer(tokens.access_token)))
    assert gone.code in {"NOT_FOUND", "UNAUTHENTICATED"}
    assert await hub.kinds_of(user) == ["USER_CREATED", "SIGNED_IN", "SESSION_ENDED", "USER_DELETED"]
    again = await hub.stub.CreateUser(creation(user.username), metadata=admin)
    assert again.id > user.id


async def test_pages_hold_every_user_once(hub: AuthHub) -> None:
    admin = await hub.as_admin()
    made = [
        await hub.stub.CreateUser(creation(f"Page_{number}", is_active=number % 2 == 0), metadata=admin)
        for number in range(7)
    ]
    seen, token = [], ""
    while True:
        request = pb.ListUsersRequest(page_size=3, page_token=token, username_prefix="pAGE_")
        page = await hub.stub.ListUsers(request, metadata=admin)
        assert page.total_size == 7
        seen += [user.id for user in page.items]
        token = page.next_page_token
        if not token:
            break
    assert seen == [user.id for user in made]
    inactive = pb.ListUsersRequest(username_prefix="page_", is_active=False, role=user_pb2.User.SALES_REP)
    assert (await hub.stub.ListUsers(inactive, metadata=admin)).total_size == 3


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"page_size": -1}, "page_size"),
        ({"page_token": "forged"}, "page_token"),
        ({"role": 42}, "role"),
        ({"username_prefix": "100%"}, "username_prefix"),
    ],
)
async def test_what_cannot_be_listed_names_the_field(hub: AuthHub, fields: dict[str, Any], field: str) -> None:
    refused = await refusal(hub.stub.ListUsers(pb.ListUsersRequest(**fields), metadata=await hub.as_admin()))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", (field,))


async def test_one_changes_the_own_password_and_the_other_sessions_end(hub: AuthHub) -> None:
    user = await hub.new_user()
    here, there = [await hub.sign_in(user.username, PASSWORD) for _ in range(2)]
    metadata = bearer(here.access_token)
    wrong = pb.ChangeMyPasswordRequest(current_password="wrong", new_password=OTHER_PASSWORD)
    refused = await refusal(hub.stub.ChangeMyPassword(wrong, metadata=metadata))
    assert (refused.reason, refused.fields) == ("PASSWORD_WRONG", ("current_password",))
    weak = pb.ChangeMyPasswordRequest(current_password=PASSWORD, new_password=f"{user.username}{user.username}")
    assert (await refusal(hub.stub.ChangeMyPassword(weak, metadata=metadata))).fields == ("new_password",)
    right = pb.ChangeMyPasswordRequest(current_password=PASSWORD, new_password=OTHER_PASSWORD, request_id="once")
    for _ in range(2):
        await hub.stub.ChangeMyPassword(right, metadata=metadata)
    assert (await refusal(hub.refresh(there.refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    assert (await hub.refresh(here.refresh_token)).access_token
    assert (await refusal(hub.sign_in(user.username, PASSWORD))).reason == "CREDENTIALS_WRONG"
    assert (await hub.sign_in(user.username, OTHER_PASSWORD)).access_token
    assert (await hub.kinds_of(user)).count("PASSWORD_CHANGED") == 1


async def test_a_stolen_access_token_does_not_help_to_guess_the_password(hub: AuthHub) -> None:
    user = await hub.new_user()
    metadata = bearer((await hub.sign_in(user.username, PASSWORD)).access_token)
    reasons = []
    for number in range(7):
        guess = pb.ChangeMyPasswordRequest(current_password=f"guess {number}", new_password=OTHER_PASSWORD)
        reasons.append((await refusal(hub.stub.ChangeMyPassword(guess, metadata=metadata))).reason)
    assert reasons == ["PASSWORD_WRONG"] * 5 + ["SIGN_IN_THROTTLED"] * 2
