"""How long to wait after a failure: doubling, capped, with jitter so that listings do not come back in step."""

from __future__ import annotations

import random
from collections.abc import Callable

PUSH_FIRST_S, PUSH_CAP_S = 0.5, 300.0
AUTH_FIRST_S, AUTH_CAP_S = 30.0, 3600.0
_JITTER = 0.5


def backoff_s(
    attempts: int,
    *,
    first_s: float = PUSH_FIRST_S,
    cap_s: float = PUSH_CAP_S,
    spread: Callable[[], float] = random.random,
) -> float:
    """Seconds to wait after the `attempts`-th failure in a row (from 1): between half and all of the doubled time."""
    exponent = min(max(attempts, 1) - 1, 30)
    full = min(cap_s, first_s * 2.0**exponent)
    return float(full * (1 - _JITTER * spread()))
