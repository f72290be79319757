"""Which sessions have ended although access tokens of them have not expired yet: a small table in memory.

auth tells of every end at once (see chassis.trust). An entry is forgotten when the last token of the session has expired by
itself, so the table needs no one to clean it up and holds without auth.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from chassis.context import Principal
from chassis.errors import Unauthenticated

_PRUNE_EVERY_SECONDS = 60.0


class TokenRevoked(Unauthenticated):
    """The token's session was ended before the token expired."""

    reason = "TOKEN_REVOKED"

    def __init__(self) -> None:
        super().__init__("The session of this access token has ended; sign in again.")


class Revocations:
    """Asked once per call: a look-up in a dict."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._prune_at = 0.0

    def __len__(self) -> int:
        return len(self._until)

    def add(self, session_ids: Iterable[str], until: float) -> None:
        """Refuses tokens of these sessions; `until`, in Unix time, no token of them can be good any more."""
        for session_id in session_ids:
            self._until[session_id] = until
        if time.time() >= self._prune_at:
            self._prune()

    def check(self, principal: Principal) -> None:
        """Raises TokenRevoked when the principal's session has ended."""
        if principal.session_id in self._until:
            raise TokenRevoked

    def _prune(self) -> None:
        now = time.time()
        self._prune_at = now + _PRUNE_EVERY_SECONDS
        self._until = {session_id: until for session_id, until in self._until.items() if until > now}
