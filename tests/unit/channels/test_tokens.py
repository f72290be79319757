"""The token cache: one fetch for many callers, renewal before the end, no storm after a refusal."""

from __future__ import annotations

import asyncio

import pytest

from sync_svc.channels.base import ChannelError, Outcome
from sync_svc.channels.tokens import REFUSAL_S, IssuedToken, TokenCache


class Endpoint:
    """A token endpoint that counts its grants."""

    def __init__(self) -> None:
        self.granted = 0
        self.now = 0.0
        self.error: ChannelError | None = None

    async def issue(self) -> IssuedToken:
        await asyncio.sleep(0)
        self.granted += 1
        if self.error is not None:
            raise self.error
        return IssuedToken(f"token-{self.granted}", 7200.0)

    def cache(self) -> TokenCache:
        return TokenCache(self.issue, clock=lambda: self.now)


async def test_many_callers_at_once_fetch_one_token() -> None:
    endpoint = Endpoint()
    cache = endpoint.cache()
    values = await asyncio.gather(*(cache.get() for _ in range(50)))
    assert set(values) == {"token-1"}
    assert endpoint.granted == 1


async def test_token_is_renewed_before_it_ends() -> None:
    endpoint = Endpoint()
    cache = endpoint.cache()
    await cache.get()
    endpoint.now = 6899.0
    assert await cache.get() == "token-1"
    endpoint.now = 6901.0
    assert await cache.get() == "token-2"
    assert cache.expires_at == pytest.approx(6901.0 + 7200.0)


async def test_dropped_token_is_fetched_again_and_a_late_drop_does_nothing() -> None:
    endpoint = Endpoint()
    cache = endpoint.cache()
    first = await cache.get()
    cache.drop(first)
    assert await cache.get() == "token-2"
    cache.drop(first)
    assert await cache.get() == "token-2"


async def test_refused_refresh_is_not_asked_again_at_once() -> None:
    endpoint = Endpoint()
    endpoint.error = ChannelError(Outcome.AUTH, "invalid_grant")
    cache = endpoint.cache()
    for _ in range(3):
        with pytest.raises(ChannelError):
            await cache.get()
    assert endpoint.granted == 1
    endpoint.error, endpoint.now = None, REFUSAL_S + 1
    assert await cache.get() == "token-2"


async def test_trouble_of_the_endpoint_leaves_the_present_token_in_use() -> None:
    endpoint = Endpoint()
    cache = endpoint.cache()
    await cache.get()
    endpoint.error, endpoint.now = ChannelError(Outcome.RETRY, "busy"), 7000.0
    assert await cache.get() == "token-1"
    endpoint.now = 7195.0
    with pytest.raises(ChannelError):
        await cache.get()


def test_token_does_not_show_in_its_text() -> None:
    assert "hush" not in repr(IssuedToken("hush", 1.0))
