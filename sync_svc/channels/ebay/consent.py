"""eBay's authorization code grant. Its `redirect_uri` is the application's RuName, behind which eBay keeps the address."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import httpx2

from sync_svc.channels.base import ChannelAccount
from sync_svc.channels.consent import Granted, authorize_at, expiry_in, fetch_tokens, token_in, with_query
from sync_svc.channels.ebay import errors
from sync_svc.channels.ebay.client import SELLER_SCOPES, token_url_of

_PAGE = "https://auth.ebay.com/oauth2/authorize"
_SANDBOX_PAGE = "https://auth.sandbox.ebay.com/oauth2/authorize"


class EbayConsent:
    """Implements `ConsentFlow`."""

    needs = ("client_id", "client_secret")

    def authorize_url(self, account: ChannelAccount, redirect_uri: str, state: str) -> str:
        """eBay's page."""
        page = _SANDBOX_PAGE if "api.sandbox.ebay.com" in account.api_base_url else _PAGE
        parameters = {
            "client_id": account.credentials["client_id"],
            "redirect_uri": _redirect(account, redirect_uri),
            "response_type": "code",
            "scope": str(account.options.get("scopes") or SELLER_SCOPES),
            "state": state,
            # Who is signed in at eBay may be another of the seller's accounts.
            "prompt": "login",
        }
        return with_query(authorize_at(account, page), parameters)

    async def exchange(
        self, account: ChannelAccount, granted: Granted, transport: httpx2.AsyncBaseTransport | None = None
    ) -> Mapping[str, str]:
        """The refresh token, and when it ends."""
        pair = f"{account.credentials['client_id']}:{account.credentials['client_secret']}"
        headers = {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        redirect = _redirect(account, granted.redirect_uri)
        form = {"grant_type": "authorization_code", "code": granted.code, "redirect_uri": redirect}
        body = await fetch_tokens(account, token_url_of(account), form, errors.explain, transport, headers)
        refresh_token = token_in(body, "refresh_token")
        return {"refresh_token": refresh_token, **expiry_in(body.get("refresh_token_expires_in"))}


def _redirect(account: ChannelAccount, redirect_uri: str) -> str:
    return account.credentials.get("ru_name") or redirect_uri


FLOW = EbayConsent()
