"""Reading an Ecwid webhook. What it says is believed no further than the id it points at; see `signature`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sync_svc.channels.base import Hint, HintKind, WebhookRefused
from sync_svc.channels.codec import fields_of
from sync_svc.channels.ecwid import signature

MAX_BODY_BYTES = 256 * 1024
_MAX_ID_CHARS = 200
_KINDS = {"order": HintKind.ORDER, "product": HintKind.LISTING}


def hints_of(headers: Mapping[str, str], body: bytes, *, client_secret: str, store_id: str, now: float) -> list[Hint]:
    """Checks a delivery and says what it points at; raises `WebhookRefused`. `now` is in UNIX seconds."""
    event = _parse(body)
    event_id, created = event.get("eventId"), event.get("eventCreated")
    if not isinstance(event_id, str) or not 0 < len(event_id) <= _MAX_ID_CHARS:
        raise WebhookRefused("The webhook has no id.")
    if not isinstance(created, int) or isinstance(created, bool):
        raise WebhookRefused("The webhook has no time.")
    signed_as = headers.get("x-ecwid-webhook-signature", "")
    if not signature.is_signed(signed_as, client_secret, created, event_id):
        raise WebhookRefused("The signature does not fit the webhook.")
    if not signature.is_fresh(created, now):
        raise WebhookRefused("The webhook is too old, or from the future.")
    if str(event.get("storeId", "")) != store_id:
        raise WebhookRefused("The webhook is for another store.")
    return [_hint(event_id, event)]


def _parse(body: bytes) -> Mapping[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise WebhookRefused("The webhook is too long.")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WebhookRefused("The webhook is not JSON.") from error
    if not isinstance(event, Mapping):
        raise WebhookRefused("The webhook is not an object.")
    return event


def _hint(event_id: str, event: Mapping[str, Any]) -> Hint:
    kind = _KINDS.get(str(event.get("eventType", "")).partition(".")[0], HintKind.IGNORED)
    # A newer store's order has a text id, which stands in `data`; `entityId` is then the store's internal number.
    text_id = fields_of(event.get("data")).get("orderId") if kind is HintKind.ORDER else None
    external_id = str(text_id or event.get("entityId") or "")
    if kind is HintKind.IGNORED or not 0 < len(external_id) <= _MAX_ID_CHARS:
        return Hint(event_id, HintKind.IGNORED)
    return Hint(event_id, kind, external_id)
