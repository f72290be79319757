"""Login with Amazon: access tokens of the seller, and of the application alone for what needs no seller's grant."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qsl

from sandbox.amazon.errors import denied
from sandbox.consent import ConsentPages
from sandbox.wire import Answer, Call, Refused
from sandbox.world import World

ACCOUNT = "MAIN"
SELLER_ID = "A3SANDBOXUSAV1"
CLIENT_ID = "amzn1.application-oa2-client.sandbox"
CLIENT_SECRET = "sandbox-amazon-application-secret"  # a fixed one, worth nothing outside this sandbox
APPLICATION_ID = "amzn1.sp.solution.sandbox"
REFRESH_TOKEN = "Atzr|sandbox-amazon-refresh-main"
NOTIFICATIONS_SCOPE = "sellingpartnerapi::notifications"
_GRANTLESS = "grantless"
_KEPT = 5000


class Tokens:
    """Gives out access tokens and checks them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._grants: dict[str, tuple[str, float]] = {}
        self._revoked = False
        self.consent = ConsentPages(
            world,
            "Amazon Seller Central",
            ("application_id", APPLICATION_ID),
            [ACCOUNT],
            code_name="spapi_oauth_code",
            more=lambda account: {"selling_partner_id": SELLER_ID},
        )

    def account_of(self, call: Call) -> str:
        """The account a call's token stands for, valid or not; empty when it tells none."""
        owner, _ = self._grants.get(_token(call), ("", 0.0))
        return ACCOUNT if owner else ""

    def check(self, call: Call, *, grantless: bool) -> None:
        """Raises Refused with 403 unless the call carries a living token of the right kind."""
        token = _token(call)
        if not token:
            raise denied("Access token is missing in the request header.")
        owner, expires_at = self._grants.get(token, ("", 0.0))
        if expires_at <= self._world.clock.seconds():
            raise denied("The access token you provided has expired." if owner else "The access token is not valid.")
        if (owner == _GRANTLESS) != grantless:
            raise denied("The access token does not grant this operation.")

    def forget(self, call: Call) -> None:
        """The access token of the call stops working."""
        self._grants.pop(_token(call), None)

    def revoke(self) -> None:
        """The seller withdraws the authorization: the refresh token and the seller's access tokens stop working."""
        self._revoked = True
        self._grants = {token: grant for token, grant in self._grants.items() if grant[0] == _GRANTLESS}

    def clear(self) -> None:
        """Forgets every token and restores the authorization."""
        self._grants.clear()
        self._revoked = False

    def issue(self, call: Call) -> Answer:
        """The token endpoint."""
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        try:
            if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
                raise _oauth(401, "invalid_client", "Client authentication failed")
            if form.get("grant_type") == "refresh_token":
                return self._refresh(call, form)
            if form.get("grant_type") == "client_credentials":
                return self._application(form)
            if form.get("grant_type") == "authorization_code":
                return self._authorized(call, form)
            raise _oauth(400, "unsupported_grant_type", "The authorization grant type is not supported")
        except Refused as refused:
            return refused.answer

    def _refresh(self, call: Call, form: dict[str, str]) -> Answer:
        if form.get("refresh_token") != REFRESH_TOKEN or self._revoked:
            raise _oauth(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token")
        call.account = ACCOUNT
        answer = self._give(ACCOUNT)
        answer.body["refresh_token"] = REFRESH_TOKEN
        return answer

    def _authorized(self, call: Call, form: dict[str, str]) -> Answer:
        """A fresh authorization: what was withdrawn before is given again."""
        if self.consent.take(form) is None:
            raise _oauth(400, "invalid_grant", "The request has an invalid grant parameter : code")
        call.account, self._revoked = ACCOUNT, False
        return Answer(200, {**self._give(ACCOUNT).body, "refresh_token": REFRESH_TOKEN})

    def _application(self, form: dict[str, str]) -> Answer:
        if form.get("scope") != NOTIFICATIONS_SCOPE:
            raise _oauth(400, "invalid_scope", "The requested scope is invalid, unknown, or malformed")
        answer = self._give(_GRANTLESS)
        answer.body["scope"] = NOTIFICATIONS_SCOPE
        return answer

    def _give(self, owner: str) -> Answer:
        now, life = self._world.clock.seconds(), self._world.switches.amazon.token_life_s
        if len(self._grants) >= _KEPT:
            self._grants = {token: grant for token, grant in self._grants.items() if grant[1] > now}
        token = f"Atza|{secrets.token_urlsafe(48)}"
        self._grants[token] = (owner, now + life)
        return Answer(200, {"access_token": token, "token_type": "bearer", "expires_in": int(life)})


def _token(call: Call) -> str:
    return call.headers.get("x-amz-access-token", "")


def _oauth(status: int, code: str, description: str) -> Refused:
    return Refused(Answer(status, {"error": code, "error_description": description}))
