"""Readiness looks when something may have changed, and seldom else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chassis import readiness
from chassis.database import Database
from chassis.health_checks import HealthChecks
from chassis.readiness import Readiness


class _Database:
    """Answers as a database whose schema is up to date, and counts the looks."""

    def __init__(self) -> None:
        self.connections = SimpleNamespace(opening=asyncio.Event())
        self.looks = 0
        self.looked = asyncio.Event()

    async def current_revision(self) -> tuple[str, int]:
        self.looks += 1
        self.looked.set()
        return "0001", 1


async def test_a_connection_that_is_opened_makes_it_look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "known_revisions", lambda _: ["0001"])
    monkeypatch.setattr(readiness, "_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(readiness, "_QUIET_SECONDS", 60.0)
    db = _Database()
    ready = Readiness(HealthChecks(), [], cast("Database", cast("Any", db)), "some_svc.migrations")
    running = asyncio.create_task(ready.run())
    try:
        await asyncio.sleep(0.2)
        assert db.looks == 1, "nothing has happened"
        for looks in (2, 3):
            db.looked.clear()
            db.connections.opening.set()
            await asyncio.wait_for(db.looked.wait(), 5)
            await asyncio.sleep(0.1)
            assert db.looks == looks
    finally:
        running.cancel()
