"""What the messages of the queue say, and subscribing to them.

Nobody but Amazon may put anything into the queue; still a message is believed no further than its id. Names come in two
spellings: ORDER_CHANGE writes them with a capital, feeds with a small letter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sync_svc.channels.amazon.client import AmazonClient
from sync_svc.channels.amazon.errors import is_unknown_sku
from sync_svc.channels.base import ChannelError, Hint, HintKind, Outcome
from sync_svc.channels.codec import fields_of

ORDER_CHANGE = "ORDER_CHANGE"
# The types subscribed to, with the version of their payload.
SUBSCRIBED = {ORDER_CHANGE: "1.0", "LISTINGS_ITEM_ISSUES_CHANGE": "1.0"}
_TAKEN = frozenset({409})
_MAX_ID_CHARS = 200


def hint_of(text: str, seller_id: str) -> Hint:
    """Reads one message. What is not of interest, or not for this seller, is ignored; it never fails."""
    try:
        message = fields_of(json.loads(text))
    except (ValueError, RecursionError):
        message = {}
    given_id = named(named(message, "NotificationMetadata"), "NotificationId")
    event_id = given_id if _is_id(given_id) else hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
    kind, external_id = _subject(message, seller_id)
    return Hint(event_id, kind, external_id if kind is not HintKind.IGNORED else "")


def _subject(message: Mapping[str, Any], seller_id: str) -> tuple[HintKind, str]:
    payload = fields_of(named(message, "Payload"))
    notification_type = str(named(message, "NotificationType") or "")
    if notification_type == ORDER_CHANGE:
        change = fields_of(named(payload, "OrderChangeNotification"))
        order_id = named(change, "AmazonOrderId")
        is_ours = named(named(change, "Summary"), "FulfillmentType") != "AFN"
        if is_ours and named(change, "SellerId") == seller_id and _is_id(order_id):
            return HintKind.ORDER, str(order_id)
    elif notification_type.startswith("LISTINGS_ITEM_"):
        sku = named(payload, "Sku")
        if named(payload, "SellerId") == seller_id and _is_id(sku):
            return HintKind.LISTING, str(sku)
    return HintKind.IGNORED, ""


def named(fields: Any, name: str) -> Any:
    """A field by its name, in either spelling."""
    found = fields_of(fields)
    return found.get(name, found.get(name[:1].lower() + name[1:]))


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID_CHARS


async def subscribe(client: AmazonClient, queue_arn: str, name: str) -> dict[str, str]:
    """Has notifications put into the queue; what exists already is used. Raises `ChannelError`."""
    destination_id = await _destination(client, queue_arn, name)
    learned = {"destination_id": destination_id}
    for notification_type, version in SUBSCRIBED.items():
        body = {"payloadVersion": version, "destinationId": destination_id}
        path = f"/subscriptions/{notification_type}"
        if await _subscription(client, path):
            continue
        try:
            await client.notification("POST", path, json_body=body, accept=_TAKEN, harmless=True)
        except ChannelError as error:
            # Issues of listings are a convenience; a seller without the role for them still gets orders.
            if notification_type == ORDER_CHANGE or error.outcome not in (Outcome.PERMANENT, Outcome.AUTH):
                raise
    return learned


async def _destination(client: AmazonClient, queue_arn: str, name: str) -> str:
    known = await _known_destination(client, queue_arn)
    if known:
        return known
    body = {"name": name, "resourceSpecification": {"sqs": {"arn": queue_arn}}}
    answer = await client.notification(
        "POST", "/destinations", grantless=True, json_body=body, accept=_TAKEN, harmless=True
    )
    made = named(named(answer.body, "payload"), "destinationId") if answer.ok else None
    found = str(made) if _is_id(made) else await _known_destination(client, queue_arn)
    if not found:
        raise ChannelError(Outcome.PERMANENT, "Amazon did not take the queue as a destination.", code="destination")
    return found


async def _known_destination(client: AmazonClient, queue_arn: str) -> str:
    answer = await client.notification("GET", "/destinations", grantless=True)
    listed = fields_of(answer.body).get("payload")
    for destination in listed if isinstance(listed, list) else []:
        sqs = fields_of(fields_of(fields_of(destination).get("resource")).get("sqs"))
        destination_id = fields_of(destination).get("destinationId")
        if sqs.get("arn") == queue_arn and _is_id(destination_id):
            return str(destination_id)
    return ""


async def _subscription(client: AmazonClient, path: str) -> bool:
    try:
        answer = await client.notification("GET", path)
    except ChannelError as error:
        if is_unknown_sku(error.code):
            return False
        raise
    return bool(named(named(answer.body, "payload"), "subscriptionId"))
