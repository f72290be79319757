"""A hub of its own whose troubles are made on purpose, and the rules that are to tell of them."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import yaml

from deploy.local.hub import Hub
from tests.factories.collector import Collector
from tests.factories.prometheus.promql import Moment, Vector, evaluate
from tests.factories.prometheus.scrape import Series, scrape

ALERTS = Path(__file__).parents[3] / "deploy" / "observability" / "alerts.yaml"
_PATIENCE_S = 25.0
_EVERY_S = 0.3


def rules() -> dict[str, dict[str, Any]]:
    """Every alert rule, by name."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@dataclass
class Stage:
    """The hub, an administrator of its API and one of its database."""

    hub: Hub
    admin: httpx2.AsyncClient
    database: asyncpg.Connection
    collector: Collector
    more: dict[str, str] = field(default_factory=dict)
    """Targets beside the hub's own."""

    async def look(self, series: Series) -> Moment:
        """One scrape of everything."""
        at = time.monotonic()
        await scrape(series, at, {**self.hub.metrics, **self.more})
        return Moment(series, at, time.time())

    async def firing(self, series: Series, names: Iterator[str] | set[str]) -> dict[str, Vector]:
        """What the rules of these names find after another scrape; nothing where all is well."""
        moment = await self.look(series)
        found = {name: evaluate(rules()[name]["expr"], moment) for name in names}
        return {name: rows for name, rows in found.items() if rows}

    async def until_firing(self, series: Series, names: set[str]) -> dict[str, Vector]:
        """Scrapes until each of the rules has fired, at the same time or one after the other."""
        deadline, fired = time.monotonic() + _PATIENCE_S, dict[str, Vector]()
        while names - fired.keys():
            assert time.monotonic() < deadline, f"silent: {sorted(names - fired.keys())}"
            fired |= await self.firing(series, names)
            await asyncio.sleep(_EVERY_S)
        return fired

    async def run(self, sql: str, *values: Any) -> None:
        """Does something in the database, as its administrator."""
        await self.database.execute(sql, *values)

    async def value(self, sql: str, *values: Any) -> Any:
        """Reads one value of the database."""
        return await self.database.fetchval(sql, *values)

    @asynccontextmanager
    async def locked(self, table: str) -> AsyncIterator[None]:
        """Nobody else can read the table meanwhile."""
        other = await asyncpg.connect(self.hub.database_url)
        try:
            await other.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
        finally:
            await other.close()

    @asynccontextmanager
    async def changed(self, there: str, back: str) -> AsyncIterator[None]:
        """Something in the database is otherwise meanwhile."""
        await self.run(there)
        try:
            yield
        finally:
            await self.run(back)

    async def channel(self, platform: str) -> int:
        """The id of a channel of the platform."""
        return int(await self.value("SELECT min(id) FROM sync.channel WHERE platform = $1", platform))

    async def unit(self) -> str:
        """A serial number on the shelf, of a SKU of its own."""
        mark = secrets.token_hex(4).upper()
        family = await self.post("/api/v1/families", {"name": f"Alarm {mark}"})
        identity = await self.post("/api/v1/identities", {"product_id": family["product_id"], "type": "PRODUCT"})
        variant = await self.post("/api/v1/variants", {"identity_id": identity["id"]})
        await self.post("/api/v1/inventory/locations", {"code": f"L{mark}"})
        receipt = {"sku": variant["full_sku"], "serial_numbers": [f"SN{mark}"], "location": f"L{mark}"}
        await self.post("/api/v1/inventory/receive", receipt)
        return f"SN{mark}"

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A POST that has to succeed."""
        answer = await self.admin.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
