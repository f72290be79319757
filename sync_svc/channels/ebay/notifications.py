"""eBay's notifications: answering its test of our address, checking a delivery, and subscribing.

The key that signs is eBay's, not the seller's: a genuine delivery for another seller verifies as well. That is harmless,
because the order it names is then read with this seller's access.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from sync_svc.channels.base import ChannelAccount, ChannelError, Hint, HintKind, Outcome, WebhookRefused
from sync_svc.channels.codec import fields_of, objects_of
from sync_svc.channels.ebay import signature
from sync_svc.channels.ebay.client import EbayClient
from sync_svc.channels.locks import KeyedLocks

TOPIC = "ORDER_CONFIRMATION"
_ORDER_TOPICS = frozenset({TOPIC, "ITEM_MARKED_SHIPPED"})
MAX_BODY_BYTES = 1024 * 1024
_KEY_KEPT_S = 3600.0
_ABSENCE_KEPT_S = 300.0
_MAX_KEYS = 64
_TAKEN = frozenset({409})


class Notifications:
    """The notifications of one seller account."""

    def __init__(self, client: EbayClient, account: ChannelAccount) -> None:
        self._client = client
        self._account = account
        self._keys: OrderedDict[str, tuple[float, EllipticCurvePublicKey | None]] = OrderedDict()
        self._locks = KeyedLocks()

    def answer_challenge(self, endpoint: str, challenge_code: str) -> bytes:
        """The JSON body that proves the address ours."""
        answer = signature.challenge_response(challenge_code, self._verification_token(endpoint), endpoint)
        return json.dumps({"challengeResponse": answer}).encode()

    def _verification_token(self, endpoint: str) -> str:
        """The one agreed on, or one derived from the endpoint, so that any process can answer before any is stored."""
        agreed = self._account.webhook.get("verification_token")
        secret = self._account.credentials["client_secret"]
        return agreed or hmac.new(secret.encode(), endpoint.encode(), hashlib.sha256).hexdigest()

    async def verify(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Checks a delivery; raises `WebhookRefused`, or `ChannelError` when eBay's key could not be read."""
        if len(body) > MAX_BODY_BYTES:
            raise WebhookRefused("The notification is too long.")
        try:
            header = signature.parse_header(headers.get("x-ebay-signature", ""))
            key = await self._key(header.key_id)
            if key is None or not signature.is_signed(body, header, key):
                raise WebhookRefused("The signature does not fit the notification.")
        except signature.SignatureRefused as error:
            raise WebhookRefused(str(error)) from error
        return [hint_of(body)]

    async def _key(self, key_id: str) -> EllipticCurvePublicKey | None:
        """eBay's key, from the cache for an hour; that a key does not exist is remembered for a while, too."""
        async with self._locks.hold(key_id):
            kept_until, key = self._keys.get(key_id, (0.0, None))
            if time.monotonic() < kept_until:
                return key
            found = await self._client.get_public_key(key_id)
            key = signature.load_key(str(found.get("key", ""))) if found else None
            self._keys[key_id] = (time.monotonic() + (_KEY_KEPT_S if key else _ABSENCE_KEPT_S), key)
            if len(self._keys) > _MAX_KEYS:
                self._keys.popitem(last=False)
            return key

    # -- subscribing ----------------------------------------------------------------------------------------------

    async def connect(self, endpoint: str) -> dict[str, str]:
        """Has order confirmations sent to `endpoint`; what exists already is used."""
        await self._ensure_config()
        destination_id = await self._destination(endpoint)
        subscription_id = await self._subscription(destination_id)
        return {
            "verification_token": self._verification_token(endpoint),
            "endpoint": endpoint,
            "destination_id": destination_id,
            "subscription_id": subscription_id,
        }

    async def _ensure_config(self) -> None:
        email = str(self._account.options.get("alert_email") or "")
        if email:
            await self._client.notification("PUT", "/config", json_body={"alertEmail": email}, harmless=True)

    async def _destination(self, endpoint: str) -> str:
        known = await self._find("/destination", "destinations", _has_endpoint(endpoint))
        if known:
            return str(known["destinationId"])
        body = {
            "name": f"usav-hub-{self._account.channel_id}",
            "status": "ENABLED",
            "deliveryConfig": {"endpoint": endpoint, "verificationToken": self._verification_token(endpoint)},
        }
        answer = await self._client.notification("POST", "/destination", json_body=body, accept=_TAKEN)
        created = _created_id(answer.headers, answer.body, "destinationId") if answer.ok else ""
        if created:
            return created
        known = await self._find("/destination", "destinations", _has_endpoint(endpoint))
        if known is None:
            raise ChannelError(
                Outcome.PERMANENT, f"eBay refused the address: {_first_message(answer.body)}", code="409"
            )
        return str(known["destinationId"])

    async def _subscription(self, destination_id: str) -> str:
        known = await self._own_subscription()
        if known is None:
            body = {
                "topicId": TOPIC,
                "status": "ENABLED",
                "destinationId": destination_id,
                "payload": {
                    "format": "JSON",
                    "schemaVersion": await self._schema_version(),
                    "deliveryProtocol": "HTTPS",
                },
            }
            answer = await self._client.notification(
                "POST", "/subscription", seller=True, json_body=body, accept=_TAKEN
            )
            created = _created_id(answer.headers, answer.body, "subscriptionId") if answer.ok else ""
            if created:
                return created
            known = await self._own_subscription()
        if known is None:
            raise ChannelError(Outcome.RETRY, "eBay made a subscription and does not show it yet.", code="409")
        await self._point(known, destination_id)
        return str(known["subscriptionId"])

    async def _point(self, subscription: Mapping[str, Any], destination_id: str) -> None:
        """Points an existing subscription at our destination and switches it on."""
        if subscription.get("destinationId") == destination_id and subscription.get("status") == "ENABLED":
            return
        body = {"status": "ENABLED", "destinationId": destination_id, "payload": subscription.get("payload")}
        path = f"/subscription/{subscription['subscriptionId']}"
        await self._client.notification("PUT", path, seller=True, json_body=body, harmless=True)

    async def _own_subscription(self) -> Mapping[str, Any] | None:
        return await self._find("/subscription", "subscriptions", lambda one: one.get("topicId") == TOPIC, seller=True)

    async def _schema_version(self) -> str:
        answer = await self._client.notification("GET", f"/topic/{TOPIC}")
        for payload in objects_of(answer.body, "supportedPayloads"):
            if not payload.get("deprecated") and payload.get("schemaVersion"):
                return str(payload["schemaVersion"])
        return "1.0"

    async def _find(self, path: str, name: str, fits: Any, *, seller: bool = False) -> Mapping[str, Any] | None:
        """Looks through all pages of a list."""
        params: dict[str, str] = {"limit": "100"}
        for _ in range(20):
            answer = await self._client.notification("GET", path, seller=seller, params=params)
            for one in objects_of(answer.body, name):
                if fits(one):
                    return one
            token = fields_of(answer.body).get("next")
            if not token:
                break
            params["continuation_token"] = str(token)
        return None


def hint_of(body: bytes) -> Hint:
    """Reads a verified notification; raises `WebhookRefused` when it has no id."""
    try:
        parsed = json.loads(body)
        notification = parsed["notification"]
        event_id = str(notification["notificationId"])
        topic = str(parsed["metadata"]["topic"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WebhookRefused("The notification has no id or no topic.") from error
    order_id = _order_id(notification.get("data"))
    if topic in _ORDER_TOPICS and order_id:
        return Hint(event_id, HintKind.ORDER, order_id)
    return Hint(event_id, HintKind.IGNORED)


def _order_id(data: Any) -> str:
    """The order's id, which stands in an object of its own or beside the seller's."""
    fields = fields_of(data)
    return str(fields_of(fields.get("order")).get("orderId") or fields.get("orderId") or "")


def _has_endpoint(endpoint: str) -> Any:
    def fits(destination: Mapping[str, Any]) -> bool:
        return bool(fields_of(destination.get("deliveryConfig")).get("endpoint") == endpoint)

    return fits


def _created_id(headers: Mapping[str, str], body: Any, name: str) -> str:
    """The id of something created, which eBay gives in the body or only at the end of the Location header."""
    given = fields_of(body).get(name)
    if given:
        return str(given)
    return headers.get("location", "").rstrip("/").rpartition("/")[2]


def _first_message(body: Any) -> str:
    errors = objects_of(body, "errors")
    return str(errors[0].get("message", "no reason given")) if errors else "no reason given"
