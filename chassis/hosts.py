"""Connects to a database address that may name several hosts: `postgresql://user:password@a:5432,b:5432,c:5432/hub`.

One of them takes writes, and after a failover that is another one. Without `target_session_attrs` in the address it is this
one that is meant; libpq would take the first that answers, which may be a standby. A host that does not even refuse costs its
share of the time only, and the host that served last is asked first.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

_ATTRIBUTE = "target_session_attrs"
_LEAST_SECONDS = 1.0
# What one host may answer while another one is as it should be.
_NOT_THIS_HOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def plain_url(url: str) -> str:
    """The libpq form of a database address: no driver suffix, and with several hosts the one that takes writes."""
    scheme, separator, rest = url.partition("://")
    plain = f"{scheme.partition('+')[0]}{separator}{rest}"
    if len(_split(plain)[1]) < 2 or f"{_ATTRIBUTE}=" in plain.partition("?")[2]:
        return plain
    return f"{plain}{'&' if '?' in plain else '?'}{_ATTRIBUTE}=read-write"


def _split(url: str) -> tuple[str, list[str], str]:
    """What stands before the hosts, the hosts with their ports, and what stands after them."""
    scheme, separator, rest = url.partition("://")
    authority = rest.partition("/")[0].partition("?")[0]
    user, at, hosts = authority.rpartition("@")
    return f"{scheme}{separator}{user}{at}", hosts.split(","), rest[len(authority) :]


class Hosts:
    """The hosts of one address. A pool takes `connect` as its own way to connect."""

    def __init__(self, url: str) -> None:
        self.url = plain_url(url)
        before, hosts, after = _split(self.url)
        self._urls = [f"{before}{host}{after}" for host in hosts]
        self.opening = asyncio.Event()
        """Set whenever a connection is asked for; whoever waits for that clears it."""

    async def connect(self, dsn: str | None = None, *, timeout: float = 5.0, **options: Any) -> asyncpg.Connection:
        """A connection to the host the address asks for; `dsn` is what a pool passes on, the same address.

        Raises what asyncpg raises, and TimeoutError after `timeout` seconds.
        """
        self.opening.set()
        async with asyncio.timeout(timeout):
            return await self._connect_any(max(_LEAST_SECONDS, timeout / len(self._urls)), options)

    async def _connect_any(self, each: float, options: dict[str, Any]) -> asyncpg.Connection:
        errors: list[Exception] = []
        for url in tuple(self._urls):
            try:
                connection: asyncpg.Connection = await asyncpg.connect(url, timeout=each, **options)
            except _NOT_THIS_HOST as error:
                errors.append(error)
            else:
                self._ask_first(url)
                return connection
        raise _most_telling(errors)

    def _ask_first(self, url: str) -> None:
        # Another connection may have changed the order meanwhile, never what is in it.
        self._urls.sort(key=lambda other: other != url)


def _most_telling(errors: list[Exception]) -> Exception:
    """A wrong password or a missing database before a host that is starting, and that before one that is not there."""

    def weight(error: Exception) -> int:
        starting = isinstance(error, asyncpg.CannotConnectNowError | asyncpg.TargetServerAttributeNotMatched)
        return 1 if starting else 2 if isinstance(error, asyncpg.PostgresError) else 0

    return max(errors, key=weight)
