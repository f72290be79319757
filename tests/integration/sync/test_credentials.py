"""Another key for the secrets, and warnings before access ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from usav.sync.v1 import channel_pb2, sync_service_pb2

from chassis.clock import now
from sync_svc.channels.base import Outcome, PushResult
from sync_svc.domain.channel import Block
from sync_svc.storage.channels import list_channels
from sync_svc.storage.tables import channel
from sync_svc.vault import Vault
from tests.factories.sync.engine import KEY, Engine
from tests.factories.sync.platform import FakePlatform
from tests.integration.sync.harness import SyncApi

Channel = channel_pb2.Channel


async def _create(api: SyncApi, **credentials: str) -> Any:
    made = Channel(platform=Channel.EBAY, account="MEKONG", credentials=credentials, webhook_secrets={"s": "t"})
    return await api.call("CreateChannel", sync_service_pb2.CreateChannelRequest(channel=made))


async def _warnings(api: SyncApi) -> list[str]:
    (one,) = (await api.call("GetSyncStatus", sync_service_pb2.GetSyncStatusRequest())).channels
    return list(one.warnings)


async def test_reseal_puts_all_secrets_under_the_present_key(api: SyncApi, engine: Engine) -> None:
    made = await _create(api, refresh_token="r")
    lost = await engine.add_channel(account="LOST")
    async with engine.db.transaction() as conn:
        await conn.execute(update(channel).where(channel.c.id == lost.id).values(sealed_credentials=b"x" * 40))
    present = Vault(b"p" * 32)
    object.__setattr__(engine.desk, "vault", Vault(b"p" * 32, [KEY]))
    for _ in range(2):
        answer = await api.call("ResealCredentials", sync_service_pb2.ResealCredentialsRequest())
        assert (answer.resealed_count, list(answer.unreadable_channel_ids)) == (1, [lost.id])
    stored = next(one for one in await list_channels(engine.db) if one.id == made.id)
    place = {"platform": "EBAY", "account": "MEKONG"}
    assert present.open(stored.sealed_credentials, **place, use="credentials") == {"refresh_token": "r"}
    assert present.open(stored.sealed_webhook, **place, use="webhook") == {"s": "t"}
    assert stored.version == 2


async def test_consent_that_ends_is_warned_of_until_it_is_renewed(api: SyncApi) -> None:
    soon = now() + timedelta(days=20)
    made = await _create(api, refresh_token="r", consent_expires_at=soon.isoformat())
    assert await _warnings(api) == [
        f"The seller's consent ends on {soon:%Y-%m-%d}: consent again before (hubctl channels connect)."
    ]
    late = (now() + timedelta(days=400)).isoformat()
    for credentials, warned in (
        ({"refresh_token": "r", "consent_expires_at": "2020-01-01"}, True),
        ({"refresh_token": "r", "consent_expires_at": late}, False),
        ({"refresh_token": "r", "consent_expires_at": "soon"}, False),
    ):
        change = sync_service_pb2.UpdateChannelRequest(channel=Channel(id=made.id, credentials=credentials))
        await api.call("UpdateChannel", change)
        assert any("consent ended on 2020-01-01" in one for one in await _warnings(api)) is warned


async def test_refused_account_is_warned_of(api: SyncApi, engine: Engine, platform: FakePlatform) -> None:
    made = await _create(api, refresh_token="r")
    assert await _warnings(api) == []
    platform.refuse_with = PushResult(0, Outcome.AUTH, "revoked")
    await engine.notes.block(made.id, Block.AUTH, 60, "revoked")
    (warning,) = await _warnings(api)
    assert "give new credentials" in warning
