"""Waiting with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_LOOK_SECONDS = 0.05


def wait_for(look: Callable[[], T | None], seconds: float) -> T | None:
    """Looks until there is something that counts as true, and answers it; None when there is not in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_SECONDS)
