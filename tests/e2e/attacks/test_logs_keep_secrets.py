"""A busy hub at its most talkative, and then every secret it was told is looked for in everything it has written."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from build_tools.protos import ensure_generated
from deploy.local.hub import Hub
from deploy.local.secrets import load_secrets
from deploy.local.settings import HubSettings
from deploy.local.topology import SERVICES
from tests.e2e.catalog.importing import post_catalog, sample_under
from tests.e2e.conftest import clean_environment
from tests.factories.folders import scratch_folder

AUTH = "/api/v1/auth"
# Short values, as a store's number, stand in logs for good reasons.
_SHORTEST = 8
_NO_SECRETS = {"store_id", "seller_id", "organization_id", "marketplace_id", "merchant_id", "client_id", "environment"}


@dataclass
class Talkative:
    """A hub that logs all it can, and the secrets that were used on it."""

    hub: Hub
    client: httpx2.AsyncClient
    used: set[str] = field(default_factory=set)

    def secret(self) -> str:
        """A new one that no log may show."""
        made = secrets.token_urlsafe(24)
        self.used.add(made)
        return made

    async def post(self, path: str, **options: Any) -> Any:
        answer = await self.client.post(path, **options)
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.content else {}

    async def sign_in(self, username: str, password: str) -> dict[str, Any]:
        form = {"grant_type": "password", "username": username, "password": password}
        tokens: dict[str, Any] = await self.post(f"{AUTH}/token", data=form)
        self.used |= {tokens[name] for name in ("access_token", "refresh_token") if name in tokens}
        return tokens

    def written(self) -> Iterator[tuple[str, str]]:
        """Every log, and every line's place in it."""
        for path in sorted((self.hub.state.path / "logs").iterdir()):
            yield path.name, path.read_text(errors="replace")


@pytest.fixture
async def talkative() -> AsyncIterator[Talkative]:
    ensure_generated()
    with scratch_folder() as folder:
        settings = HubSettings(
            state_dir=folder / "state",
            gateway_port=0,
            log_level="DEBUG",
            environ=clean_environment(),
            postgres_options={"fsync": "off"},
        )
        async with Hub(settings) as hub, httpx2.AsyncClient(base_url=hub.gateway_url, timeout=30) as client:
            yield Talkative(hub, client)


async def use_accounts(hub: Talkative) -> None:
    tokens = await hub.sign_in(hub.hub.admin_user, hub.hub.admin_password)
    hub.client.headers["authorization"] = f"Bearer {tokens['access_token']}"
    password, wrong = hub.secret(), hub.secret()
    user = {"username": "logged", "password": password, "role": "SALES_REP"}
    assert "id" in await hub.post(f"{AUTH}/users", json=user)
    await hub.post(f"{AUTH}/users", json=user)
    await hub.sign_in("logged", wrong)
    theirs = await hub.sign_in("logged", password)
    change = {"current_password": password, "new_password": hub.secret()}
    headers = {"authorization": f"Bearer {theirs['access_token']}"}
    await hub.client.post(f"{AUTH}/me/change-password", json=change, headers=headers)
    renewed = {"grant_type": "refresh_token", "refresh_token": theirs["refresh_token"]}
    await hub.post(f"{AUTH}/token", data=renewed)
    await hub.post(f"{AUTH}/revoke", data={"token": theirs["refresh_token"]})
    account = await hub.post(f"{AUTH}/service-accounts", json={"client_id": "logged-bot", "role": "SYSTEM_BOT"})
    hub.used |= {value for name, value in account.items() if "secret" in name and isinstance(value, str)}
    await hub.client.get(f"{AUTH}/me", headers={"authorization": f"Bearer {hub.secret()}"})
    await hub.client.get(f"{AUTH}/me", params={"access_token": hub.secret()})


async def use_channels(hub: Talkative) -> None:
    channel = {
        "platform": "EBAY",
        "account": "LOGGED",
        "credentials": {"client_id": "app", "client_secret": hub.secret(), "refresh_token": hub.secret()},
        "webhook_secrets": {"verification_token": hub.secret()},
    }
    made = await hub.post("/api/v1/channels", json=channel)
    await hub.post("/api/v1/channels", json=channel)
    if "id" in made:
        await hub.post(f"/api/v1/channels/{made['id']}/test", json={})
    await hub.client.post("/api/v1/webhooks/ebay/1", content=b"{}", headers={"x-ebay-signature": hub.secret()})


async def sell_something(hub: Talkative) -> None:
    imported = await post_catalog(hub.client, sample_under("Logged"))
    assert imported.status_code == 200, imported.text
    variants = (await hub.client.get("/api/v1/variants", params={"page_size": 5})).json()["items"]
    for variant in variants:
        received = await hub.post("/api/v1/inventory/receive", json={"sku": variant["full_sku"], "count": 2})
        for unit in received["items"][:1]:
            await hub.post(f"/api/v1/inventory/{unit['id']}/sell", json={"order_reference": "logged"})
    await asyncio.sleep(2)  # The channels hear of it.


async def known_secrets(hub: Talkative) -> set[str]:
    """Those the hub made for itself, and the marketplaces' for its accounts."""
    own = load_secrets(hub.hub.state.secrets, {})
    found = {own.postgres_password, own.role_secret, own.seal_key, own.credential_key, hub.hub.admin_password}
    found |= {own.role_password(spec.role) for spec in SERVICES}
    found |= {own.client_secret(f"{spec.name}-svc") for spec in SERVICES}
    async with httpx2.AsyncClient(base_url=hub.hub.sandbox_url) as sandbox:
        for account in (await sandbox.get("/_control/accounts")).json():
            found |= {str(value) for name, value in account["credentials"].items() if name not in _NO_SECRETS}
    return found


async def test_no_log_shows_a_secret(talkative: Talkative) -> None:
    await use_accounts(talkative)
    await use_channels(talkative)
    await sell_something(talkative)
    hunted = {one for one in talkative.used | await known_secrets(talkative) if len(one) >= _SHORTEST}
    hunted |= {base64.b64encode(one.encode()).decode() for one in hunted} | {json.dumps(one)[1:-1] for one in hunted}
    assert len(hunted) > 40
    written = list(talkative.written())
    assert {"auth.log", "catalog.log", "inventory.log", "sync.log", "access.log"} <= {name for name, _ in written}
    shown = {(name, one[:6]) for name, text in written for one in hunted if one in text}
    assert shown == set()
    # The requests themselves were logged, so it is the marks in the protos that kept the secrets out.
    assert '"method": "/usav.auth.v1.AuthService/CreateUser"' in dict(written)["auth.log"]
    assert r"username: \"logged\"" in dict(written)["auth.log"]


def test_files_with_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    load_secrets(tmp_path / "secrets.json", {})
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
