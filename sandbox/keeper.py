"""Keeps the marketplaces' state in one SQLite file, so that listings and external ids outlive a restart.

Only what changed is written, in one transaction off the event loop; a kill at any moment leaves the last whole state.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sandbox.wire import Json

Dump = Callable[[str], Json | None]
Restore = Callable[[str, Json], None]
_ID_GAP = 1000


class Keeper:
    """Collects which entities changed and writes them; without a file it does nothing."""

    def __init__(self, path: Path | None, interval_s: float = 0.25) -> None:
        self._path = path
        self._interval_s = interval_s
        self._kinds: dict[str, tuple[Dump, Restore]] = {}
        self._dirty: dict[tuple[str, str], None] = {}
        self._forget_all = False
        self._writing = asyncio.Lock()
        self._sequences: dict[str, int] = {}
        self.register("sequence", self._dump_sequence, self._restore_sequence)

    def register(self, kind: str, dump: Dump, restore: Restore) -> None:
        """Says how entities of a kind are turned into JSON (None when gone) and back."""
        self._kinds[kind] = (dump, restore)

    def touch(self, kind: str, key: str) -> None:
        """Marks an entity as changed or gone."""
        if self._path is not None:
            self._dirty[kind, key] = None

    def next_id(self, name: str, start: int) -> int:
        """The next number of a sequence, never given twice, also not after a kill before the last write."""
        value = self._sequences.get(name, start)
        self._sequences[name] = value + 1
        self.touch("sequence", name)
        return value

    def load(self) -> int:
        """Restores every kept entity; the number of them. A file that is no state of ours is put aside."""
        if self._path is None or not self._path.exists():
            return 0
        try:
            rows = self._read_rows(self._path)
        except sqlite3.DatabaseError:
            self._path.replace(self._path.with_suffix(".broken"))
            return 0
        for kind, key, body in rows:
            if kind in self._kinds:
                self._kinds[kind][1](key, json.loads(body))
        return len(rows)

    def forget_all(self) -> None:
        """Drops everything kept at the next write; ids go on, so none is given twice."""
        self._forget_all = True
        self._dirty = {("sequence", name): None for name in self._sequences}

    async def run(self) -> None:
        """Writes at every interval until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            with suppress(sqlite3.OperationalError):
                await self.flush()

    async def flush(self) -> None:
        """Writes what changed; returns when it is on disk."""
        async with self._writing:
            if self._path is None or not (self._dirty or self._forget_all):
                return
            dirty, self._dirty = self._dirty, {}
            forget, self._forget_all = self._forget_all, False
            rows = [(kind, key, self._encode(kind, key)) for kind, key in dirty]
            try:
                await asyncio.to_thread(_write_rows, self._path, rows, forget)
            except sqlite3.OperationalError:
                self._dirty = dirty | self._dirty
                self._forget_all = self._forget_all or forget
                raise

    def _encode(self, kind: str, key: str) -> str | None:
        document = self._kinds[kind][0](key)
        return None if document is None else json.dumps(document)

    @staticmethod
    def _read_rows(path: Path) -> list[tuple[str, str, str]]:
        with closing(sqlite3.connect(path)) as connection:
            rows: list[Any] = connection.execute("SELECT kind, key, body FROM entity ORDER BY rowid").fetchall()
        return rows

    def _dump_sequence(self, name: str) -> Json:
        return {"next": self._sequences[name]}

    def _restore_sequence(self, name: str, document: Json) -> None:
        self._sequences[name] = int(document["next"]) + _ID_GAP


def _write_rows(path: Path, rows: list[tuple[str, str, str | None]], forget_all: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS entity (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"
        )
        path.chmod(0o600)
        if forget_all:
            connection.execute("DELETE FROM entity")
        connection.executemany(
            "DELETE FROM entity WHERE kind = ? AND key = ?", [row[:2] for row in rows if row[2] is None]
        )
        connection.executemany(
            "INSERT INTO entity (kind, key, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            [row for row in rows if row[2] is not None],
        )
