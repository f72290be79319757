"""Notification set-up of the application: alert address, destinations proven by a challenge, topics, public keys."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import secrets
from typing import Any

import aiohttp

from sandbox.courier import is_loopback_url
from sandbox.ebay.documents import document, section
from sandbox.ebay.errors import refuse
from sandbox.ebay.signing import SigningKey
from sandbox.ebay.store import Store
from sandbox.ebay.tokens import PUBLIC, SUBSCRIPTION
from sandbox.wire import Answer, Call, Json, Router

BASE = "/commerce/notification/v1"
ORDER_CONFIRMATION = "ORDER_CONFIRMATION"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,80}")
TOPICS = {
    ORDER_CONFIRMATION: ("USER", SUBSCRIPTION, "A buyer completed the checkout of an item."),
    "ITEM_MARKED_SHIPPED": ("USER", SUBSCRIPTION, "The seller marked an item as shipped."),
    "MARKETPLACE_ACCOUNT_DELETION": ("APPLICATION", PUBLIC, "A user asked for the deletion of the account data."),
}


class Destinations:
    """Handlers of `config`, `destination`, `topic` and `public_key`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.key = SigningKey()
        self.config: Json = {}
        self.all: dict[str, Json] = {}
        self.in_use: Any = lambda destination_id: False
        keeper = store.world.keeper
        keeper.register("ebay.key", lambda _: self.key.as_json(), lambda _, document: self.key.restore(document))
        keeper.register("ebay.config", lambda _: self.config, lambda _, document: self.config.update(document))
        keeper.register("ebay.destination", self.all.get, self.all.__setitem__)

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("get_config", f"GET {BASE}/config", self.get_config)
        router.add("update_config", f"PUT {BASE}/config", self.update_config)
        router.add("get_destinations", f"GET {BASE}/destination", self.list_destinations)
        router.add("create_destination", f"POST {BASE}/destination", self.create)
        router.add("get_destination", f"GET {BASE}/destination/{{destination_id}}", self.get)
        router.add("update_destination", f"PUT {BASE}/destination/{{destination_id}}", self.update)
        router.add("delete_destination", f"DELETE {BASE}/destination/{{destination_id}}", self.delete)
        router.add("get_topics", f"GET {BASE}/topic", self.list_topics)
        router.add("get_topic", f"GET {BASE}/topic/{{topic_id}}", self.get_topic)
        router.add("get_public_key", f"GET {BASE}/public_key/{{kid}}", self.public_key)

    def clear(self) -> None:
        """Forgets the set-up; the key stays."""
        self.config.clear()
        self.all.clear()

    def keep_key(self) -> None:
        """Has the key written, so that its id outlives a restart."""
        self._store.world.keeper.touch("ebay.key", "key")

    def get_config(self, call: Call) -> Answer:
        """The alert address; 404 before it is set."""
        if not self.config:
            raise refuse(404, 195026, "Configuration Not Found.")
        return Answer(200, self.config)

    def update_config(self, call: Call) -> Answer:
        """Sets the alert address."""
        email = document(call).get("alertEmail")
        if not isinstance(email, str) or "@" not in email:
            raise refuse(400, 195025, "Invalid or missing email.")
        self.config["alertEmail"] = email
        self._store.world.keeper.touch("ebay.config", "config")
        return Answer(204)

    def list_destinations(self, call: Call) -> Answer:
        """All destinations of the application."""
        found = list(self.all.values())
        return Answer(200, {"destinations": found, "total": len(found), "limit": 100, "href": f"{BASE}/destination"})

    async def create(self, call: Call) -> Answer:
        """A new destination, once its endpoint has answered the challenge."""
        body = document(call)
        if not self.config:
            raise refuse(409, 195003, "Please provide configurations required for notifications. Refer to /config")
        await self._check(body, "")
        destination_id = str(self._store.world.keeper.next_id("ebay.destination", 1001))
        self._keep(destination_id, body)
        location = f"{self._store.world.base_url}/ebay{BASE}/destination/{destination_id}"
        return Answer(201, {}, {"Location": location})

    def get(self, call: Call) -> Answer:
        """One destination."""
        return Answer(200, self._find(call))

    async def update(self, call: Call) -> Answer:
        """Replaces a destination after a new challenge."""
        destination_id = self._find(call)["destinationId"]
        body = document(call)
        await self._check(body, destination_id)
        self._keep(destination_id, body)
        return Answer(204)

    def delete(self, call: Call) -> Answer:
        """Deletes a destination that no subscription uses."""
        destination_id = self._find(call)["destinationId"]
        if self.in_use(destination_id):
            raise refuse(409, 195024, "Destination is in use and cannot be deleted.")
        del self.all[destination_id]
        self._store.world.keeper.touch("ebay.destination", destination_id)
        return Answer(204)

    def list_topics(self, call: Call) -> Answer:
        """The topics the sandbox knows."""
        found = [_topic(topic_id) for topic_id in TOPICS]
        return Answer(200, {"topics": found, "total": len(found), "limit": 100, "href": f"{BASE}/topic"})

    def get_topic(self, call: Call) -> Answer:
        """One topic."""
        if call.params["topic_id"] not in TOPICS:
            raise refuse(404, 195002, "Invalid or missing topic id.")
        return Answer(200, _topic(call.params["topic_id"]))

    def public_key(self, call: Call) -> Answer:
        """The key notifications are signed with."""
        if call.params["kid"] != self.key.kid:
            raise refuse(404, 195001, "The specified key id is invalid.")
        return Answer(200, self.key.public())

    def _find(self, call: Call) -> Json:
        found = self.all.get(call.params["destination_id"])
        if found is None:
            raise refuse(404, 195022, "Invalid or missing destination id.")
        return found

    def _keep(self, destination_id: str, body: Json) -> None:
        self.all[destination_id] = {
            "destinationId": destination_id,
            "name": body["name"],
            "status": body["status"],
            "deliveryConfig": body["deliveryConfig"],
        }
        self._store.world.keeper.touch("ebay.destination", destination_id)

    async def _check(self, body: Json, own_id: str) -> None:
        name, delivery = body.get("name"), section(body, "deliveryConfig")
        endpoint, token = delivery.get("endpoint"), delivery.get("verificationToken")
        if not isinstance(name, str) or not 0 < len(name) <= 64 or "<" in name:
            raise refuse(400, 195016, "Invalid name. Markups or lengths greater than 64 not supported")
        if not isinstance(endpoint, str) or not is_loopback_url(endpoint):
            raise refuse(400, 195017, "Invalid or missing endpoint. The sandbox calls loopback addresses only.")
        if body.get("status") not in {"ENABLED", "DISABLED"}:
            raise refuse(400, 195018, "Invalid or missing destination status. Supported values:[ENABLED,DISABLED]")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise refuse(400, 195019, "Invalid or missing verification token for this endpoint.")
        self._refuse_taken(endpoint, own_id)
        if not await self._challenge(endpoint, token):
            raise refuse(409, 195020, "Challenge verification failed for requested endpoint")
        self._refuse_taken(endpoint, own_id)

    def _refuse_taken(self, endpoint: str, own_id: str) -> None:
        for destination_id, known in self.all.items():
            if destination_id != own_id and known["deliveryConfig"]["endpoint"] == endpoint:
                raise refuse(409, 195021, "Destination exists for this endpoint")

    async def _challenge(self, endpoint: str, token: str) -> bool:
        code = secrets.token_hex(16)
        expected = hashlib.sha256((code + token + endpoint).encode()).hexdigest()
        session = self._store.world.courier.session
        try:
            async with session.get(endpoint, params={"challenge_code": code}, allow_redirects=False) as response:
                answer = json.loads(await response.read())
                is_json = response.content_type == "application/json"
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError):
            return False
        given = answer.get("challengeResponse") if isinstance(answer, dict) else None
        return response.status == 200 and is_json and hmac.compare_digest(str(given), expected)


def _topic(topic_id: str) -> Json:
    scope, authorization, description = TOPICS[topic_id]
    payload = {"format": ["JSON"], "schemaVersion": "1.0", "deliveryProtocol": "HTTPS", "deprecated": False}
    return {
        "topicId": topic_id,
        "description": description,
        "status": "ENABLED",
        "context": "SELL",
        "scope": scope,
        "filterable": False,
        "authorizationScopes": [authorization],
        "supportedPayloads": [payload],
    }
