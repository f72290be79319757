"""What every service is told at once: sessions whose access tokens are void, and that the keys have changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

SESSIONS_ENDED = "SESSIONS_ENDED"
KEYS_CHANGED = "KEYS_CHANGED"

_IDS_PER_MESSAGE = 500
# One user with more live sessions than this is a script that never refreshes; its oldest have no live access token.
_MOST_IDS = 10_000


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """Sessions that ended together, named as access tokens name them in the claim `sid`."""

    session_ids: tuple[str, ...]
    ended_at: datetime

    def payload(self) -> bytes:
        """What is written into the outbox."""
        return json.dumps({"ids": self.session_ids, "at": self.ended_at.isoformat()}).encode()


def read_ended(payload: bytes) -> EndedSessions:
    """The other way round."""
    values = json.loads(payload)
    return EndedSessions(tuple(values["ids"]), datetime.fromisoformat(values["at"]))


def in_messages(session_ids: Sequence[str], at: datetime) -> Iterator[EndedSessions]:
    """The sessions, those used last first, in parts of a size that a feed carries well."""
    kept = session_ids[:_MOST_IDS]
    for start in range(0, len(kept), _IDS_PER_MESSAGE):
        yield EndedSessions(tuple(kept[start : start + _IDS_PER_MESSAGE]), at)
