"""Every platform with a consent page: an owner who lets the hub in leaves it with credentials that work, and nobody else does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest

from sync_svc.channels.base import ChannelAccount, ChannelError, Outcome
from sync_svc.channels.consent import EXPIRES, ConsentFlow, Granted
from sync_svc.channels.registry import installed_connectors
from tests.contract.channels.market import Market

REDIRECT = "http://127.0.0.1:8765/callback"
STATE = "a state & more"


def flow_of(market: Market) -> ConsentFlow:
    flow = installed_connectors().consent(market.platform)
    if flow is None:
        pytest.skip("accounts of this platform are connected by their credentials alone")
    return flow


def unconnected(market: Market) -> ChannelAccount:
    """The account before anybody consented."""
    credentials = dict(market.settings.credentials)
    del credentials["refresh_token"]
    return replace(market.settings, credentials=credentials)


async def choose(market: Market, flow: ConsentFlow, words: str) -> dict[str, str]:
    """What the browser brings back once its user has chosen."""
    url = flow.authorize_url(unconnected(market), REDIRECT, STATE)
    page = await market.control.get(url)
    assert page.status_code == 200, page.text
    links = re.findall(r'<a href="([^"]+)">([^<]+)</a>', page.text)
    (link,) = [unescape(href) for href, text in links if words in text]
    answer = await market.control.get(urljoin(url, link))
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(REDIRECT)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def granted(brought: Mapping[str, str], redirect_uri: str = REDIRECT) -> Granted:
    code = brought.get("code") or brought["spapi_oauth_code"]
    return Granted(code, redirect_uri, brought)


async def test_owner_who_consents_connects_the_account(market: Market) -> None:
    flow = flow_of(market)
    brought = await choose(market, flow, market.account)
    assert brought["state"] == STATE
    account = unconnected(market)
    learned = await flow.exchange(account, granted(brought))
    if market.platform != "ZOHO":
        assert learned[EXPIRES] > "2026"
    connected = installed_connectors().create(replace(account, credentials={**account.credentials, **learned}))
    await connected.check()
    await connected.aclose()


async def test_consent_that_was_withdrawn_can_be_given_again(market: Market) -> None:
    flow = flow_of(market)
    await market.channel.check()
    await market.fault("token_revoked", count=1)
    with pytest.raises(ChannelError):
        await market.channel.check()
    await market.clear_faults()
    learned = await flow.exchange(unconnected(market), granted(await choose(market, flow, market.account)))
    connected = installed_connectors().create(
        replace(market.settings, credentials={**market.settings.credentials, **learned})
    )
    await connected.check()
    await connected.aclose()


async def test_code_is_good_once_and_for_its_redirect(market: Market) -> None:
    flow = flow_of(market)
    brought = await choose(market, flow, market.account)
    with pytest.raises(ChannelError) as refused:
        await flow.exchange(unconnected(market), granted(brought, "http://127.0.0.1:1/elsewhere"))
    assert refused.value.outcome is Outcome.AUTH
    brought = await choose(market, flow, market.account)
    await flow.exchange(unconnected(market), granted(brought))
    with pytest.raises(ChannelError):
        await flow.exchange(unconnected(market), granted(brought))


async def test_owner_who_declines_leaves_no_code(market: Market) -> None:
    brought = await choose(market, flow_of(market), "Decline")
    assert (brought["error"], brought["state"]) == ("access_denied", STATE)


async def test_page_sends_codes_to_this_machine_alone(market: Market) -> None:
    url = flow_of(market).authorize_url(unconnected(market), "https://elsewhere.example/x", STATE)
    assert (await market.control.get(url)).status_code == 400
