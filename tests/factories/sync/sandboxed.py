"""Sync engines that speak with a real sandbox through the real connectors, over one database: several are several replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from chassis.database import Database
from sync_svc.channels.registry import installed_connectors
from sync_svc.connectors import CREDENTIALS, WEBHOOK
from sync_svc.domain.channel import Channel
from tests.factories.sync.engine import Engine
from tests.factories.sync.upstream import FakeHub

# One account of each platform: what an order or a fault is about is the platform's matter, not the account's.
ACCOUNTS = (("EBAY", "MEKONG"), ("ECWID", "USAV"), ("ZOHO", "USAV"), ("AMAZON", "MAIN"))


@dataclass
class Box:
    """The sandbox's control plane."""

    client: httpx2.AsyncClient
    _accounts: list[dict[str, Any]] = field(default_factory=list)

    async def get(self, path: str, **query: Any) -> Any:
        """What the control plane tells."""
        answer = await self.client.get(f"/_control/{path}", params=query)
        answer.raise_for_status()
        return answer.json()

    async def post(self, path: str, **body: Any) -> Any:
        """Has the control plane do something."""
        answer = await self.client.post(f"/_control/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def switch(self, **switches: Any) -> None:
        """Changes how the marketplaces behave."""
        answer = await self.client.patch("/_control/switches", json=switches)
        assert answer.is_success, answer.text

    async def account(self, platform: str, name: str) -> dict[str, Any]:
        """An account as the sandbox tells of it."""
        if not self._accounts:
            self._accounts = await self.get("accounts")
        (found,) = [one for one in self._accounts if (one["platform"], one["account"]) == (platform, name)]
        return found

    async def over_quota(self) -> dict[str, int]:
        """Calls over quota by platform, by the marketplaces' own count; platforms without any are left out."""
        counted: Mapping[str, int] = (await self.get("stats"))["over_quota"]
        return {platform: count for platform, count in counted.items() if count}

    async def cursor(self) -> int:
        """Where the log of calls ends now."""
        return int((await self.get("log", limit=0))["cursor"])

    async def calls_since(self, cursor: int, **query: Any) -> list[dict[str, Any]]:
        """Every marketplace call since then."""
        items: list[dict[str, Any]] = (await self.get("log", since=cursor, limit=50_000, **query))["items"]
        return items


def replica(db: Database, hub: FakeHub, *, owner: str = "first", **values: Any) -> Engine:
    """One sync process with the installed connectors."""
    return Engine(db, hub, {}, owner=owner, registry=installed_connectors(), **values)


async def add_channel(
    engine: Engine, box: Box, platform: str, account: str, *, options: Mapping[str, Any] | None = None, **values: Any
) -> Channel:
    """An active channel of a sandbox's account."""
    told = await box.account(platform, account)
    seal = {"platform": platform, "account": account}
    return await engine.add_channel(
        platform,
        account,
        api_base_url=told["api_base_url"],
        token_url=told["token_url"],
        site=told["site"],
        options={**told["options"], **(options or {})},
        sealed_credentials=engine.vault.seal(told["credentials"], **seal, use=CREDENTIALS),
        credential_names=sorted(told["credentials"]),
        sealed_webhook=engine.vault.seal(told["webhook"], **seal, use=WEBHOOK),
        **values,
    )


async def close(replicas: Sequence[Engine]) -> None:
    """End what the replicas have built."""
    for one in replicas:
        await one.connectors.aclose()
