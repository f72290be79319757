"""What a start makes, once, however often and by however many replicas."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from usav.auth.v1 import auth_service_pb2 as pb

from auth_svc.bootstrap import build
from auth_svc.domain.service_account import read_seeded_accounts
from chassis.server import start
from chassis.settings import SettingsError
from tests.factories.databases import Databases
from tests.integration.auth.harness import (
    ADMIN_PASSWORD,
    CLIENT_SECRET,
    AuthHub,
    refusal,
    settings_for,
    use_cheap_hashing,
)


@pytest.fixture
async def empty_database(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    use_cheap_hashing(monkeypatch)
    async with databases.clone("auth") as url:
        yield url


async def count(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM auth.{table}"))
    finally:
        await connection.close()


async def test_replicas_that_start_together_make_one_key_one_admin_and_one_account(
    empty_database: str, tmp_path: Path
) -> None:
    settings = settings_for(empty_database, tmp_path)
    services = await asyncio.gather(*(build(settings) for _ in range(5)))
    for table in ("signing_keys", "users", "service_accounts", "service_account_secrets"):
        assert await count(empty_database, table) == 1, table
    published = [await service.fetch_keys() for service in services]
    assert all(keys == published[0] for keys in published)
    for service in services:
        await service.db.close()


async def test_a_second_start_changes_nothing_not_even_a_given_password(empty_database: str, tmp_path: Path) -> None:
    first = await AuthHub.start(empty_database, tmp_path)
    tokens = await first.sign_in()
    await first.stop()
    second = await AuthHub.start(empty_database, tmp_path, admin_password="a quite different one")
    assert (await second.sign_in(password=ADMIN_PASSWORD)).access_token
    assert (await second.refresh(tokens.refresh_token)).access_token
    metadata = [("authorization", f"Bearer {tokens.access_token}")]
    assert (await second.stub.GetMe(pb.GetMeRequest(), metadata=metadata)).username == "admin"
    await second.stop()


async def test_without_a_password_one_is_made_and_kept_where_only_the_owner_reads(
    empty_database: str, tmp_path: Path
) -> None:
    hub = await AuthHub.start(empty_database, tmp_path / "deep" / "state", admin_password="", admin_user="boss_1")
    file = tmp_path / "deep" / "state" / "admin-password"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (await hub.sign_in("boss_1", file.read_text().strip())).access_token
    await hub.stop()


async def test_a_short_admin_password_stops_the_start_and_names_the_setting(
    empty_database: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="HUB_ADMIN_PASSWORD"):
        await build(settings_for(empty_database, tmp_path, admin_password="short"))
    assert await count(empty_database, "users") == 0


async def test_the_private_key_is_not_readable_in_the_database(empty_database: str, tmp_path: Path) -> None:
    service = await build(settings_for(empty_database, tmp_path))
    connection = await asyncpg.connect(empty_database)
    sealed = await connection.fetchval("SELECT sealed_private_key FROM auth.signing_keys")
    await connection.close()
    assert "PRIVATE" not in sealed
    await service.db.close()


async def test_another_sealing_key_makes_a_new_signing_key_and_still_publishes_the_former(
    empty_database: str, tmp_path: Path
) -> None:
    before = await build(settings_for(empty_database, tmp_path))
    former = await before.fetch_keys()
    await before.db.close()
    hub = await AuthHub.start(empty_database, tmp_path, key_encryption_key="another key")
    keys = await hub.running.service.fetch_keys()
    assert len(keys) == 2
    assert former[0] in keys
    metadata = [("authorization", f"Bearer {(await hub.sign_in()).access_token}")]
    assert (await hub.stub.GetMe(pb.GetMeRequest(), metadata=metadata)).username == "admin"
    await hub.stop()


async def test_a_changed_secret_of_the_settings_replaces_the_former(empty_database: str, tmp_path: Path) -> None:
    first = await AuthHub.start(empty_database, tmp_path)
    await first.stop()
    accounts = read_seeded_accounts(f"sync-svc:{CLIENT_SECRET} v2:SALES_REP")
    second = await AuthHub.start(empty_database, tmp_path, service_accounts=accounts)
    former = pb.IssueTokenRequest(grant_type="client_credentials", client_id="sync-svc", client_secret=CLIENT_SECRET)
    assert (await refusal(second.stub.IssueToken(former))).reason == "CLIENT_WRONG"
    former.client_secret += " v2"
    assert (await second.stub.IssueToken(former)).access_token
    await second.stop()


async def test_a_token_of_one_replica_is_good_at_another(empty_database: str, tmp_path: Path) -> None:
    one = await AuthHub.start(empty_database, tmp_path)
    settings = dataclasses.replace(settings_for(empty_database, tmp_path))
    other = await start(await build(settings), settings)
    tokens = await one.sign_in()
    verifier_answers = await other.service.fetch_keys()
    assert verifier_answers == await one.running.service.fetch_keys()
    assert (await one.refresh(tokens.refresh_token)).access_token
    await other.stop()
    await one.stop()
