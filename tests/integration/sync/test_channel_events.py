"""The audit trail of channels: who changed which credentials, and never what they are."""

from __future__ import annotations

from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf import json_format
from usav.sync.v1 import channel_event_pb2, channel_pb2, sync_service_pb2

from chassis.hosts import plain_url
from sync_svc.operations.channels import connect_webhooks
from tests.factories.sync.engine import Engine
from tests.integration.sync.harness import Refused, SyncApi

Kind = channel_event_pb2.ChannelEvent.Kind
SECRETS = ("the-first-refresh-token", "the-second-refresh-token", "the-client-secret", "a-webhook-secret")
_pb = sync_service_pb2


async def _events(api: SyncApi, **wanted: Any) -> list[channel_event_pb2.ChannelEvent]:
    request = channel_event_pb2.ListChannelEventsRequest(**wanted)
    return list((await api.call("ListChannelEvents", request)).items)


async def _channel(api: SyncApi, **values: Any) -> channel_pb2.Channel:
    wanted = channel_pb2.Channel(
        platform=channel_pb2.Channel.EBAY,
        account="DRAGON",
        credentials={"refresh_token": SECRETS[0], "client_secret": SECRETS[2]},
        webhook_secrets={"verification": SECRETS[3]},
        **values,
    )
    made: channel_pb2.Channel = await api.call("CreateChannel", _pb.CreateChannelRequest(channel=wanted))
    return made


async def _update(api: SyncApi, channel: channel_pb2.Channel, role: str = "ADMIN", **values: Any) -> None:
    changed = channel_pb2.Channel(id=channel.id, **values)
    await api.call(
        "UpdateChannel", _pb.UpdateChannelRequest(channel=changed), role, {"x-client-address": "198.51.100.7"}
    )


def _told(values: Any) -> dict[str, Any]:
    return json_format.MessageToDict(values)


async def test_changed_credentials_are_told_by_name_with_who_when_and_from_where(api: SyncApi) -> None:
    channel = await _channel(api)
    await _update(api, channel, credentials={"refresh_token": SECRETS[1], "app_id": "x"}, site="EBAY_GB")
    changed, created = await _events(api, channel_id=channel.id)
    assert (created.kind, created.channel_name) == (Kind.CREATED, "EBAY DRAGON")
    assert _told(created.after)["credentials"] == {"refresh_token": "set", "client_secret": "set"}
    assert _told(created.after)["webhook_secrets"] == {"verification": "set"}
    assert changed.kind == Kind.CREDENTIALS_CHANGED
    assert _told(changed.after)["credentials"] == {
        "refresh_token": "changed",
        "client_secret": "removed",
        "app_id": "set",
    }
    assert (changed.before["site"], changed.after["site"]) == ("", "EBAY_GB")
    assert (changed.actor_id, changed.actor_name, changed.address) == ("user:ADMIN", "admin", "198.51.100.7")
    assert changed.request_id
    assert changed.event_time.ToMicroseconds() >= created.event_time.ToMicroseconds() > 0


async def test_no_event_holds_a_secret(api: SyncApi) -> None:
    channel = await _channel(api)
    await _update(api, channel, credentials={"refresh_token": SECRETS[1]})
    await _update(api, channel, webhook_secrets={"verification": SECRETS[1]})
    await api.call("ResealCredentials", _pb.ResealCredentialsRequest())
    events = await _events(api)
    assert [event.kind for event in events] == [
        Kind.CREDENTIALS_RESEALED, Kind.CREDENTIALS_CHANGED, Kind.CREDENTIALS_CHANGED, Kind.CREATED
    ]  # fmt: skip
    text = "".join(map(str, events))
    assert [secret for secret in SECRETS if secret in text] == []


async def test_what_changes_nothing_is_no_event_and_other_changes_are_no_credentials(api: SyncApi) -> None:
    channel = await _channel(api)
    await _update(api, channel, credentials={"refresh_token": SECRETS[0], "client_secret": SECRETS[2]})
    assert len(await _events(api)) == 1
    await _update(api, channel, rules=channel_pb2.Channel.Rules(buffer_units=2))
    await api.call("PauseChannel", _pb.PauseChannelRequest(id=channel.id))
    await api.call("PauseChannel", _pb.PauseChannelRequest(id=channel.id))
    await api.call("ResumeChannel", _pb.ResumeChannelRequest(id=channel.id))
    resumed, paused, changed, _ = await _events(api)
    assert (resumed.kind, paused.kind, changed.kind) == (Kind.RESUMED, Kind.PAUSED, Kind.CHANGED)
    assert _told(paused.before) == {"state": "ACTIVE"}
    assert (changed.before["buffer_units"], changed.after["buffer_units"]) == (0, 2)


async def test_a_refused_change_leaves_no_event(api: SyncApi) -> None:
    channel = await _channel(api)
    with pytest.raises(Refused):
        await api.call(
            "UpdateChannel",
            _pb.UpdateChannelRequest(channel=channel_pb2.Channel(id=channel.id, etag="stale", site="X")),
        )
    assert len(await _events(api)) == 1


async def test_what_the_hub_learns_of_webhooks_is_told_as_its_own_doing(api: SyncApi, engine: Engine) -> None:
    channel = await _channel(api)
    assert await connect_webhooks(engine.desk, channel.id)
    event = (await _events(api))[0]
    assert event.kind == Kind.CREDENTIALS_CHANGED
    assert "endpoint" in _told(event.after)["webhook_secrets"]
    assert event.actor_id != "user:ADMIN"


async def test_events_are_filtered_and_paged_and_for_admins_only(api: SyncApi) -> None:
    channel = await _channel(api)
    for number in range(3):
        await _update(api, channel, site=f"S{number}")
    assert len(await _events(api, kinds=[Kind.CHANGED])) == 3
    assert await _events(api, channel_id=channel.id + 1) == []
    assert await _events(api, actor_id="nobody") == []
    first = await api.call("ListChannelEvents", channel_event_pb2.ListChannelEventsRequest(page_size=3))
    rest = channel_event_pb2.ListChannelEventsRequest(page_size=3, page_token=first.next_page_token)
    second = await api.call("ListChannelEvents", rest)
    assert (len(first.items), len(second.items), first.total_size, second.next_page_token) == (3, 1, 4, "")
    moment = channel_event_pb2.ListChannelEventsRequest(to_time=first.items[-1].event_time)
    assert [event.kind for event in (await api.call("ListChannelEvents", moment)).items] == [Kind.CREATED]
    for role in ("WAREHOUSE_OP", "SALES_REP", "SYSTEM_BOT"):
        with pytest.raises(Refused) as caught:
            await api.call("ListChannelEvents", channel_event_pb2.ListChannelEventsRequest(), role)
        assert caught.value.code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    "change",
    ["UPDATE sync.channel_event SET actor_name = 'somebody'", "DELETE FROM sync.channel_event"],
)
async def test_nobody_changes_or_removes_an_event(api: SyncApi, engine: Engine, change: str) -> None:
    await _channel(api)
    connection = await asyncpg.connect(plain_url(engine.db.url))
    try:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RestrictViolationError)):
            await connection.execute(change)
    finally:
        await connection.close()
    assert len(await _events(api)) == 1
