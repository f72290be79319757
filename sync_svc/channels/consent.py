"""How an account's owner lets the hub in: where the browser is sent, and what the code that comes back is exchanged for.

Each platform's folder has a `consent.py` with `FLOW` where there is such a way. Pure but for the one exchange, which must not be
repeated: a code is good once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx2

from sync_svc.channels.base import ChannelAccount, ChannelError, Outcome
from sync_svc.channels.codec import fields_of
from sync_svc.channels.http import Answer, Failure, Wire
from sync_svc.channels.limits import Limit
from sync_svc.channels.quota import Throttle

EXPIRES = "consent_expires_at"
"""The credential that tells when the owner must consent again, in ISO 8601."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What came back with the browser. `more` is the rest of its query, as `selling_partner_id`."""

    code: str
    redirect_uri: str
    more: Mapping[str, str] = field(default_factory=dict)


class ConsentFlow(Protocol):
    """One platform's way."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The credentials that must be there before, as `client_id`."""
        ...

    def authorize_url(self, account: ChannelAccount, redirect_uri: str, state: str) -> str:
        """Where the owner consents."""
        ...

    async def exchange(
        self, account: ChannelAccount, granted: Granted, transport: httpx2.AsyncBaseTransport | None = None
    ) -> Mapping[str, str]:
        """Exchange the code for credentials, to be added to those there are. NOT safe to repeat. Raises ChannelError."""
        ...


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """The address with these parameters, blanks left out."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{url}{'&' if '?' in url else '?'}{query}"


def authorize_at(account: ChannelAccount, default: str) -> str:
    """The consent page: that of a stand-in, when the channel's options name one, or the platform's."""
    return str(account.options.get("authorize_url") or default)


async def fetch_tokens(
    account: ChannelAccount,
    url: str,
    form: Mapping[str, str],
    explain: Callable[[Answer], Failure | None],
    transport: httpx2.AsyncBaseTransport | None,
    headers: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """Post a code to a token endpoint. Raises ChannelError; a refused code is AUTH."""
    wire = Wire(
        name=f"{account.platform}/{account.account}",
        base_url=url,
        throttle=Throttle(Limit(1.0, 5)),
        explain=explain,
        transport=transport,
    )
    try:
        answer = await wire.send("POST", url, operation="exchange code", form=form, headers=headers)
    finally:
        await wire.aclose()
    return fields_of(answer.body)


def token_in(body: Mapping[str, Any], name: str) -> str:
    """A token of an answer. Raises ChannelError when it holds none: then the code is used up."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        text = f"The platform's answer holds no {name}; consent again."
        raise ChannelError(Outcome.UNKNOWN, text, code="unreadable")
    return value


def expiry_in(seconds: object) -> dict[str, str]:
    """The credential for a consent that ends in so many seconds; none when the platform does not say."""
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds < 10**9:
        return {}
    return {EXPIRES: (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")}
