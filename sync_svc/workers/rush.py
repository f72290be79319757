"""Whether listings are coming in by the thousand. Then what is not urgent waits a little: the import needs the machine, and
reading each new listing from its platform takes more of it than the whole import does.
"""

from __future__ import annotations

import time

_MANY = 500
_CALM_AFTER_S = 1.0
# No import holds pushes back for longer.
_AT_MOST_S = 120.0


class Rush:
    """On from a large batch of listings until a second after the last one, and for two minutes at most."""

    def __init__(self) -> None:
        self._began = self._ends = 0.0

    def note(self, listings: int) -> None:
        """So many listings came in one call."""
        if listings < _MANY:
            return
        at = time.monotonic()
        if at >= self._ends:
            self._began = at
        self._ends = at + _CALM_AFTER_S

    def left_s(self) -> float:
        """How long it lasts yet when nothing more comes; 0 when it is over."""
        at = time.monotonic()
        return max(0.0, min(self._ends, self._began + _AT_MOST_S) - at)
