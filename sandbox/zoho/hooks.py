"""Zoho's webhooks: a workflow of the organization posts the changed record to one address.

How Zoho signs them is not published. So the address itself holds the secret, and a header comes along only when switched on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

from sandbox.courier import Parcel, Writing
from sandbox.wire import Json
from sandbox.world import World
from sandbox.zoho.errors import bare_ids
from sandbox.zoho.reading import written

SIGNING_SECRET = "sandbox-zoho-webhook-secret"  # a fixed one, worth nothing outside this sandbox
SIGNATURE_HEADER = "X-Zoho-Webhook-Signature"
_ACCEPTED = frozenset(range(200, 300))
_SHORTEST_SECRET = 12
_WAITS_S = (900.0, 1800.0, 3600.0)


class Hooks:
    """Tells one address of changed sales orders and items."""

    def __init__(self, world: World, platform: str, account: str) -> None:
        self._world = world
        self._platform = platform
        self._account = account

    def tell(self, event: str, record: Json) -> None:
        """Sends a record, as `salesorder.confirmed`, if there is an address for it."""
        switches = self._world.switches.zoho
        module = event.partition(".")[0]
        if not (switches.send_webhooks and switches.webhook_url and module in switches.webhook_modules.split(",")):
            return
        shown = bare_ids(record) if switches.bare_ids else record

        def write(writing: Writing) -> tuple[bytes, dict[str, str]]:
            document = _forged(shown, module) if writing.forged else shown
            if writing.age_s:
                aged = written(self._world.clock.seconds() - writing.age_s)
                document = {**document, "last_modified_time": aged}
            body = json.dumps({module: document}, separators=(",", ":")).encode()
            headers = {"Content-Type": "application/json"}
            if self._world.switches.zoho.sign_webhooks:
                headers[SIGNATURE_HEADER] = sign(body, "someone-else" if writing.forged else SIGNING_SECRET)
            return body, headers

        url = switches.webhook_url
        self._world.courier.send(
            Parcel(self._platform, self._account, event, url, write, _WAITS_S, _ACCEPTED, guessed_address(url))
        )


def sign(body: bytes, secret: str = SIGNING_SECRET) -> str:
    """Hexadecimal HMAC-SHA256 of the whole body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _forged(record: Json, module: str) -> Json:
    """The same about another record: a forger does not know what exists."""
    name = f"{module}_id"
    return {**record, name: type(record[name])(int(record[name]) + 1)}


def guessed_address(url: str) -> str:
    """The address as a forger would guess it: right but for the secret, which only Zoho was told."""
    parts = urlsplit(url)
    if parts.query:
        return parts._replace(query=urlencode([(name, "guessed") for name, _ in parse_qsl(parts.query)])).geturl()
    base, _, last = parts.path.rpartition("/")
    return url if len(last) < _SHORTEST_SECRET else parts._replace(path=f"{base}/guessed").geturl()
