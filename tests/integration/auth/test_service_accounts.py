"""Service accounts: made, given another secret without a pause, and ended everywhere."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from google.protobuf.duration_pb2 import Duration
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import service_account_pb2
from usav.auth.v1.user_pb2 import User

from tests.factories.databases import Databases
from tests.integration.auth.bystander import bystander, eventually
from tests.integration.auth.harness import AuthHub, refusal, use_cheap_hashing

_numbers = itertools.count(1)
NOW = Duration(seconds=0)


async def create(
    hub: AuthHub, role: User.Role.ValueType = User.WAREHOUSE_OP, **fields: Any
) -> service_account_pb2.ServiceAccount:
    wanted = service_account_pb2.NewServiceAccount(client_id=f"bot-{next(_numbers)}", role=role)
    request = pb.CreateServiceAccountRequest(service_account=wanted, **fields)
    account: service_account_pb2.ServiceAccount = await hub.stub.CreateServiceAccount(
        request, metadata=await hub.as_admin()
    )
    return account


async def rotate(hub: AuthHub, account_id: int, **fields: Any) -> service_account_pb2.ServiceAccount:
    request = pb.RotateServiceAccountSecretRequest(id=account_id, **fields)
    account: service_account_pb2.ServiceAccount = await hub.stub.RotateServiceAccountSecret(
        request, metadata=await hub.as_admin()
    )
    return account


async def token(hub: AuthHub, client_id: str, secret: str) -> str:
    request = pb.IssueTokenRequest(grant_type="client_credentials", client_id=client_id, client_secret=secret)
    return str((await hub.stub.IssueToken(request)).access_token)


async def found(hub: AuthHub, account_id: int) -> service_account_pb2.ServiceAccount | None:
    request = pb.ListServiceAccountsRequest(page_size=1000)
    page = await hub.stub.ListServiceAccounts(request, metadata=await hub.as_admin())
    return next((item for item in page.items if item.id == account_id), None)


async def test_an_account_signs_in_with_its_role_and_shows_when_it_did(hub: AuthHub) -> None:
    account = await create(hub, User.SALES_REP)
    claims = jwt.decode(await token(hub, account.client_id, account.secret), options={"verify_signature": False})
    assert (claims["sub"], claims["role"]) == (f"client:{account.client_id}", "SALES_REP")
    assert claims["sid"] == f"client-{account.secrets[0].id}"
    seen = await found(hub, account.id)
    assert seen is not None
    assert seen.last_use_time == seen.secrets[0].last_use_time
    assert seen.HasField("last_use_time")


async def test_the_secret_is_shown_once_and_kept_nowhere(hub: AuthHub) -> None:
    account = await create(hub, request_id="a secret once")
    seen = await found(hub, account.id)
    assert seen is not None
    assert not seen.HasField("secret")
    for table in ("service_account_secrets", "stored_answer", "events", "outbox"):
        rows = await hub.rows(f"SELECT t::text AS row FROM auth.{table} t")
        for row in rows:
            assert account.secret not in row["row"]
            assert account.secret.encode().hex() not in row["row"]


async def test_a_repeat_with_the_same_request_id_gets_the_same_secret(hub: AuthHub) -> None:
    wanted = service_account_pb2.NewServiceAccount(client_id="repeated-bot", role=User.SYSTEM_BOT)
    request = pb.CreateServiceAccountRequest(service_account=wanted, request_id="repeat the bot")
    answers = [await hub.stub.CreateServiceAccount(request, metadata=await hub.as_admin()) for _ in range(2)]
    assert answers[0] == answers[1]
    assert await token(hub, "repeated-bot", answers[1].secret)


async def test_after_a_rotation_both_secrets_work_until_the_former_ends(hub: AuthHub) -> None:
    account = await create(hub)
    rotated = await rotate(hub, account.id)
    assert [item.HasField("expire_time") for item in rotated.secrets] == [False, True]
    for secret in (account.secret, rotated.secret):
        assert await token(hub, account.client_id, secret)
    hub.clock.offset = timedelta(hours=24, seconds=1)
    try:
        assert await token(hub, account.client_id, rotated.secret)
        request = pb.IssueTokenRequest(
            grant_type="client_credentials", client_id=account.client_id, client_secret=account.secret
        )
        assert (await refusal(hub.stub.IssueToken(request))).reason == "CLIENT_WRONG"
    finally:
        hub.clock.offset = timedelta()


async def test_a_rotation_without_delay_ends_former_secrets_and_their_tokens(
    hub: AuthHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await create(hub)
    former = await token(hub, account.client_id, account.secret)
    async with bystander(hub.running.port, monkeypatch) as other:
        assert await other.answer(former) == account.client_id
        rotated = await rotate(hub, account.id, keep_former_for=NOW)
        assert len(rotated.secrets) == 1

        async def refused() -> bool:
            return not await other.lets_in(former)

        await eventually(refused)
        assert await other.answer(await token(hub, account.client_id, rotated.secret)) == account.client_id


async def test_a_deleted_account_is_shut_out_everywhere(hub: AuthHub, monkeypatch: pytest.MonkeyPatch) -> None:
    account = await create(hub)
    its_token = await token(hub, account.client_id, account.secret)
    async with bystander(hub.running.port, monkeypatch) as other:
        assert await other.answer(its_token) == account.client_id
        request = pb.DeleteServiceAccountRequest(id=account.id)
        await hub.stub.DeleteServiceAccount(request, metadata=await hub.as_admin())

        async def refused() -> bool:
            return not await other.lets_in(its_token)

        await eventually(refused)
    assert await found(hub, account.id) is None
    gone = await refusal(hub.stub.DeleteServiceAccount(request, metadata=await hub.as_admin()))
    assert (gone.code, gone.reason) == ("NOT_FOUND", "SERVICE_ACCOUNT_NOT_FOUND")


async def test_the_events_tell_what_was_done_by_whom_and_no_secret(hub: AuthHub) -> None:
    account = await create(hub)
    await rotate(hub, account.id)
    await hub.stub.DeleteServiceAccount(pb.DeleteServiceAccountRequest(id=account.id), metadata=await hub.as_admin())
    query = "SELECT kind, actor_name, after FROM auth.events WHERE subject_id = $1 ORDER BY id"
    rows = await hub.rows(query, f"client:{account.client_id}")
    assert [(row["kind"], row["actor_name"]) for row in rows] == [
        ("SERVICE_ACCOUNT_CREATED", "admin"),
        ("SERVICE_ACCOUNT_ROTATED", "admin"),
        ("SERVICE_ACCOUNT_DELETED", "admin"),
    ]
    assert json.loads(rows[0]["after"]) == {"role": "WAREHOUSE_OP"}


async def test_a_name_is_taken_in_whatever_case(hub: AuthHub) -> None:
    wanted = service_account_pb2.NewServiceAccount(client_id="SYNC-svc", role=User.SYSTEM_BOT)
    request = pb.CreateServiceAccountRequest(service_account=wanted)
    refused = await refusal(hub.stub.CreateServiceAccount(request, metadata=await hub.as_admin()))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "CLIENT_ID_TAKEN")


async def test_accounts_of_the_settings_are_changed_there(hub: AuthHub) -> None:
    (row,) = await hub.rows("SELECT id FROM auth.service_accounts WHERE client_id = 'sync-svc'")
    metadata = await hub.as_admin()
    for call in (
        hub.stub.DeleteServiceAccount(pb.DeleteServiceAccountRequest(id=row["id"]), metadata=metadata),
        hub.stub.RotateServiceAccountSecret(pb.RotateServiceAccountSecretRequest(id=row["id"]), metadata=metadata),
    ):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "ACCOUNT_FROM_SETTINGS")


async def test_an_account_the_settings_name_no_more_may_be_deleted(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cheap_hashing(monkeypatch)
    async with databases.clone("auth") as url:
        await (await AuthHub.start(url, tmp_path)).stop()
        hub = await AuthHub.start(url, tmp_path, service_accounts=())
        page = await hub.stub.ListServiceAccounts(pb.ListServiceAccountsRequest(), metadata=await hub.as_admin())
        request = pb.DeleteServiceAccountRequest(id=page.items[0].id)
        await hub.stub.DeleteServiceAccount(request, metadata=await hub.as_admin())
        await hub.stop()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"client_id": "x", "role": User.ADMIN}, "service_account.client_id"),
        ({"client_id": "a b c", "role": User.ADMIN}, "service_account.client_id"),
        ({"client_id": "fine"}, "service_account.role"),
    ],
)
async def test_what_cannot_be_an_account_names_the_field(hub: AuthHub, fields: dict[str, Any], field: str) -> None:
    request = pb.CreateServiceAccountRequest(service_account=service_account_pb2.NewServiceAccount(**fields))
    refused = await refusal(hub.stub.CreateServiceAccount(request, metadata=await hub.as_admin()))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", (field,))


@pytest.mark.parametrize("seconds", [-1, 90 * 86400 + 1])
async def test_former_secrets_live_for_a_while_and_not_for_ever(hub: AuthHub, seconds: int) -> None:
    request = pb.RotateServiceAccountSecretRequest(id=1, keep_former_for=Duration(seconds=seconds))
    refused = await refusal(hub.stub.RotateServiceAccountSecret(request, metadata=await hub.as_admin()))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("keep_former_for",))
