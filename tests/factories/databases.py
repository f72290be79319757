"""Migrated databases for tests: every schema is migrated once into a template, which Postgres then copies in a moment."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from deploy.local import roles
from deploy.local.environment import role_url
from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from deploy.local.secrets import role_password
from tests.factories.folders import scratch_folder

ROLE_SECRET = "role-secret-of-the-tests"


class Databases:
    """One server with a template per set of schemas. Addresses are the administrator's unless said otherwise."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self._templates: set[str] = set()

    def url(self, database: str = "postgres") -> str:
        """The administrator's address of a database."""
        return self.server.place.url(database)

    @asynccontextmanager
    async def clone(self, *schemas: str) -> AsyncIterator[str]:
        """A fresh copy with these schemas migrated, roles and grants as in production; dropped at the end."""
        template = await self._template(schemas)
        async with self.empty(template) as url:
            connection = await asyncpg.connect(url)
            for schema in schemas:
                await roles.prepare_schema(connection, url.rpartition("/")[2], schema, ROLE_SECRET)
            await connection.close()
            yield url

    @asynccontextmanager
    async def empty(self, template: str = "template1") -> AsyncIterator[str]:
        """A database without any schema of ours."""
        name = f"test_{secrets.token_hex(6)}"
        await self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self.url(name)
        finally:
            await self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    @staticmethod
    def as_service(url: str, schema: str) -> str:
        """The same database as the service's own role sees it."""
        role = roles.role_of(schema)
        return role_url(url, role, role_password(ROLE_SECRET, role))

    async def _template(self, schemas: tuple[str, ...]) -> str:
        name = "_".join(("template", *schemas))
        if name not in self._templates:
            await migrate(self.url(name), ROLE_SECRET, schemas)
            self._templates.add(name)
        return name

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def scratch_server() -> AsyncIterator[Databases]:
    """A Postgres of its own, without the safety a test does not need."""
    with scratch_folder() as folder, Ports() as ports:
        place = PostgresPlace(folder / "postgres", folder / "postgres.log", ports.take_free(), secrets.token_hex(16))
        server = EmbeddedPostgres(place, {"fsync": "off", "full_page_writes": "off"})
        await server.start()
        try:
            yield Databases(server)
        finally:
            await server.stop()
