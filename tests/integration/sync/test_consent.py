"""Consent over gRPC: what it needs, whose it is, and what is stored of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from usav.sync.v1 import channel_pb2, consent_pb2
from usav.sync.v1 import sync_service_pb2 as pb

from chassis.clock import now
from sync_svc.channels.base import ChannelAccount, ChannelError, Outcome
from sync_svc.channels.consent import EXPIRES, Granted
from sync_svc.operations import consent as operations
from tests.factories.sync.engine import Engine
from tests.integration.sync.harness import Refused, SyncApi

REDIRECT = "http://127.0.0.1:8765/callback"
KEYS = {"client_id": "c", "client_secret": "s"}
SOON = (now() + timedelta(days=5)).isoformat()


class FakeFlow:
    """Takes the code `good` once."""

    needs = ("client_id", "client_secret")

    def __init__(self) -> None:
        self.taken: list[Granted] = []

    def authorize_url(self, account: ChannelAccount, redirect_uri: str, state: str) -> str:
        return f"https://platform.example/consent?client_id={account.credentials['client_id']}&state={state}"

    async def exchange(
        self, account: ChannelAccount, granted: Granted, transport: httpx2.AsyncBaseTransport | None = None
    ) -> Mapping[str, str]:
        if granted.code != "good" or self.taken:
            raise ChannelError(Outcome.AUTH, "invalid_grant")
        self.taken.append(granted)
        return {"refresh_token": "T0K3N", EXPIRES: SOON}


@pytest.fixture
def flow(engine: Engine) -> FakeFlow:
    made = FakeFlow()
    engine.connectors._registry._consents = lambda platform: made if platform == "EBAY" else None
    return made


@pytest.fixture
async def channel(api: SyncApi) -> Any:
    new = channel_pb2.Channel(platform=channel_pb2.Channel.EBAY, account="MEKONG")
    return await api.call("CreateChannel", pb.CreateChannelRequest(channel=new))


async def begin(api: SyncApi, channel: Any, **more: Any) -> Any:
    fields = {"id": channel.id, "redirect_uri": REDIRECT, "credentials": KEYS, **more}
    return await api.call("BeginConsent", consent_pb2.BeginConsentRequest(**fields))


async def finish(api: SyncApi, channel: Any, state: str, code: str = "good", role: str = "ADMIN") -> Any:
    request = consent_pb2.FinishConsentRequest(id=channel.id, state=state, code=code, credentials=KEYS)
    return await api.call("FinishConsent", request, role)


async def test_consent_stores_keys_and_tokens_and_shows_neither(
    api: SyncApi, engine: Engine, flow: FakeFlow, channel: Any
) -> None:
    begun = await begin(api, channel)
    assert begun.authorize_url.startswith("https://platform.example/consent?client_id=c&state=")
    assert "secret" not in begun.authorize_url
    connected = await finish(api, channel, begun.state)
    assert list(connected.credential_names) == ["client_id", "client_secret", EXPIRES, "refresh_token"]
    assert connected.connection == channel_pb2.Channel.CONNECTED
    assert "T0K3N" not in str(connected)
    assert [one.redirect_uri for one in flow.taken] == [REDIRECT]
    (status,) = (await api.call("GetSyncStatus", pb.GetSyncStatusRequest())).channels
    assert "hubctl channels connect" in status.warnings[0], "it ends in five days"


async def test_next_consent_needs_no_keys_and_ends_a_refusal(
    api: SyncApi, engine: Engine, flow: FakeFlow, channel: Any
) -> None:
    await finish(api, channel, (await begin(api, channel)).state)
    flow.taken.clear()
    begun = await begin(api, channel, credentials={})
    request = consent_pb2.FinishConsentRequest(id=channel.id, state=begun.state, code="good")
    assert "client_secret" in (await api.call("FinishConsent", request)).credential_names


async def test_code_that_is_refused_changes_nothing(api: SyncApi, flow: FakeFlow, channel: Any) -> None:
    state = (await begin(api, channel)).state
    for code in ("bad", "good", "good"):
        if code == "good" and not flow.taken:
            await finish(api, channel, state)
            continue
        with pytest.raises(Refused) as caught:
            await finish(api, channel, state, code)
        assert caught.value.reason == "CONSENT_REFUSED"


async def test_state_of_another_channel_or_time_is_refused(
    api: SyncApi, engine: Engine, flow: FakeFlow, channel: Any
) -> None:
    other = await api.call(
        "CreateChannel",
        pb.CreateChannelRequest(channel=channel_pb2.Channel(platform=channel_pb2.Channel.EBAY, account="USAV")),
    )
    states = [(await begin(api, other)).state, "rubbish", "ü"]
    old = await operations.begin_consent(
        engine.desk, channel.id, REDIRECT, KEYS, caller="user:ADMIN", now=now() - timedelta(minutes=11)
    )
    somebody_elses = await operations.begin_consent(
        engine.desk, channel.id, REDIRECT, KEYS, caller="user:EVE", now=now()
    )
    for state in (*states, old.state, somebody_elses.state):
        with pytest.raises(Refused) as caught:
            await finish(api, channel, state)
        assert caught.value.reason == "CONSENT_REFUSED"
    assert flow.taken == []


async def test_what_cannot_be_is_said_before_anybody_consents(api: SyncApi, flow: FakeFlow, channel: Any) -> None:
    with pytest.raises(Refused) as caught:
        await begin(api, channel, credentials={"client_id": "c"})
    assert caught.value.reason == "CREDENTIALS_MISSING"
    new = channel_pb2.Channel(platform=channel_pb2.Channel.ECWID, account="SHOP")
    shop = await api.call("CreateChannel", pb.CreateChannelRequest(channel=new))
    with pytest.raises(Refused) as caught:
        await begin(api, shop)
    assert caught.value.reason == "NO_CONSENT_FLOW"
    with pytest.raises(Refused) as caught:
        await begin(api, channel, redirect_uri="javascript:alert(1)")
    assert "redirect_uri" in caught.value.fields
