"""The database of a state folder for a command that runs beside the hub or without it, as `make migrate` does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from deploy.local.secrets import Secrets, load_secrets
from deploy.local.settings import HubSettings
from deploy.local.state import StateFolder


@asynccontextmanager
async def own_database(settings: HubSettings) -> AsyncIterator[tuple[str, Secrets]]:
    """The administrator's address and the secrets; the embedded server is started for the while if no hub runs.

    Raises StateInUse while a hub is starting, and PostgresError.
    """
    state = StateFolder(settings.state)
    state.make()
    secrets = load_secrets(state.secrets, settings.environ)
    summary = state.read_summary()
    if settings.database_url:
        yield settings.database_url, secrets
    elif summary is not None and state.is_locked():
        yield place_of(state, summary.postgres_port, secrets).url(), secrets
    else:
        async with _started(state, secrets) as url:
            yield url, secrets


@asynccontextmanager
async def _started(state: StateFolder, secrets: Secrets) -> AsyncIterator[str]:
    with state.lock(), Ports() as ports:
        server = EmbeddedPostgres(place_of(state, ports.take_free(), secrets))
        try:
            await server.start()
            yield server.place.url()
        finally:
            await server.stop()


def place_of(state: StateFolder, port: int, secrets: Secrets) -> PostgresPlace:
    """The embedded server of a state folder, as it listens on a port."""
    return PostgresPlace(state.postgres, state.log("postgres"), port, secrets.postgres_password)
