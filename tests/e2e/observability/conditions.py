"""One trouble after the other, each made on a running hub, with the alerts that have to tell of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx2

from build_tools.layout import ROOT
from deploy.backup.manifest import NAME, new_id
from deploy.gateway.settings import Certificate
from deploy.local.certificates import Authority
from deploy.local.ports import Ports
from tests.e2e.conftest import clean_environment
from tests.e2e.observability.stage import Stage
from tests.factories.folders import scratch_folder
from tests.factories.stand_in import StandIn
from tests.integration.gateway.conftest import another_gateway

Condition = Callable[[Stage], AbstractAsyncContextManager[None]]
CONDITIONS: dict[str, tuple[Condition, set[str]]] = {}


def tells(*alerts: str) -> Callable[[Callable[[Stage], AsyncIterator[None]]], Condition]:
    """Registers a condition with the alerts that it has to set off."""

    def keep(make: Callable[[Stage], AsyncIterator[None]]) -> Condition:
        condition = asynccontextmanager(make)
        CONDITIONS[make.__name__] = (condition, set(alerts))
        return condition

    return keep


async def ask(stage: Stage, path: str, times: int = 1) -> list[int]:
    """The statuses of so many requests at once; 0 for none."""

    async def once() -> int:
        with suppress(httpx2.HTTPError):
            return (await stage.admin.get(path)).status_code
        return 0

    return list(await asyncio.gather(*(once() for _ in range(times))))


@asynccontextmanager
async def over_and_over(trouble: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """The trouble happens while the block runs, too: Prometheus sees growth only from a series' second scrape on."""

    async def go_on() -> None:
        while True:
            await trouble()
            await asyncio.sleep(0.2)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@tells("HubServiceDown", "HubNoReplica", "HubAnswersUnavailable", "HubGatewayFails", "HubFeedBehind")
async def catalog_is_gone(stage: Stage) -> AsyncIterator[None]:
    """What needs catalog fails where it is needed; the time of the feed's last word is set back instead of waited for."""
    catalog = stage.hub.processes["catalog"]
    receipt = {"sku": "77777-N", "count": 1, "location": "X"}

    async def call() -> None:
        assert (await stage.admin.post("/api/v1/inventory/receive", json=receipt)).status_code == 503
        await ask(stage, "/api/v1/families", times=5)

    await catalog.stop()
    try:
        await stage.run(
            "UPDATE sync.feed_position SET updated_at = now() - interval '2 minutes' WHERE feed = 'catalog'"
        )
        async with over_and_over(call):
            yield
    finally:
        await catalog.start()
        await stage.hub.wait_healthy()


@tells("HubServiceNotReady")
async def migrations_are_behind(stage: Stage) -> AsyncIterator[None]:
    """The schema says that it is older than the code."""
    current = await stage.value("SELECT version_num FROM catalog.alembic_version")
    set_it = "UPDATE catalog.alembic_version SET version_num = '{}'"
    async with stage.changed(set_it.format("0001"), set_it.format(current)):
        yield
    await stage.hub.wait_healthy()


@tells("HubUnforeseenErrors", "HubBackgroundWorkFails")
async def a_table_is_gone(stage: Stage) -> AsyncIterator[None]:
    """Calls and the work that closes holds meet what they cannot know."""
    gone = "ALTER TABLE inventory.{} RENAME TO {}"
    async with stage.changed(gone.format("item", "item_gone"), gone.format("item_gone", "item")):
        assert await ask(stage, "/api/v1/inventory?page_size=1") == [500]
        yield


@tells("HubSlow", "HubPoolExhausted")
async def a_table_is_locked(stage: Stage) -> AsyncIterator[None]:
    """More reads than there are connections wait for somebody else's lock."""

    async def lock() -> None:
        async with stage.locked("inventory.location"):
            reads = asyncio.create_task(ask(stage, "/api/v1/inventory/locations", times=24))
            await asyncio.sleep(1.6)
        await reads

    async with over_and_over(lock):
        yield


@tells("HubTooManyCalls")
async def there_are_too_many_calls(stage: Stage) -> AsyncIterator[None]:
    """While the first ones wait, catalog has no place for more; this hub's takes eight at once."""

    async def crowd() -> None:
        async with stage.locked("catalog.brand"):
            waiting = asyncio.create_task(ask(stage, "/api/v1/brands", times=8))
            await asyncio.sleep(0.2)
            await ask(stage, "/api/v1/families?page_size=1", times=30)
        await waiting

    async with over_and_over(crowd):
        yield


@tells("HubEventLoopBlocked")
async def a_process_gets_no_processor(stage: Stage) -> AsyncIterator[None]:
    """It is stopped for a second and more, as on a machine that is too busy."""
    pid = stage.hub.processes["catalog"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(1.5)
    os.kill(pid, signal.SIGCONT)
    yield


@tells("HubTrustLost")
async def auth_is_gone(stage: Stage) -> AsyncIterator[None]:
    """Nobody tells the others of ended sessions."""
    auth = stage.hub.processes["auth"]
    await auth.stop()
    try:
        yield
    finally:
        await auth.start()
        await stage.hub.wait_healthy()


@tells("HubFeedStuck")
async def a_transaction_stays_open(stage: Stage) -> AsyncIterator[None]:
    """A change that was committed a minute ago waits behind it; its time is set back instead of waited for."""
    other = await asyncpg.connect(stage.hub.database_url)
    try:
        await other.execute("BEGIN; SELECT pg_current_xact_id()")
        await stage.run(
            "INSERT INTO inventory.outbox (kind, key, payload, created_at)"
            " VALUES ('test', '', '', now() - interval '1 minute')"
        )
        yield
    finally:
        await stage.run("DELETE FROM inventory.outbox WHERE kind = 'test'")
        await other.close()


@tells("HubHoldsNotTidied")
async def holds_stay_after_their_end(stage: Stage) -> AsyncIterator[None]:
    """A hold ran out two minutes ago, and whoever tidies cannot get at the unit."""
    serial = await stage.unit()
    hold = await stage.admin.post(f"/api/v1/inventory/serial/{serial}/reserve", json={"order_reference": serial})
    assert hold.status_code == 200, hold.text
    other = await asyncpg.connect(stage.hub.database_url)
    try:
        ran_out = f"""
            UPDATE inventory.item SET reserved_until = now() - interval '2 minutes' WHERE serial_number = '{serial}';
            COMMIT; BEGIN; SELECT FROM inventory.item WHERE serial_number = '{serial}' FOR UPDATE"""
        # Without the triggers that keep times from being set back.
        await other.execute("SET session_replication_role = replica")
        await other.execute(f"BEGIN; {ran_out}")
        yield
    finally:
        await other.close()


@tells("HubListingsStuck", "HubListingErrors", "HubDriftAtRisk", "HubOrdersNeedAttention")
async def a_channel_has_troubles(stage: Stage) -> AsyncIterator[None]:
    """A listing that waits, one that failed and differs, and an order that nobody could match."""
    channel = await stage.channel("ECWID")
    insert = """INSERT INTO sync.listing (channel_id, variant_id, sku, platform_sku, created_at, next_attempt_at, error_class)
        VALUES ($1, 1, 'S', $2, now() - interval '1 hour', now() + interval '1 day', $3) RETURNING id"""
    await stage.run(insert, channel, "WAITS", None)
    failed = await stage.value(insert, channel, "FAILED", "PERMANENT")
    await stage.run(
        """INSERT INTO sync.drift (channel_id, listing_id, quantity, price, state, hub_quantity, live_quantity, live_state,
        currency, units_at_risk, money_at_risk) VALUES ($1, $2, true, false, false, 0, 2, 'LIVE', 'USD', 2, 99)""",
        channel,
        failed,
    )
    order = """INSERT INTO sync.channel_order (channel_id, external_order_id, status, paid)
        VALUES ($1, 'LOST', 'NEEDS_ATTENTION', true)"""
    await stage.run(order, channel)
    try:
        yield
    finally:
        await stage.run("DELETE FROM sync.drift; DELETE FROM sync.channel_order; DELETE FROM sync.listing")


@tells("HubChannelBlocked", "HubChannelNotPolled", "HubConsentEnds")
async def a_channel_is_refused(stage: Stage) -> AsyncIterator[None]:
    """An account that its platform no longer lets in."""
    channel = await stage.channel("AMAZON")
    refused = f"""UPDATE sync.channel SET block = 'AUTH', blocked_until = now() + interval '1 hour',
        last_poll_at = now() - interval '1 hour', next_poll_at = now() + interval '1 hour',
        consent_expires_at = now() + interval '3 days' WHERE id = {channel}"""
    again = f"""UPDATE sync.channel SET block = NULL, blocked_until = NULL, last_poll_at = now(), next_poll_at = now(),
        consent_expires_at = NULL WHERE id = {channel}"""
    async with stage.changed(refused, again):
        yield


@tells("HubQuotaLow")
async def a_quota_is_used_up(stage: Stage) -> AsyncIterator[None]:
    """Another process has used nearly all of the day's requests; this one learns of it when it next keeps its own."""
    channel = await stage.channel("ZOHO")
    assert await stage.value("SELECT count(*) FROM sync.daily_use WHERE channel_id = $1", channel)
    await stage.run("UPDATE sync.daily_use SET used = 4900 WHERE channel_id = $1", channel)
    ask_it = f"/api/v1/channels/{channel}/test"
    try:
        await stage.post(ask_it, {})
        yield
    finally:
        await stage.run("UPDATE sync.daily_use SET used = 1 WHERE channel_id = $1", channel)
        await stage.post(ask_it, {})


@tells("HubMarketplaceFails")
async def a_marketplace_is_away(stage: Stage) -> AsyncIterator[None]:
    """Nothing answers at the address of a channel."""
    channel = await stage.channel("ECWID")
    address = await stage.value("SELECT api_base_url FROM sync.channel WHERE id = $1", channel)
    move = "UPDATE sync.channel SET api_base_url = '{}', version = version + 1 WHERE id = {}"
    async with (
        stage.changed(move.format("http://127.0.0.1:9", channel), move.format(address, channel)),
        over_and_over(lambda: stage.admin.post(f"/api/v1/channels/{channel}/test", json={})),
    ):
        yield


@tells("HubPasswordsQueue")
async def everybody_signs_in(stage: Stage) -> AsyncIterator[None]:
    """More passwords at once than there are workers to check them."""
    form = {"grant_type": "password", "username": stage.hub.admin_user, "password": stage.hub.admin_password}
    async with AsyncExitStack() as crowd:
        # Each comes again at once: how fast passwords are checked here decides nothing.
        for _ in range(60):
            await crowd.enter_async_context(over_and_over(lambda: stage.admin.post("/api/v1/auth/token", data=form)))
        yield


@tells("HubSignInAlarm", "HubSigningKeyOld")
async def keys_and_passwords_are_in_danger(stage: Stage) -> AsyncIterator[None]:
    """Sixty guesses at one account, and a key that nobody changed for two months."""
    await stage.run(
        "INSERT INTO auth.sign_in_throttles (key, failures, last_failed_at, blocked_until) VALUES ('x@*', 60, now(), now())"
    )
    await stage.run("UPDATE auth.signing_keys SET signs_from = now() - interval '60 days'")
    try:
        yield
    finally:
        await stage.run("DELETE FROM auth.sign_in_throttles WHERE key = 'x@*'")
        await stage.run("UPDATE auth.signing_keys SET signs_from = now() - interval '1 hour'")


@tells("HubCertificateEnds")
async def a_certificate_ends(stage: Stage) -> AsyncIterator[None]:
    """A gateway whose certificate is good for five more days, beside the hub's own."""
    service = StandIn()
    await service.start()
    with scratch_folder() as folder:
        certificate = Certificate(folder / "chain.pem", folder / "key.pem")
        authority = Authority.make("Somebody")
        authority.issue(certificate.chain, certificate.key, ("localhost",), valid=timedelta(days=5))
        with Ports() as ports:
            metrics_port = ports.take_free()
            async with another_gateway(folder, service, tls=certificate, metrics_port=metrics_port):
                stage.more["gateway"] = f"http://127.0.0.1:{metrics_port}/metrics"
                yield
    stage.more.clear()
    await service.stop()


@tells("HubBackupOld", "HubBackupFails")
async def backups_fail(stage: Stage) -> AsyncIterator[None]:
    """The newest backup is two days old, and the database of which another is due hangs up after some seconds."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3)
        writer.close()

    database = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    database_port = database.sockets[0].getsockname()[1]
    with scratch_folder() as folder, Ports() as ports:
        old = folder / new_id(datetime.now(UTC) - timedelta(days=2))
        old.mkdir()
        (old / NAME).write_text("{}")
        port = ports.take_free()
        scheduler = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hubctl", "backup", "schedule"),
            cwd=ROOT,
            env={
                **clean_environment(),
                "HUB_STATE_DIR": str(folder / "state"),
                "DATABASE_URL": f"postgresql://nobody:nothing@127.0.0.1:{database_port}/hub",
                "HUB_BACKUP_TO": str(folder),
                "HUB_BACKUP_METRICS_PORT": str(port),
            },
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            stage.more["backup"] = f"http://127.0.0.1:{port}/metrics"
            yield
        finally:
            stage.more.clear()
            scheduler.kill()
            await scheduler.wait()
            database.close()
