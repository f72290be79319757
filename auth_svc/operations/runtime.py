"""What the operations of this service work with, built once in bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auth_svc.operations.password_hasher import PasswordHasher
from auth_svc.operations.token_mint import TokenMint
from chassis.clock import Clock
from chassis.database import Database


@dataclass(frozen=True)
class Runtime:
    """Shared by all calls."""

    db: Database
    hasher: PasswordHasher
    mint: TokenMint
    clock: Clock
    # Wakes the followers of the revocation feed; called after a commit that may have ended sessions.
    wake: Callable[[], None]
