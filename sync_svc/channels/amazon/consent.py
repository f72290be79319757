"""The Selling Partner API's website authorization: the seller lets an application in at Seller Central, for a year."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from sync_svc.channels.amazon import errors
from sync_svc.channels.amazon.client import TOKEN_URL
from sync_svc.channels.base import ChannelAccount
from sync_svc.channels.consent import Granted, authorize_at, expiry_in, fetch_tokens, token_in, with_query

_PAGE = "https://sellercentral.amazon.com/apps/authorize/consent"
_A_YEAR_S = 365 * 86_400


class AmazonConsent:
    """Implements `ConsentFlow`."""

    needs = ("client_id", "client_secret", "application_id")

    def authorize_url(self, account: ChannelAccount, redirect_uri: str, state: str) -> str:
        """Seller Central's page; an application that is still a draft says so."""
        parameters = {
            "application_id": account.credentials["application_id"],
            "redirect_uri": redirect_uri,
            "state": state,
            "version": "beta" if account.options.get("draft_application") is True else "",
        }
        return with_query(authorize_at(account, _PAGE), parameters)

    async def exchange(
        self, account: ChannelAccount, granted: Granted, transport: httpx2.AsyncBaseTransport | None = None
    ) -> Mapping[str, str]:
        """The refresh token, and the seller's merchant token."""
        form = {
            "grant_type": "authorization_code",
            "code": granted.code,
            "redirect_uri": granted.redirect_uri,
            **{name: account.credentials[name] for name in ("client_id", "client_secret")},
        }
        body = await fetch_tokens(account, account.token_url or TOKEN_URL, form, errors.explain, transport)
        learned = {"refresh_token": token_in(body, "refresh_token"), **expiry_in(_A_YEAR_S)}
        seller_id = granted.more.get("selling_partner_id", "")
        return {**learned, "seller_id": seller_id} if seller_id else learned


FLOW = AmazonConsent()
