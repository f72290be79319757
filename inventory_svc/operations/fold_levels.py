"""Folds the changes of stock levels into the levels, so that reading one stays short. Nothing depends on when it happens."""

from __future__ import annotations

import asyncio

from inventory_svc.storage import stock_levels
from inventory_svc.storage.session import Session

_EVERY_SECONDS, _IDLE_SECONDS = 0.5, 2.0
_AT_ONCE = 5_000


async def keep_folding(session: Session) -> None:
    """Does so twice a second while units change, for as long as the service runs."""
    while True:
        folded = await stock_levels.fold(session, _AT_ONCE)
        if folded < _AT_ONCE:
            await asyncio.sleep(_EVERY_SECONDS if folded else _IDLE_SECONDS)
