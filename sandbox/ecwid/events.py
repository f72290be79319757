"""Ecwid's webhooks: one address per application, a signature that covers only event time and id, 27 attempts in a day."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from fnmatch import fnmatchcase
from urllib.parse import urlencode

from sandbox.courier import Parcel, Writing
from sandbox.wire import Json
from sandbox.world import World

CLIENT_SECRET = "sandbox-ecwid-client-secret"  # a fixed one, worth nothing outside this sandbox
_ACCEPTED = frozenset({200, 201, 202, 204, 209})
_WAITS_S = (900.0, 1800.0, 2700.0, *(3600.0,) * 23)


class Events:
    """Tells the application of changes, whoever made them."""

    def __init__(self, world: World, platform: str, account: str, store_id: int) -> None:
        self._world = world
        self._platform = platform
        self._account = account
        self._store_id = store_id

    def tell(self, event: str, entity_id: int, data: Json | None = None) -> None:
        """Sends one event, if the application wants it and has an address."""
        switches = self._world.switches.ecwid
        wanted = any(fnmatchcase(event, pattern) for pattern in switches.webhook_events.split(","))
        if not (switches.send_webhooks and switches.webhook_url and wanted):
            return
        event_id, created = str(uuid.uuid4()), int(self._world.clock.seconds())

        def write(writing: Writing) -> tuple[bytes, dict[str, str]]:
            message: Json = {
                "eventId": str(uuid.uuid4()) if writing.forged else event_id,
                "eventCreated": int(created - writing.age_s),
                "storeId": self._store_id,
                "entityId": entity_id + 1 if writing.forged else entity_id,
                "eventType": event,
            }
            if data:
                message["data"] = data
            secret = "someone-else" if writing.forged else CLIENT_SECRET
            signature = sign(message["eventCreated"], message["eventId"], secret)
            headers = {"Content-Type": "application/json; charset=UTF-8", "X-Ecwid-Webhook-Signature": signature}
            return json.dumps(message, separators=(",", ":")).encode(), headers

        join = "&" if "?" in switches.webhook_url else "?"
        url = f"{switches.webhook_url}{join}{urlencode({'eventType': event})}"
        self._world.courier.send(Parcel(self._platform, self._account, event, url, write, _WAITS_S, _ACCEPTED))


def sign(event_created: int, event_id: str, client_secret: str = CLIENT_SECRET) -> str:
    """base64 of HMAC-SHA256 over `{eventCreated}.{eventId}`."""
    digest = hmac.new(client_secret.encode(), f"{event_created}.{event_id}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
