"""eBay's OAuth: the token endpoint, access tokens of sellers and of the application, scopes and consent.

Three sellers gave their consent to one application; a seller is told by the refresh token.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl

from sandbox.consent import ConsentPages
from sandbox.ebay.errors import refuse
from sandbox.wire import Answer, Call, Refused
from sandbox.world import World

CLIENT_ID = "sandbox-ebay-application"
CLIENT_SECRET = "sandbox-ebay-application-secret"  # a fixed one, worth nothing outside this sandbox
SELLERS = ("MEKONG", "USAV", "DRAGON")
APPLICATION = ""

PUBLIC = "https://api.ebay.com/oauth/api_scope"
INVENTORY = f"{PUBLIC}/sell.inventory"
FULFILLMENT = f"{PUBLIC}/sell.fulfillment"
ACCOUNT = f"{PUBLIC}/sell.account"
SUBSCRIPTION = f"{PUBLIC}/commerce.notification.subscription"
CONSENTED = frozenset({INVENTORY, FULFILLMENT, ACCOUNT, SUBSCRIPTION})
_IMPLIED = {scope: scope.removesuffix(".readonly") for scope in (f"{scope}.readonly" for scope in CONSENTED)}
_REFRESH_LIFE_S = 47_304_000
_KEPT = 5000


def refresh_token_of(seller: str) -> str:
    """The consent of a seller, the same after every start so that stored credentials stay good."""
    return f"sandbox-ebay-refresh-{seller.lower()}"


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token: whose it is (empty: the application's), what it may do, until when."""

    seller: str
    scopes: frozenset[str]
    expires_at: float


class Tokens:
    """Gives out access tokens and checks them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._grants: dict[str, Grant] = {}
        self._revoked: set[str] = set()
        self._issued: dict[tuple[str, str], int] = {}
        self.consent = ConsentPages(world, "eBay", ("client_id", CLIENT_ID), SELLERS)

    def seller_of(self, call: Call) -> str:
        """The account a call's token stands for, valid or not; empty when it tells none."""
        grant = self._grants.get(_bearer(call))
        return grant.seller if grant else ""

    def check(self, call: Call, scopes: tuple[str, ...]) -> Grant:
        """The valid grant of a call holding one of the scopes. Raises Refused with 401 or 403."""
        token = _bearer(call)
        if not token:
            raise refuse(401, 1002, "Missing access token")
        grant = self._grants.get(token)
        if grant is None or grant.expires_at <= self._world.clock.seconds():
            raise refuse(401, 1001, "Invalid access token")
        if not grant.scopes.intersection(scopes):
            raise refuse(403, 1100, "Access denied")
        return grant

    def forget(self, call: Call) -> None:
        """The access token of the call stops working."""
        self._grants.pop(_bearer(call), None)

    def revoke(self, seller: str) -> None:
        """The seller withdraws the consent: its refresh token and all its access tokens stop working."""
        self._revoked.add(seller)
        self._grants = {token: grant for token, grant in self._grants.items() if grant.seller != seller}

    def clear(self) -> None:
        """Forgets every token and restores every consent."""
        self._grants.clear()
        self._revoked.clear()
        self._issued.clear()

    def issue(self, call: Call) -> Answer:
        """The token endpoint."""
        try:
            if _basic(call) != (CLIENT_ID, CLIENT_SECRET):
                raise _oauth(401, "invalid_client", "client authentication failed")
            form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
            grant_type = form.get("grant_type", "")
            if grant_type == "refresh_token":
                return self._refresh(call, form)
            if grant_type == "client_credentials":
                return self._application(form)
            if grant_type == "authorization_code":
                return self._authorized(call, form)
            raise _oauth(400, "unsupported_grant_type", "grant type in request is not supported by the sandbox")
        except Refused as refused:
            return refused.answer

    def _refresh(self, call: Call, form: dict[str, str]) -> Answer:
        seller = next((name for name in SELLERS if refresh_token_of(name) == form.get("refresh_token")), None)
        if seller is None or seller in self._revoked:
            raise _oauth(
                400,
                "invalid_grant",
                "the provided authorization refresh token is invalid or was issued to another client",
            )
        call.account = seller
        scopes = frozenset(form["scope"].split()) if form.get("scope") else CONSENTED
        if not scopes <= CONSENTED | _IMPLIED.keys():
            raise _oauth(400, "invalid_scope", "the requested scope exceeds the scope granted to the client")
        self._count("refresh_token", self._world.switches.ebay.refresh_tokens_per_day)
        return self._give(seller, scopes, "User Access Token")

    def _authorized(self, call: Call, form: dict[str, str]) -> Answer:
        """A fresh consent: what was withdrawn before is given again."""
        seller = self.consent.take(form)
        if seller is None:
            raise _oauth(
                400, "invalid_grant", "the provided authorization grant code is invalid or was issued to another client"
            )
        call.account = seller
        self._revoked.discard(seller)
        answer = self._give(seller, CONSENTED, "User Access Token")
        refresh = {"refresh_token": refresh_token_of(seller), "refresh_token_expires_in": _REFRESH_LIFE_S}
        return Answer(200, {**answer.body, **refresh})

    def _application(self, form: dict[str, str]) -> Answer:
        scopes = frozenset(form.get("scope", "").split())
        if scopes != {PUBLIC}:
            raise _oauth(400, "invalid_scope", "the requested scope exceeds the scope granted to the client")
        self._count("client_credentials", self._world.switches.ebay.application_tokens_per_day)
        return self._give(APPLICATION, scopes, "Application Access Token")

    def _give(self, seller: str, scopes: frozenset[str], token_type: str) -> Answer:
        life = self._world.switches.ebay.token_life_s
        token = f"v^1.1#i^1#{secrets.token_urlsafe(32)}"
        self._drop_expired()
        self._grants[token] = Grant(seller, scopes, self._world.clock.seconds() + life)
        return Answer(200, {"access_token": token, "expires_in": int(life), "token_type": token_type})

    def _drop_expired(self) -> None:
        if len(self._grants) >= _KEPT:
            now = self._world.clock.seconds()
            living = [(token, grant) for token, grant in self._grants.items() if grant.expires_at > now]
            self._grants = dict(living[-_KEPT // 2 :])

    def _count(self, grant_type: str, limit: int) -> None:
        key = (self._world.clock.pacific_day(), grant_type)
        used = self._issued.get(key, 0)
        if limit and used >= limit:
            raise refuse(429, 2001, "Too many requests.")
        self._issued = {key: count for key, count in self._issued.items() if key[0] == self._world.clock.pacific_day()}
        self._issued[key] = used + 1


def _bearer(call: Call) -> str:
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _basic(call: Call) -> tuple[str, str] | None:
    scheme, _, encoded = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, client_secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return client_id, client_secret


def _oauth(status: int, code: str, description: str) -> Refused:
    return Refused(Answer(status, {"error": code, "error_description": description}))
