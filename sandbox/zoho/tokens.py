"""Zoho's OAuth: access tokens by refresh token, ten of them in ten minutes and then none for the rest of the window.

Zoho tells most refusals with status 200 and an `error` in the body.
"""

from __future__ import annotations

import secrets
from collections import deque
from urllib.parse import parse_qsl

from sandbox.consent import ConsentPages
from sandbox.wire import Answer, Call
from sandbox.world import World
from sandbox.zoho.errors import TOKEN_INVALID, refuse

CLIENT_ID = "1000.SANDBOXZOHOAPPLICATION"
CLIENT_SECRET = "sandbox-zoho-application-secret"  # a fixed one, worth nothing outside this sandbox
REFRESH_TOKEN = "1000.sandbox-zoho-refresh.usav"
ACCOUNT = "USAV"
_WINDOW_S = 600.0
_KEPT = 5000
_TOO_MANY = "You have made too many requests continuously. Please try again after some time."


class Tokens:
    """Gives out access tokens and checks them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._expiry: dict[str, float] = {}
        self._issued: deque[float] = deque()
        self._revoked = False
        self.refused = 0
        self.consent = ConsentPages(
            world,
            "Zoho",
            ("client_id", CLIENT_ID),
            [ACCOUNT],
            more=lambda account: {"location": "us", "accounts-server": f"{world.base_url}/zoho"},
        )

    def account_of(self, call: Call) -> str:
        """The account a call's token was given for, valid or not; empty when it tells none."""
        return ACCOUNT if _token(call) in self._expiry else ""

    def check(self, call: Call) -> None:
        """Raises Refused with 401 unless the call carries a living token under Zoho's own scheme."""
        if self._expiry.get(_token(call), 0.0) <= self._world.clock.seconds():
            raise refuse(401, TOKEN_INVALID, "Invalid value passed for authtoken.")

    def forget(self, call: Call) -> None:
        """The access token of the call stops working."""
        self._expiry.pop(_token(call), None)

    def revoke(self) -> None:
        """The consent is withdrawn: the refresh token and every access token stop working."""
        self._revoked = True
        self._expiry.clear()

    def clear(self) -> None:
        """Forgets every token and restores the consent."""
        self._expiry.clear()
        self._issued.clear()
        self._revoked, self.refused = False, 0

    @property
    def used(self) -> int:
        """Access tokens given in the last ten minutes."""
        while self._issued and self._issued[0] <= self._world.clock.seconds() - _WINDOW_S:
            self._issued.popleft()
        return len(self._issued)

    def issue(self, call: Call) -> Answer:
        """The token endpoint; parameters come in the query or as a form."""
        form = {**call.query, **dict(parse_qsl(call.body.decode("utf-8", "replace")))}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return Answer(200, {"error": "invalid_client"})
        if form.get("grant_type") == "authorization_code":
            return self._authorized(call, form)
        if form.get("grant_type") != "refresh_token":
            return Answer(200, {"error": "unsupported_grant_type"})
        if form.get("refresh_token") != REFRESH_TOKEN or self._revoked:
            return Answer(200, {"error": "invalid_code"})
        call.account = ACCOUNT
        limit = self._world.switches.zoho.tokens_per_ten_minutes
        if limit and self.used >= limit:
            self.refused += 1
            return Answer(400, {"error": "Access Denied", "error_description": _TOO_MANY, "status": "failure"})
        return self._give()

    def _authorized(self, call: Call, form: dict[str, str]) -> Answer:
        """A fresh consent: what was withdrawn before is given again."""
        if self.consent.take(form) is None:
            return Answer(200, {"error": "invalid_code"})
        call.account, self._revoked = ACCOUNT, False
        return Answer(200, {**self._give().body, "refresh_token": REFRESH_TOKEN})

    def _give(self) -> Answer:
        now, life = self._world.clock.seconds(), self._world.switches.zoho.token_life_s
        if len(self._expiry) >= _KEPT:
            self._expiry = {token: until for token, until in self._expiry.items() if until > now}
        token = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        self._expiry[token] = now + life
        self._issued.append(now)
        return Answer(
            200,
            {
                "access_token": token,
                "scope": "ZohoInventory.FullAccess.all",
                "api_domain": f"{self._world.base_url}/zoho",
                "token_type": "Bearer",
                "expires_in": int(life),
            },
        )


def _token(call: Call) -> str:
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Zoho-oauthtoken" else ""
