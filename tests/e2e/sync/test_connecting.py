"""An account is connected with hubctl and a browser, through every real part of the hub."""

from __future__ import annotations

import re
import secrets
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest

from deploy.local.hub import Hub
from tests.e2e.hubctl.conftest import HubctlUser
from tests.e2e.sync.conftest import Shop


@pytest.mark.timeout(120)
async def test_seller_lets_the_hub_in_again_with_hubctl(shop: Shop, hub: Hub, tmp_path: Path) -> None:
    user = HubctlUser({"HUB_STATE_DIR": str(hub.settings.state), "HUBCTL_SESSION": str(tmp_path / "session.json")})
    user.ok("sign-in", "--local")
    arguments = ("channels", "connect", "EBAY", "DRAGON", "--port", "0", "--no-browser")
    connecting = user.start("--json", *arguments)
    assert connecting.stderr is not None
    url = next(line.strip() for line in connecting.stderr if line.startswith("http"))
    page = await shop.sandbox.get(url)
    (link,) = [unescape(href) for href, text in re.findall(r'<a href="([^"]+)">([^<]+)', page.text) if "DRAGON" in text]
    back = (await shop.sandbox.get(urljoin(url, link))).headers["location"]
    wrong = re.sub(r"state=[^&]+", f"state={secrets.token_hex(8)}", back)
    assert (await shop.sandbox.get(wrong)).status_code == 404, "a page that guesses is not listened to"
    assert (await shop.sandbox.get(back)).status_code == 200
    out, err = connecting.communicate(timeout=60)
    assert connecting.returncode == 0, err
    assert "consent_expires_at" in out
    assert "sandbox-ebay-refresh" not in out + err
    channel = next(one for one in (await shop.get("/api/v1/channels"))["items"] if one["account"] == "DRAGON")
    assert user.json("channels", "test", channel["id"])[0]["ok"] is True
    assert "DRAGON" in user.ok("channels", "list").out
    assert user.run(*arguments[:3], "NOBODY", "--port", "0", "--no-browser").status == 1, "it has no keys yet"
