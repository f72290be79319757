"""Zoho's authorization code grant with offline access. Where the user's data center is comes back with the code."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from sync_svc.channels.base import ChannelAccount
from sync_svc.channels.consent import Granted, authorize_at, fetch_tokens, token_in, with_query
from sync_svc.channels.zoho import errors, places

_SCOPES = ",".join(
    f"ZohoInventory.{scope}"
    for scope in (
        "items.ALL",
        "inventoryadjustments.ALL",
        "salesorders.READ",
        "packages.CREATE",
        "shipmentorders.CREATE",
        "settings.READ",
    )
)


class ZohoConsent:
    """Implements `ConsentFlow`."""

    needs = ("client_id", "client_secret", "organization_id")

    def authorize_url(self, account: ChannelAccount, redirect_uri: str, state: str) -> str:
        """Zoho's page. It gives a refresh token only when asked for one, and again only when it asks its user again."""
        page = places.token_url(account.token_url, account.site).removesuffix("/token") + "/auth"
        parameters = {
            "client_id": account.credentials["client_id"],
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": str(account.options.get("scopes") or _SCOPES),
            "state": state,
            "access_type": "offline",
            "prompt": "consent",
        }
        return with_query(authorize_at(account, page), parameters)

    async def exchange(
        self, account: ChannelAccount, granted: Granted, transport: httpx2.AsyncBaseTransport | None = None
    ) -> Mapping[str, str]:
        """The refresh token, which does not end."""
        form = {
            "grant_type": "authorization_code",
            "code": granted.code,
            "redirect_uri": granted.redirect_uri,
            **{name: account.credentials[name] for name in ("client_id", "client_secret")},
        }
        known = places.token_url(account.token_url, account.site)
        url = places.accounts_followed(known, granted.more.get("accounts-server"))
        return {
            "refresh_token": token_in(
                await fetch_tokens(account, url, form, errors.explain, transport), "refresh_token"
            )
        }


FLOW = ZohoConsent()
