"""What was backed up is there again, on an empty place and on one in use; and what must not happen does not."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

import asyncpg
import pytest

from chassis.database import Database
from chassis.feed import Checkpoint, Entry, Feed, ResumeTokenExpired
from chassis.outbox import OutboxRow, append
from chassis.seal import Seal
from deploy.backup import restore as restoring
from deploy.backup.after_restore import Channels, begin_anew
from deploy.backup.drill import prove
from deploy.backup.errors import BackupDamaged, BackupError, BackupRefused
from deploy.backup.manifest import Manifest
from deploy.backup.sealing import new_key, parse_key
from deploy.backup.snapshot import snapshot
from deploy.backup.target import target_of
from inventory_svc.storage.tables import OUTBOX
from tests.factories.databases import Databases
from tests.integration.backup.hubs import Desk, Hub


async def names_of(hub: Hub) -> object:
    return await hub.value("SELECT array_agg(name ORDER BY name) FROM catalog.brand")


async def test_everything_is_there_again_for_who_has_the_key(hub: Hub, desk: Desk, elsewhere: Hub) -> None:
    desk.key = parse_key(new_key())
    made = await desk.back_up(hub)
    assert made.holds_secrets
    assert b"catalog" not in desk.file(made, "catalog.dump").read_bytes()
    right, desk.key = desk.key, parse_key(new_key())
    with pytest.raises(BackupDamaged, match="another key"):
        desk.vault.manifest(made.id)
    desk.key = None
    with pytest.raises(BackupError, match="HUB_BACKUP_KEY"):
        await desk.restore(made, elsewhere.url)
    desk.key = right
    await desk.restore(made, elsewhere.url)
    async with snapshot(hub.url) as before, snapshot(elsewhere.url) as after:
        was, now = await before.tables(), await after.tables()
    assert made.tables == was
    assert {name for name in was if was[name] != now[name]} == {
        *("auth.outbox_state", "catalog.outbox_state", "inventory.outbox_state", "inventory.outbox"),
        *("auth.sessions", "auth.signing_keys", "sync.channel"),
    }
    assert await elsewhere.value("SELECT sealed_credentials FROM sync.channel") == b"\x01\x02"
    assert await prove(elsewhere.url) == {"units": 0, "movements": 0}
    service = Hub(Databases.as_service(elsewhere.url, "catalog"))
    await service.run("INSERT INTO brand (name) VALUES ('New')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.run("SELECT 1 FROM auth.users")


async def test_a_hub_in_use_is_replaced_only_when_told_to(hub: Hub, desk: Desk, databases: Databases) -> None:
    made = await desk.back_up(hub)
    await hub.run("INSERT INTO catalog.brand (name) VALUES ('Later')")
    with pytest.raises(BackupRefused, match=r"1 users, 0 families, 0 units, 0 listings.*--force"):
        await desk.restore(made, hub.url)
    session = await asyncpg.connect(hub.url)
    service = Hub(Databases.as_service(hub.url, "catalog"))
    seen: list[str] = []

    async def look(*_: object) -> None:
        with pytest.raises(asyncpg.TooManyConnectionsError) as refused:
            await service.value("SELECT 1")
        seen.append(refused.value.sqlstate)
        with pytest.raises(BackupRefused, match="another restore"):
            await desk.restore(made, hub.url, force=True)

    with patch.object(restoring, "check_rows", look):
        await desk.restore(made, hub.url, force=True)
    assert seen == ["53300"]
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await session.execute("SELECT 1")
    assert "Later" not in str(await service.value("SELECT array_agg(name) FROM brand"))
    # What was replaced is kept for a while.
    former = Hub(f"{hub.url}_before_restore")
    assert "Later" in str(await names_of(former))
    await Hub(databases.url()).run(f'DROP DATABASE "{former.url.rpartition("/")[2]}"')


@pytest.mark.parametrize("step", ["_load", "migrate", "broken_references"])
async def test_whatever_breaks_it_leaves_the_former_hub_online(hub: Hub, desk: Desk, step: str) -> None:
    made = await desk.back_up(hub)
    await hub.run("INSERT INTO catalog.brand (name) VALUES ('Later')")
    service = Hub(Databases.as_service(hub.url, "catalog"))
    with patch.object(restoring, step, side_effect=RuntimeError("crash")), pytest.raises(RuntimeError, match="crash"):
        await desk.restore(made, hub.url, force=True)
    assert "Later" in str(await service.value("SELECT array_agg(name) FROM brand"))
    assert not await hub.value("SELECT 1 FROM pg_database WHERE datname = current_database() || '_restoring'")


async def test_after_a_kill_in_the_middle_it_can_be_run_again_or_taken_back(hub: Hub, desk: Desk) -> None:
    made = await desk.back_up(hub)
    async with target_of(hub.url) as target:  # What a process leaves that is killed while it restores.
        await target.close()
        await target.make_draft()
    service = Hub(Databases.as_service(hub.url, "catalog"))
    with pytest.raises(asyncpg.TooManyConnectionsError):
        await service.value("SELECT 1")
    with pytest.raises(BackupRefused, match="a broken-off restore took offline"):
        await desk.restore(made, hub.url)
    async with target_of(hub.url) as target:
        await target.open()
    assert await service.value("SELECT 1") == 1
    async with target_of(hub.url) as target:
        await target.close()
    await desk.restore(made, hub.url, force=True, keep_former=False)
    assert await service.value("SELECT 1") == 1


@pytest.mark.parametrize(
    ("name", "damage"), [("auth.dump", "flip"), ("catalog.dump", "cut"), ("sync.dump", "gone"), ("roles.json", "flip")]
)
async def test_a_damaged_backup_is_noticed_before_the_hub_is_touched(
    hub: Hub, desk: Desk, name: str, damage: str
) -> None:
    made = await desk.back_up(hub)
    file = desk.file(made, name)
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content[:-3] if damage == "cut" else content))
    if damage == "gone":
        file.unlink()
    with pytest.raises(BackupDamaged, match=name.replace(".", r"\.")):
        await desk.restore(made, hub.url, force=True)
    assert "the hub is taken offline" not in desk.told


async def test_rows_that_are_not_what_they_were_are_noticed(hub: Hub, desk: Desk) -> None:
    made = await desk.back_up(hub)
    tables = {name: {"rows": one.rows, "hash": one.hash} for name, one in made.tables.items()}
    tables["catalog.brand"]["hash"] = "1"
    desk.rewrite(made, tables=tables)
    with pytest.raises(BackupDamaged, match=r"not what they were.*: catalog\.brand$"):
        await desk.restore(desk.vault.manifest(made.id), hub.url, force=True)
    assert await Hub(Databases.as_service(hub.url, "catalog")).value("SELECT 1") == 1


async def test_a_backup_of_a_newer_hub_is_refused(hub: Hub, desk: Desk, elsewhere: Hub) -> None:
    made = await desk.back_up(hub)
    desk.rewrite(made, heads={**made.heads, "sync": "9999"}, hub_version="7.0")
    with pytest.raises(BackupRefused, match=r"hub 7\.0, whose sync schema"):
        await desk.restore(desk.vault.manifest(made.id), elsewhere.url)


async def test_a_backup_of_an_older_hub_is_brought_up_to_date(databases: Databases, desk: Desk, elsewhere: Hub) -> None:
    async with databases.clone("auth", "catalog", "inventory", "sync") as url:
        hub = Hub(url)
        await hub.fill()
        await _downgrade(url, "sync")
        made = await desk.back_up(hub)
    assert made.heads["sync"] < await _head(elsewhere, desk, made)
    assert await elsewhere.value("SELECT account FROM sync.channel") == "USAV"


async def _head(elsewhere: Hub, desk: Desk, made: Manifest) -> str:
    await desk.restore(made, elsewhere.url)
    return str(await elsewhere.value("SELECT version_num FROM sync.alembic_version"))


async def _downgrade(url: str, schema: str) -> None:
    from alembic import command
    from sqlalchemy import Connection

    from build_tools.migrations_check import migrations_of, on_connection

    def down(connection: Connection) -> list[str]:
        command.downgrade(migrations_of(f"{schema}_svc").config(connection), "-1")
        connection.commit()
        return []

    await on_connection(url, down)


async def test_another_role_secret_does_not_lock_the_services_out(hub: Hub, desk: Desk) -> None:
    made = await desk.back_up(hub)
    with pytest.raises(BackupRefused, match="HUB_ROLE_SECRET"):
        await desk.restore(made, hub.url, force=True, role_secret="another")
    assert await Hub(Databases.as_service(hub.url, "catalog")).value("SELECT 1") == 1


async def test_watch_tokens_of_before_are_refused_and_the_feed_goes_on(hub: Hub) -> None:
    db = await Database.open(hub.url, schema="inventory", pool_size=2)
    feed = Feed(db, OUTBOX, Seal("key"))
    token = await feed.current_token()
    await begin_anew(hub.url)
    with pytest.raises(ResumeTokenExpired):
        await anext(feed.follow(token))
    following = feed.follow("")
    assert isinstance(await anext(following), Checkpoint)
    async with db.transaction() as conn:
        await append(conn, OUTBOX, [OutboxRow("stock", "7", b"x")])
    async with asyncio.timeout(3):
        found = await anext(following)
    assert isinstance(found, Entry)
    assert found.key == "7"
    await following.aclose()  # type: ignore[attr-defined]  # an async generator
    await db.close()


async def test_sessions_and_keys_of_before_are_void(hub: Hub) -> None:
    await begin_anew(hub.url)
    assert await hub.value("SELECT count(*) FROM auth.sessions WHERE ended_at IS NULL") == 0
    assert await hub.value("SELECT count(*) FROM auth.signing_keys") == 0


@pytest.mark.parametrize(
    ("channels", "state", "credentials"),
    [
        (Channels.AS_THEY_WERE, "ACTIVE", b"\x01\x02"),
        (Channels.PAUSED, "PAUSED", b"\x01\x02"),
        (Channels.WITHOUT_CREDENTIALS, "PAUSED", None),
    ],
)
async def test_what_a_restored_hub_may_do_to_marketplaces(
    hub: Hub, channels: Channels, state: str, credentials: bytes | None
) -> None:
    await begin_anew(hub.url, channels)
    assert await hub.value("SELECT state FROM sync.channel") == state
    assert await hub.value("SELECT sealed_credentials FROM sync.channel") == credentials
