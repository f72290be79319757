"""What proves that a webhook comes from Ecwid. Pure.

Ecwid signs the event's id and time and nothing else: the same signature fits any other body with those two. So a valid one
means only "this event was sent"; what happened is read from the API, each id counts once, and old ones are refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

# The last of 27 delivery attempts comes after 24 hours, and an attempt carries the time of its event.
MAX_AGE_S = 26 * 3600
MAX_AHEAD_S = 300


def sign(client_secret: str, event_created: int, event_id: str) -> str:
    """The value of X-Ecwid-Webhook-Signature for one event."""
    text = f"{event_created}.{event_id}".encode(errors="replace")
    return base64.b64encode(hmac.digest(client_secret.encode(), text, hashlib.sha256)).decode()


def is_signed(signature: str, client_secret: str, event_created: int, event_id: str) -> bool:
    """Compares in constant time. An empty secret signs nothing."""
    if not client_secret:
        return False
    return hmac.compare_digest(
        sign(client_secret, event_created, event_id).encode(), signature.encode(errors="replace")
    )


def is_fresh(event_created: int, now: float) -> bool:
    """Says whether an event of that time (UNIX seconds) may still be delivered."""
    return -MAX_AHEAD_S <= now - event_created <= MAX_AGE_S
