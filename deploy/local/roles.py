"""The database roles of the services: each may use its own schema and nothing else.

Tables belong to the administrator; a service's role gets what its `GRANTS` say, by default to read and change rows. Everything
here may be repeated, also by two runs at once.
"""

from __future__ import annotations

import asyncpg

from deploy.local.scram import is_secret_of
from deploy.local.secrets import role_password

_EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_VERSION_TABLE = {"alembic_version": "SELECT"}
# Of every session, also where a pooler lets no service ask for them: see chassis.connections.
_SESSION = {"timezone": "UTC", "jit": "off"}
# A statement or transaction that takes longer has lost its caller long ago.
_LIMITS = {
    "statement_timeout": "60s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
}


def role_of(schema: str) -> str:
    """The role that works in a schema."""
    return f"hub_{schema}"


async def prepare_schema(connection: asyncpg.Connection, database: str, schema: str, role_secret: str) -> None:
    """Makes the schema and its role, or brings the role's password and limits up to date."""
    role = role_of(schema)
    async with connection.transaction():
        await _ensure_role(connection, role, role_password(role_secret, role))
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        await connection.execute(f'REVOKE ALL ON SCHEMA "{schema}" FROM PUBLIC')
        await connection.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO "{role}"')
        await connection.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{database}" TO "{role}"')
        for name, value in {**_LIMITS, **_SESSION, "search_path": schema}.items():
            await connection.execute(f'ALTER ROLE "{role}" IN DATABASE "{database}" SET {name} = "{value}"')


async def close_database(connection: asyncpg.Connection, database: str) -> None:
    """Takes away what Postgres gives every role: to connect, and to use the public schema."""
    await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
    await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


async def grant(connection: asyncpg.Connection, schema: str, grants: dict[str, str]) -> None:
    """Gives the schema's role exactly `grants`, and everything on tables that are not named; in one transaction."""
    role = role_of(schema)
    rules = {**grants, **_VERSION_TABLE}
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
    async with connection.transaction():
        await connection.execute(f'REVOKE ALL ON ALL TABLES IN SCHEMA "{schema}" FROM "{role}"')
        for (table,) in tables:
            rights = rules.get(table, _EVERYTHING)
            await connection.execute(f'GRANT {rights} ON TABLE "{schema}"."{table}" TO "{role}"')
        await connection.execute(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{schema}" TO "{role}"')
        await _grant_functions(connection, schema, role)


async def _grant_functions(connection: asyncpg.Connection, schema: str, role: str) -> None:
    """Triggers fire without a right to their functions, and one that runs as its owner may serve no trigger but the hub's."""
    await connection.execute(f'REVOKE ALL ON ALL FUNCTIONS IN SCHEMA "{schema}" FROM "{role}"')
    callable_ones = await connection.fetch(
        "SELECT oid::regprocedure::text AS function FROM pg_proc"
        " WHERE pronamespace = $1::text::regnamespace AND prorettype <> 'trigger'::regtype",
        schema,
    )
    for (function,) in callable_ones:
        await connection.execute(f'GRANT EXECUTE ON FUNCTION {function} TO "{role}"')


async def _ensure_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    # Roles belong to the whole cluster, so a run on another database of it may make the same one at this moment.
    await connection.execute(
        f"""
        DO $$ BEGIN
            CREATE ROLE "{role}" LOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    if not await _has_password(connection, role, password):
        await connection.execute(f"ALTER ROLE \"{role}\" LOGIN PASSWORD '{password}'")


async def _has_password(connection: asyncpg.Connection, role: str, password: str) -> bool:
    """Whether it need not be set again: that would salt it anew, and a pooler that signs in with the secret would be shut out.

    Only a superuser can look; another administrator sets it each time.
    """
    if not await connection.fetchval("SELECT has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT')"):
        return False
    stored = await connection.fetchval("SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1", role)
    return is_secret_of(stored or "", password)
