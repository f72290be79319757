"""Channels over gRPC: secrets stay secret, states change, bad input is refused with the field named."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import select
from usav.sync.v1 import channel_pb2, sync_service_pb2

from sync_svc.channels.base import Outcome, PushResult
from sync_svc.storage.tables import channel
from tests.factories.sync.engine import Engine
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import Refused, SyncApi

Channel = channel_pb2.Channel
SECRET = "v^1.1#i^1#secret"


def _new(**values: Any) -> sync_service_pb2.CreateChannelRequest:
    return sync_service_pb2.CreateChannelRequest(
        channel=Channel(**{"platform": Channel.EBAY, "account": "mekong", **values}), request_id=""
    )


async def _refused(api: SyncApi, method: str, request: Any, role: str = "ADMIN") -> Refused:
    with pytest.raises(Refused) as caught:
        await api.call(method, request, role)
    return caught.value


async def test_channel_with_credentials_is_active_and_shows_no_secret(api: SyncApi) -> None:
    made = await api.call("CreateChannel", _new(credentials={"refresh_token": SECRET}))
    assert (made.account, made.state, made.connection) == ("MEKONG", Channel.ACTIVE, Channel.CONNECTED)
    assert list(made.credential_names) == ["refresh_token"]
    shown = await api.call("GetChannel", sync_service_pb2.GetChannelRequest(id=made.id), "SALES_REP")
    assert SECRET not in str(shown)
    assert dict(shown.credentials) == {}
    async with api.engine.db.read.connect() as conn:
        stored = (await conn.execute(select(channel))).one()
    assert SECRET.encode() not in bytes(stored.sealed_credentials)
    assert SECRET not in str(stored)


async def test_same_account_twice_is_refused_whatever_its_case(api: SyncApi) -> None:
    await api.call("CreateChannel", _new())
    refused = await _refused(api, "CreateChannel", _new(account="MeKong"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "CHANNEL_EXISTS")


async def test_repeat_with_the_same_request_id_answers_the_same(api: SyncApi) -> None:
    request = _new()
    request.request_id = "once"
    first = await api.call("CreateChannel", request)
    assert await api.call("CreateChannel", request) == first


async def test_platform_without_connector_says_so(api: SyncApi) -> None:
    made = await api.call("CreateChannel", _new(platform=Channel.ZOHO, credentials={"client_id": "x"}))
    assert (made.state, made.connection) == (Channel.PAUSED, Channel.NO_CONNECTOR)
    refused = await _refused(api, "ResumeChannel", sync_service_pb2.ResumeChannelRequest(id=made.id))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_CONNECTOR")
    (status,) = (await api.call("GetSyncStatus", sync_service_pb2.GetSyncStatusRequest())).channels
    assert (status.connection, "no connector" in status.message) == (Channel.NO_CONNECTOR, True)


async def test_channel_without_credentials_cannot_be_resumed(api: SyncApi) -> None:
    made = await api.call("CreateChannel", _new())
    assert (made.state, made.connection) == (Channel.PAUSED, Channel.NO_CREDENTIALS)
    refused = await _refused(api, "ResumeChannel", sync_service_pb2.ResumeChannelRequest(id=made.id))
    assert refused.reason == "CREDENTIALS_MISSING"


async def test_update_changes_what_is_given_and_checks_the_etag(api: SyncApi) -> None:
    made = await api.call("CreateChannel", _new(credentials={"refresh_token": SECRET}))
    change = Channel(id=made.id, display_name="Mekong Audio", rules=Channel.Rules(buffer_units=2), etag=made.etag)
    changed = await api.call("UpdateChannel", sync_service_pb2.UpdateChannelRequest(channel=change))
    assert (changed.display_name, changed.rules.buffer_units, changed.rules.price_factor) == ("Mekong Audio", 2, "1")
    assert list(changed.credential_names) == ["refresh_token"]
    refused = await _refused(api, "UpdateChannel", sync_service_pb2.UpdateChannelRequest(channel=change))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")


async def test_changed_rules_plan_every_listing_anew(api: SyncApi, engine: Engine) -> None:
    made = await engine.add_channel()
    listing_id = await engine.add_listing(made, 1, "00845", synced_generation=1)
    change = Channel(id=made.id, rules=Channel.Rules(cap_units=1))
    await api.call("UpdateChannel", sync_service_pb2.UpdateChannelRequest(channel=change))
    assert (await engine.row(listing_id)).status == "DIRTY"


async def test_pause_and_resume(api: SyncApi, engine: Engine) -> None:
    made = await engine.add_channel()
    for _ in range(2):
        paused = await api.call("PauseChannel", sync_service_pb2.PauseChannelRequest(id=made.id))
        assert paused.state == Channel.PAUSED
    resumed = await api.call("ResumeChannel", sync_service_pb2.ResumeChannelRequest(id=made.id))
    assert resumed.state == Channel.ACTIVE


async def test_test_says_what_the_platform_says(api: SyncApi, engine: Engine, platform: FakePlatform) -> None:
    made = await engine.add_channel()
    request = sync_service_pb2.TestChannelRequest(id=made.id)
    assert (await api.call("TestChannel", request)).account_name == "Fake shop"
    platform.refuse_with = PushResult(0, Outcome.AUTH, "The token was revoked.")
    answer = await api.call("TestChannel", request)
    assert (answer.ok, answer.message) == (False, "The token was revoked.")


async def test_sync_now_queues_every_listing(api: SyncApi, engine: Engine, hub: FakeHub) -> None:
    made = await engine.add_channel()
    listing_id = await engine.add_listing(made, 1, "00845", error_class="PERMANENT", next_attempt_at=None)
    answer = await api.call("SyncChannelNow", sync_service_pb2.SyncChannelNowRequest(id=made.id))
    assert answer.queued_count == 1
    assert (await engine.row(listing_id)).status == "PENDING"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"account": "no spaces"}, "channel.account"),
        ({"account": ""}, "channel.account"),
        ({"platform": 0}, "channel.platform"),
        ({"platform": 99}, "channel.platform"),
        ({"api_base_url": "ftp://x"}, "channel.api_base_url"),
        ({"display_name": "x" * 101}, "channel.display_name"),
        ({"display_name": "a\0b"}, "channel.display_name"),
        ({"rules": Channel.Rules(buffer_units=-1)}, "channel.rules.buffer_units"),
        ({"rules": Channel.Rules(price_factor="0")}, "channel.rules.price_factor"),
        ({"rules": Channel.Rules(price_factor="NaN")}, "channel.rules.price_factor"),
        ({"rules": Channel.Rules(poll_interval_seconds=1)}, "channel.rules.poll_interval_seconds"),
        ({"credentials": {"Bad Name": "x"}}, "channel.credentials"),
        ({"credentials": {"token": "x" * 5000}}, "channel.credentials"),
    ],
)
async def test_bad_input_names_the_field(api: SyncApi, values: dict[str, Any], field: str) -> None:
    refused = await _refused(api, "CreateChannel", _new(**values))
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert any(name.startswith(field) for name in refused.fields), refused.fields


@pytest.mark.parametrize("path", ["state", "account", "nonsense", "credential_names"])
async def test_mask_names_only_what_can_change(api: SyncApi, engine: Engine, path: str) -> None:
    made = await engine.add_channel()
    request = sync_service_pb2.UpdateChannelRequest(channel=Channel(id=made.id), update_mask=FieldMask(paths=[path]))
    assert (await _refused(api, "UpdateChannel", request)).reason == "UPDATE_MASK_INVALID"


async def test_only_admins_change_channels(api: SyncApi) -> None:
    for role in ("WAREHOUSE_OP", "SALES_REP", "SYSTEM_BOT"):
        refused = await _refused(api, "CreateChannel", _new(), role)
        assert refused.code == grpc.StatusCode.PERMISSION_DENIED


async def test_absent_channel_is_not_found(api: SyncApi) -> None:
    for method, request in (
        ("GetChannel", sync_service_pb2.GetChannelRequest(id=99)),
        ("UpdateChannel", sync_service_pb2.UpdateChannelRequest(channel=Channel(id=99, display_name="x"))),
        ("PauseChannel", sync_service_pb2.PauseChannelRequest(id=99)),
        ("ListChannelRuns", sync_service_pb2.ListChannelRunsRequest(id=99)),
    ):
        assert (await _refused(api, method, request)).reason == "CHANNEL_NOT_FOUND"
