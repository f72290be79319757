"""A running sandbox per test, and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox import Sandbox
from tests.integration.sandbox import clients
from tests.integration.sandbox.clients import Client, ZohoClient


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """A sandbox in this process, with nothing listed."""
    async with Sandbox(port=0) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client session."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def seller(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """The seller USAV on eBay."""
    return await clients.ebay_seller(session, box)


@pytest.fixture
async def application(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """The application on eBay."""
    return await clients.ebay_application(session, box)


@pytest.fixture
def shop(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """The Ecwid store."""
    return clients.ecwid(session, box)


@pytest.fixture
async def zoho(session: aiohttp.ClientSession, box: Sandbox) -> ZohoClient:
    """The Zoho organization."""
    return await clients.zoho(session, box)


@pytest.fixture
async def amazon(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """The seller on Amazon."""
    return await clients.amazon(session, box)


@pytest.fixture
async def amazon_application(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """The application on Amazon, without a seller."""
    return await clients.amazon_application(session, box)


@pytest.fixture
def control(session: aiohttp.ClientSession, box: Sandbox) -> Client:
    """The control plane."""
    return clients.control(session, box)
