"""The migration step: from nothing to all schemas, again without effect, twice at once, each role shut into its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from deploy.local.environment import role_url
from deploy.local.migrate import SCHEMAS, MigrationError, database_of, grants_of, migrate
from deploy.local.secrets import role_password
from tests.factories.databases import ROLE_SECRET, Databases


@pytest.fixture(scope="module")
async def url(databases: Databases) -> AsyncIterator[str]:
    async with databases.clone(*SCHEMAS) as made:
        yield made


async def catalogue(url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(
            """
            SELECT table_schema, table_name, grantee, privilege_type FROM information_schema.table_privileges
            WHERE table_schema = ANY($1) ORDER BY 1, 2, 3, 4
            """,
            list(SCHEMAS),
        )
    finally:
        await connection.close()


async def test_a_second_run_changes_nothing(url: str) -> None:
    before = await catalogue(url), await passwords(url)
    await migrate(url, ROLE_SECRET)
    assert (await catalogue(url), await passwords(url)) == before


async def passwords(url: str) -> list[asyncpg.Record]:
    """As they are stored: salted anew, they would shut out a pooler that signs in with what is stored."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(
            "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'hub\\_%' ORDER BY 1"
        )
    finally:
        await connection.close()


async def test_two_runs_at_once_make_one_database(databases: Databases) -> None:
    url = databases.url(f"twice_{secrets.token_hex(4)}")
    await asyncio.gather(migrate(url, ROLE_SECRET), migrate(url, ROLE_SECRET))
    schemas = {row["table_schema"] for row in await catalogue(url)}
    assert {"auth", "catalog", "inventory", "sync"} >= schemas >= {"auth"}


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_a_role_reads_its_own_schema_and_no_other(url: str, schema: str) -> None:
    connection = await asyncpg.connect(Databases.as_service(url, schema))
    try:
        for other, table in await _tables(url):
            statement = f'SELECT count(*) FROM "{other}"."{table}"'
            if other == schema:
                await connection.fetchval(statement)
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_a_role_cannot_change_structure(url: str, schema: str) -> None:
    connection = await asyncpg.connect(Databases.as_service(url, schema))
    try:
        for statement in (f"CREATE TABLE {schema}.x ()", "CREATE TABLE public.x ()", "CREATE SCHEMA x"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_a_role_has_the_rights_its_service_names(url: str, schema: str) -> None:
    held: dict[str, set[str]] = {}
    for row in await catalogue(url):
        if (row["table_schema"], row["grantee"]) == (schema, f"hub_{schema}"):
            held.setdefault(row["table_name"], set()).add(row["privilege_type"])
    for table, rights in grants_of(schema).items():
        assert held[table] == {right.strip() for right in rights.split(",")}, table
    if held:
        assert held["alembic_version"] == {"SELECT"}


async def test_a_role_has_limits_and_its_search_path(url: str) -> None:
    connection = await asyncpg.connect(Databases.as_service(url, "catalog"))
    try:
        assert await connection.fetchval("SHOW search_path") == "catalog"
        assert await connection.fetchval("SHOW statement_timeout") == "1min"
        assert await connection.fetchval("SHOW lock_timeout") == "10s"
        assert await connection.fetchval("SHOW jit") == "off"
        assert await connection.fetchval("SHOW timezone") == "UTC"
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "30s"
    finally:
        await connection.close()


async def test_another_secret_changes_the_passwords(databases: Databases) -> None:
    async with databases.empty() as url:
        await migrate(url, "another secret", ("auth",))
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(Databases.as_service(url, "auth"))
        changed = role_url(url, "hub_auth", role_password("another secret", "hub_auth"))
        await (await asyncpg.connect(changed)).close()
        await migrate(url, ROLE_SECRET, ("auth",))


async def test_a_wrong_administrator_is_told_so(databases: Databases) -> None:
    wrong = role_url(databases.url("anything"), "nobody", "wrong")
    with pytest.raises(MigrationError, match="DATABASE_URL"):
        await migrate(wrong, ROLE_SECRET)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://a:b@h:1/hub", "hub"),
        ("postgresql://a:b@h1:1,h2:2/hub?target_session_attrs=primary", "hub"),
        ("postgresql://a:b@h/my%20hub", "my hub"),
    ],
)
def test_the_database_of_an_address(url: str, name: str) -> None:
    assert database_of(url) == name


def test_an_address_without_a_database_is_refused() -> None:
    with pytest.raises(MigrationError, match="DATABASE_URL"):
        database_of("postgresql://a:b@h:1/")


async def _tables(url: str) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY($1)", list(SCHEMAS)
        )
    finally:
        await connection.close()
    return [(row["schemaname"], row["tablename"]) for row in rows]
