"""Ready means: the database answers and its schema is at least as new as this code.

Checked every second while connections to the database are being opened or it is not ready, else every five: what makes the
answer another one (a restart, a failover, a restore) ends connections, and who needs one opens it anew.

A database that was exchanged for another one under its name (a restore) makes all that the process keeps in memory a memory of
something else: `replaced` is set then, and the process ends, to be started anew by whoever keeps it running.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from importlib import resources

from grpc_health.v1 import health_pb2

from chassis.database import Database
from chassis.errors import HubError
from chassis.health_checks import HealthChecks
from chassis.metrics import READY

log = logging.getLogger(__name__)

_EVERY_SECONDS, _QUIET_SECONDS = 1.0, 5.0
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def known_revisions(migrations: str) -> list[str]:
    """The revisions of a migrations package in order: files are named <revision>_<words>.py, the revision four digits."""
    names = (item.name for item in resources.files(f"{migrations}.versions").iterdir())
    return sorted(name.split("_")[0] for name in names if name[:4].isdigit() and name.endswith(".py"))


class Readiness:
    """Keeps the gRPC health of a service true."""

    def __init__(self, servicer: HealthChecks, names: Sequence[str], db: Database, migrations: str) -> None:
        self._servicer = servicer
        self._names = ("", *names)
        self._db = db
        self._revisions = known_revisions(migrations)
        self._ready: bool | None = None
        self._draining = False
        self._database: int | None = None
        self.replaced = asyncio.Event()

    async def run(self) -> None:
        """Checks for as long as the service lives."""
        while not self._draining:
            await self.check()
            if self._ready:
                await self._until_connections_are_opened()
            else:
                await asyncio.sleep(_EVERY_SECONDS / 5)

    async def _until_connections_are_opened(self) -> None:
        opening = self._db.connections.opening
        opening.clear()
        await asyncio.sleep(_EVERY_SECONDS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(opening.wait(), _QUIET_SECONDS - _EVERY_SECONDS)

    async def check(self) -> None:
        """Sets the health as it is now."""
        ready = await self._is_ready()
        if ready != self._ready and not self._draining:
            self._ready = ready
            log.info("ready" if ready else "not ready")
            await self._set(_SERVING if ready else _NOT_SERVING)

    @property
    def is_noticed(self) -> bool:
        """Whether every balancer knows what was said last."""
        return self._servicer.is_noticed

    async def drain(self) -> None:
        """Says NOT_SERVING from now on, so that balancers send nothing new."""
        self._draining = True
        await self._set(_NOT_SERVING)

    async def _is_ready(self) -> bool:
        try:
            async with asyncio.timeout(3):
                revision, database = await self._db.current_revision()
        except (HubError, TimeoutError):
            return False
        except Exception as error:
            log.warning("the schema cannot be read: %s", type(error).__name__)
            return False
        if self._is_another(database):
            return False
        # A revision we do not know is newer than this code: migrations are made so that the former code still runs.
        return revision is not None and (revision not in self._revisions or revision == self._revisions[-1])

    def _is_another(self, database: int) -> bool:
        if self._database is None:
            self._database = database
        elif database != self._database and not self.replaced.is_set():
            log.warning("the database was exchanged for another one: this process ends, to be started anew")
            self.replaced.set()
        return self.replaced.is_set()

    async def _set(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        READY.set(status == _SERVING)
        for name in self._names:
            await self._servicer.set(name, status)
