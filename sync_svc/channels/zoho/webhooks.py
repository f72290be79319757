"""What a workflow of Zoho posts here: the changed record, believed no further than its id.

How Zoho Inventory signs is not published. So the address holds a secret that only Zoho was told, and a signature is checked
whenever one comes, or always when the channel says so. It covers the body, or the query and the body, as Zoho's sister products
have it. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from sync_svc.channels.base import TOKEN_HEADER, Hint, HintKind, WebhookRefused
from sync_svc.channels.codec import fields_of
from sync_svc.channels.zoho.mapping import text_id

SIGNATURE_HEADER = "x-zoho-webhook-signature"
_MAX_BODY_BYTES = 256 * 1024
# A message without a time of its change counts once in so many seconds: it may say the same of the next change.
_SAME_WITHIN_S = 10
_RECORDS = {
    "salesorder": (HintKind.ORDER, "salesorder_id"),
    "item": (HintKind.LISTING, "item_id"),
}


def hints_of(headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str], *, now: float) -> list[Hint]:
    """Checks a delivery and says what it points at; raises `WebhookRefused`. `now` is in UNIX seconds.

    `secrets` are the channel's: `token` of the address, `signing_secret`, and `require_signature` when unsigned ones are
    refused.
    """
    if len(body) > _MAX_BODY_BYTES:
        raise WebhookRefused("The webhook is too long.")
    _check(headers, body, secrets)
    document = _parse(body)
    digest = hashlib.sha256(body).hexdigest()[:32]
    for name, (kind, id_name) in _RECORDS.items():
        record = fields_of(document.get(name)) or (document if id_name in document else {})
        external_id = text_id(record.get(id_name))
        if external_id:
            moment = "" if record.get("last_modified_time") else f"-{int(now // _SAME_WITHIN_S)}"
            return [Hint(digest + moment, kind, external_id)]
    return [Hint(digest, HintKind.IGNORED)]


def _check(headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]) -> None:
    token, secret = secrets.get("token", ""), secrets.get("signing_secret", "")
    given, signature = headers.get(TOKEN_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
    must_be_signed = secrets.get("require_signature", "").casefold() in ("true", "1", "yes")
    if not token and not (secret and must_be_signed):
        raise WebhookRefused("The channel has no secret to know its webhooks by.")
    if token and not _same(given, token):
        raise WebhookRefused("The address of the webhook does not hold its secret.")
    if (signature or must_be_signed) and not _is_signed(signature, body, secret, given):
        raise WebhookRefused("The signature does not fit the webhook.")


def _is_signed(signature: str, body: bytes, secret: str, token: str) -> bool:
    if not secret:
        return False
    query = f"token{token}".encode(errors="replace") if token else b""
    fits = [
        _same(signature, hmac.new(secret.encode(), form, hashlib.sha256).hexdigest()) for form in (body, query + body)
    ]
    return any(fits)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode(errors="replace"))


def _parse(body: bytes) -> Mapping[str, Any]:
    """The record, sent as JSON or as a form with the JSON in it."""
    try:
        text = body.decode()
        if not text.lstrip().startswith("{"):
            text = dict(parse_qsl(text, max_num_fields=50)).get("JSONString", "")
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WebhookRefused("The webhook is not JSON.") from error
    if not isinstance(document, Mapping):
        raise WebhookRefused("The webhook is not an object.")
    return document
