"""A backup is of one moment, is whole or not listed, and holds secrets only where nobody else can read them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import asyncpg
import pytest

from deploy.backup import create
from deploy.backup.create import read_secrets
from deploy.backup.errors import BackupError, BackupRefused
from deploy.backup.hub_secrets import HubSecrets, find_secrets, take_over
from deploy.backup.manifest import new_id
from deploy.backup.programs import output_of
from deploy.backup.prune import plan, prune
from deploy.backup.restore import check_secrets, load_schemas
from deploy.backup.retention import Retention
from deploy.backup.sealing import new_key, parse_key
from deploy.backup.verify import verify_backup
from deploy.local.migrate import MIGRATION_LOCK
from deploy.local.state import StateFolder
from tests.factories.databases import ROLE_SECRET, Databases
from tests.integration.backup.hubs import SECRETS, Desk, Hub, broken_after

WEEK = timedelta(days=7)


async def test_all_files_are_of_one_moment_under_writes(hub: Hub, desk: Desk, databases: Databases) -> None:
    """Two rows in two schemas are always written together, so a copy never has one without the other."""
    stop = asyncio.Event()

    async def write() -> int:
        connection = await asyncpg.connect(hub.url)
        count = 0
        while not stop.is_set():
            async with connection.transaction():
                await connection.execute("INSERT INTO auth.sign_in_throttles VALUES ($1, 1, now(), now())", f"k{count}")
                await connection.execute("INSERT INTO catalog.brand (name) VALUES ($1)", f"b{count}")
            count += 1
            await asyncio.sleep(0)
        await connection.close()
        return count

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    made = await desk.back_up(hub)
    stop.set()
    assert await writing > made.tables["auth.sign_in_throttles"].rows > 0
    assert made.tables["auth.sign_in_throttles"].rows == made.tables["catalog.brand"].rows - 2
    async with databases.empty("template0") as url:
        await load_schemas(desk.vault, made, url)
        query = "SELECT (SELECT count(*) FROM auth.sign_in_throttles) - (SELECT count(*) - 2 FROM catalog.brand)"
        assert await Hub(url).value(query) == 0


async def test_the_manifest_tells_what_an_operator_asks(hub: Hub, desk: Desk) -> None:
    before = datetime.now(UTC)
    made = await desk.back_up(hub)
    assert before <= made.started_at <= made.finished_at <= datetime.now(UTC)
    assert made.hub_version == "0.1.0"
    assert made.postgres_version.startswith("18.")
    assert made.tables["catalog.brand"].rows == 2
    assert set(made.heads) == {"auth", "catalog", "inventory", "sync"}
    assert [one.id for one in desk.vault.whole()] == [made.id] == [desk.vault.newest().id]
    verify_backup(desk.vault, made, desk.told.append)


@pytest.mark.parametrize("file", ["auth.dump", "sync.dump", "roles.json", "manifest.json"])
async def test_a_backup_that_breaks_off_is_not_listed(hub: Hub, desk: Desk, file: str) -> None:
    whole, put = await desk.back_up(hub), type(desk.store).put

    def break_off(store: object, name: str, chunks: Iterable[bytes]) -> None:
        put(desk.store, name, broken_after(iter(chunks), 0) if name.endswith(file) else chunks)

    with patch.object(type(desk.store), "put", break_off), pytest.raises(RuntimeError, match="crash"):
        await desk.back_up(hub)
    assert [one.id for one in desk.vault.whole()] == [whole.id]
    assert desk.vault.newest().id == whole.id
    broken = [name for name in desk.vault.ids() if name != whole.id]
    soon, later = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(days=2)
    assert plan(desk.vault, soon, Retention()).broken_off == []
    assert prune(desk.vault, later, Retention()).broken_off == broken
    assert desk.vault.ids() == [whole.id]


async def test_pg_dump_failing_fails_the_backup(hub: Hub, desk: Desk) -> None:
    failing = ["false"]

    def no_dump(*_: object) -> Iterator[bytes]:
        yield b"something"
        raise BackupError(f"pg_dump {failing}")

    with patch.object(create, "output_of", no_dump), pytest.raises(BackupError, match="pg_dump"):
        await desk.back_up(hub)
    assert desk.vault.whole() == []


async def test_a_migration_waits_for_the_backup(hub: Hub, desk: Desk) -> None:
    connection = await asyncpg.connect(hub.url)
    tries: list[bool] = []

    def dump(*arguments: object) -> Iterator[bytes]:
        tries.append(asyncio.run_coroutine_threadsafe(_try_lock(connection), loop).result(10))
        return output_of(*arguments)  # type: ignore[arg-type]  # handed on as it came

    loop = asyncio.get_running_loop()
    with patch.object(create, "output_of", dump):
        await desk.back_up(hub)
    assert tries == [False] * 4
    assert await _try_lock(connection)
    await connection.close()


async def _try_lock(connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATION_LOCK))


async def test_a_database_without_a_hub_is_told(desk: Desk, databases: Databases) -> None:
    async with databases.empty() as url:
        with pytest.raises(BackupRefused, match="no whole hub"):
            await desk.back_up(Hub(url))
    with pytest.raises(BackupError, match="cannot be reached"):
        await desk.back_up(Hub("postgresql://x:y@127.0.0.1:9/nowhere"))


async def test_secrets_go_along_only_when_sealed_and_of_this_hub(hub: Hub, desk: Desk) -> None:
    in_the_open = await desk.back_up(hub)
    assert not in_the_open.holds_secrets
    assert set(in_the_open.prints) == {"seal_key", "credential_key"}
    with pytest.raises(BackupRefused, match="holds no secrets"):
        read_secrets(desk.vault, in_the_open)
    assert b"seal-key-of-the-tests" not in b"".join(file.read_bytes() for file in desk.store.root.rglob("*.*"))
    desk.key = parse_key(new_key())
    sealed = await desk.back_up(hub)
    assert read_secrets(desk.vault, sealed) == dict(SECRETS.values)
    strangers = await desk.back_up(hub, HubSecrets(SECRETS.values, role_secret="of another hub"))
    assert not strangers.holds_secrets
    assert strangers.prints == {}


async def test_a_place_with_other_secrets_takes_them_over_or_refuses(hub: Hub, desk: Desk, tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.make()
    state.secrets.write_text(json.dumps({"seal_key": "new", "credential_key": "new", "postgres_password": "mine"}))
    here = find_secrets(state, {"HUB_ROLE_SECRET": ROLE_SECRET})
    in_the_open = await desk.back_up(hub)
    with pytest.raises(BackupRefused, match=r"HUB_CREDENTIAL_KEY, HUB_SEAL_KEY\. .*secrets\.json.*--without-secrets"):
        check_secrets(in_the_open, here)
    desk.key = parse_key(new_key())
    sealed = await desk.back_up(hub)
    assert check_secrets(sealed, here)
    with pytest.raises(BackupRefused, match="HUB_CREDENTIAL_KEY"):
        check_secrets(sealed, find_secrets(state, {"HUB_CREDENTIAL_KEY": "fixed by the environment"}))
    for _ in range(2):
        take_over(state, read_secrets(desk.vault, sealed), sealed.id)
    now = find_secrets(state, {})
    assert not check_secrets(sealed, now)
    assert json.loads(state.secrets.read_text()) == {**SECRETS.values, "postgres_password": "mine"}
    assert '"new"' in (state.path / f"secrets.json.before-{sealed.id}").read_text()


def test_a_container_is_given_its_secrets_in_files(tmp_path: Path) -> None:
    for name, content in (("seal", "seal-key\n"), ("keys", "first\n\nsecond\nthird\n"), ("roles", "role-secret")):
        (tmp_path / name).write_text(content)
    found = find_secrets(
        StateFolder(tmp_path / "state"),
        {
            "HUB_SEAL_KEY_FILE": str(tmp_path / "seal"),
            "HUB_CREDENTIAL_KEY_FILE": str(tmp_path / "keys"),
            "HUB_ROLE_SECRET_FILE": str(tmp_path / "roles"),
        },
    )
    assert found.values == {
        "seal_key": "seal-key",
        "credential_key": "first",
        "former_credential_keys": "second\nthird",
    }
    assert found.role_secret == "role-secret"
    # A machine that has the same key by itself needs nothing more once everything is sealed with it.
    here = HubSecrets({"seal_key": "seal-key", "credential_key": "first"})
    assert here.differing(HubSecrets({"seal_key": "seal-key", "credential_key": "first"}).prints()) == []
    assert here.differing(found.prints()) == ["former_credential_keys"]


async def test_pruning_keeps_by_the_calendar_and_removes_whole_backups(hub: Hub, desk: Desk) -> None:
    made = await desk.back_up(hub)
    ids = [made.id]
    for weeks in range(1, 6):  # The same backup, as if of earlier weeks.
        earlier = new_id(made.started_at - weeks * WEEK)
        _copy(desk, made.id, earlier)
        ids.append(earlier)
    done = prune(desk.vault, made.finished_at, Retention(daily=1, weekly=3, monthly=0))
    assert done.keep == sorted(ids[:3])
    assert sorted(done.remove) == sorted(ids[3:])
    assert desk.vault.ids() == sorted(ids[:3])
    assert prune(desk.vault, made.finished_at, Retention(daily=1, weekly=3, monthly=0)).remove == []


def _copy(desk: Desk, source: str, target: str) -> None:
    for file in (desk.store.root / source).iterdir():
        content = file.read_bytes()
        desk.store.put(f"{target}/{file.name}", [content.replace(source.encode(), target.encode())])
