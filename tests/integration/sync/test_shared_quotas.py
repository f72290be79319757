"""Eight processes of one account stay together within what its platforms allow, by the sandbox's own count."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from chassis.database import Database
from sandbox.sandbox import Sandbox
from sync_svc.channels.base import Channel, ChannelError, ListingState
from tests.factories.sync.engine import Engine
from tests.factories.sync.sandboxed import ACCOUNTS, Box, add_channel, close, replica
from tests.factories.sync.upstream import FakeHub

REPLICAS = 8
SECONDS = 2.0


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Sandbox(0, None) as sandbox, httpx2.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
        yield Box(client)


@pytest.fixture
async def replicas(db: Database, hub: FakeHub) -> AsyncIterator[list[Engine]]:
    made = [replica(db, hub, owner=f"replica-{number}") for number in range(REPLICAS)]
    yield made
    await close(made)


async def _connectors(replicas: list[Engine], box: Box, platform: str, account: str) -> list[Channel]:
    channel = await add_channel(replicas[0], box, platform, account)
    return [one.connectors.of(channel) for one in replicas]


async def _read_on(connector: Channel, calls: list[int]) -> None:
    """Reads as fast as it is let, until cancelled."""
    state = ListingState(1, "SKU-1")
    while True:
        try:
            await connector.read([state])
            calls.append(1)
        except ChannelError as error:
            if error.code != "QUOTA":
                raise
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("platform", "account"), ACCOUNTS, ids=[platform for platform, _ in ACCOUNTS])
async def test_eight_processes_make_no_call_over_quota(
    replicas: list[Engine], box: Box, platform: str, account: str
) -> None:
    connectors = await _connectors(replicas, box, platform, account)
    calls: list[int] = []
    readers = [asyncio.ensure_future(_read_on(connector, calls)) for connector in connectors for _ in range(3)]
    await asyncio.wait(readers, timeout=SECONDS)
    for reader in readers:
        reader.cancel()
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes
    assert await box.over_quota() == {}
    assert len(calls) >= REPLICAS, "and the account's calls are used"


@pytest.mark.parametrize(("platform", "account"), [("ZOHO", "USAV"), ("AMAZON", "MAIN"), ("EBAY", "MEKONG")])
async def test_eight_processes_share_one_access_token(
    replicas: list[Engine], box: Box, platform: str, account: str
) -> None:
    connectors = await _connectors(replicas, box, platform, account)
    await asyncio.gather(*(connector.check() for connector in connectors))
    fetched = [call for call in await box.calls_since(0, platform=platform) if "token" in call["operation"]]
    assert len(fetched) == 1, fetched
    assert {connector.token_expires_at() is None for connector in connectors} == {False}


async def test_revoked_token_is_replaced_once_for_all(replicas: list[Engine], box: Box) -> None:
    connectors = await _connectors(replicas, box, "ZOHO", "USAV")
    await asyncio.gather(*(connector.check() for connector in connectors))
    await box.post("faults", kind="token_expired", platform="ZOHO", count=1)
    await asyncio.gather(*(connector.check() for connector in connectors))
    fetched = [call for call in await box.calls_since(0, platform="ZOHO") if "token" in call["operation"]]
    assert len(fetched) == 2, fetched


async def test_silence_one_was_asked_for_is_kept_by_all(replicas: list[Engine], box: Box) -> None:
    connectors = await _connectors(replicas, box, "ECWID", "USAV")
    await asyncio.gather(*(connector.check() for connector in connectors))
    await box.post("faults", kind="rate_limited", platform="ECWID", retry_after=30, count=1)
    with contextlib.suppress(ChannelError):
        await connectors[0].check()
    # What another process has drawn ahead it may use for half a second yet.
    await asyncio.sleep(0.6)
    before = await box.cursor()
    answers = await asyncio.gather(*(connector.check() for connector in connectors), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ChannelError] * REPLICAS
    assert await box.calls_since(before) == []
