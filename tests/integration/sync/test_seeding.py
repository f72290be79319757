"""The sandbox's accounts become channels, each once, whatever stands in the way of the others."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from sync_svc.channels.base import ChannelAccount
from sync_svc.channels.registry import ChannelRegistry, ConnectorBroken
from sync_svc.connectors import Connectors
from sync_svc.operations import seed_sandbox
from sync_svc.operations.seed_sandbox import Account
from sync_svc.storage.channels import list_channels, update_channel
from sync_svc.storage.tables import channel
from tests.factories.sync.engine import Engine

_SANDBOX = "http://127.0.0.1:9"


def _account(platform: str, name: str, base: str = _SANDBOX) -> Account:
    return Account.parse(
        {
            "platform": platform,
            "account": name,
            "api_base_url": f"{base}/{platform.lower()}",
            "token_url": f"{base}/token",
            "credentials": {"token": "t"},
            "options": {"queue_url": f"{base}/queue", "aws_region": "us-east-1"},
        }
    )


async def _seed(engine: Engine, *accounts: Account) -> list[str]:
    await seed_sandbox._channels_of(engine.desk, accounts)
    return [one.account for one in await list_channels(engine.db)]


async def test_seeding_that_was_cut_off_goes_on_at_the_next_start(engine: Engine) -> None:
    assert await _seed(engine, _account("EBAY", "MEKONG")) == ["MEKONG"]
    both = (_account("EBAY", "MEKONG"), _account("EBAY", "DRAGON"))
    assert await _seed(engine, *both) == ["MEKONG", "DRAGON"]
    assert await _seed(engine, *both) == ["MEKONG", "DRAGON"]


async def test_channel_that_was_removed_is_not_made_again(engine: Engine) -> None:
    await _seed(engine, _account("EBAY", "MEKONG"))
    async with engine.db.transaction() as conn:
        await conn.execute(delete(channel))
    assert await _seed(engine, _account("EBAY", "MEKONG")) == []


async def test_changed_channel_stays_and_only_follows_the_sandbox(engine: Engine) -> None:
    await _seed(engine, _account("EBAY", "MEKONG"))
    (made,) = await list_channels(engine.db)
    async with engine.db.transaction() as conn:
        await update_channel(
            conn,
            made.id,
            {"display_name": "Ours", "buffer_units": 3, "options": {**made.options, "aws_region": "eu-west-1"}},
        )
    await _seed(engine, _account("EBAY", "MEKONG", "http://127.0.0.1:10"))
    (moved,) = await list_channels(engine.db)
    assert (moved.display_name, moved.rules.buffer_units) == ("Ours", 3)
    assert moved.api_base_url == "http://127.0.0.1:10/ebay"
    assert moved.options == {"queue_url": "http://127.0.0.1:10/queue", "aws_region": "eu-west-1"}


async def test_hub_that_speaks_with_a_real_platform_is_left_alone(engine: Engine) -> None:
    await engine.add_channel(account="REAL", api_base_url="https://api.ebay.com")
    assert await _seed(engine, _account("EBAY", "MEKONG")) == ["REAL"]


@pytest.mark.parametrize("broken", [ConnectorBroken("half-written"), ValueError("token is missing")])
async def test_connector_that_does_not_load_keeps_no_other_waiting(engine: Engine, broken: Exception) -> None:
    def refuse(account: ChannelAccount) -> Any:
        raise broken

    good = engine._factory("EBAY")
    object.__setattr__(
        engine.desk, "connectors", Connectors(ChannelRegistry({"ZOHO": refuse, "EBAY": good}), engine.vault)
    )
    both = (_account("ZOHO", "BOOKS"), _account("EBAY", "MEKONG"))
    assert await _seed(engine, *both) == ["MEKONG"]
    mended = Connectors(ChannelRegistry({"ZOHO": good, "EBAY": good}), engine.vault)
    object.__setattr__(engine.desk, "connectors", mended)
    assert await _seed(engine, *both) == ["MEKONG", "BOOKS"]
