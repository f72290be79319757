"""The leases of one process, which its successor at the same address knows: nobody waits for those of the dead to end.

A process that listens on an address is the only one there, so whatever a former one of the same address holds, nobody works on.
Should two processes ever have the same name, each finds its leases gone and the fences hold: what it was doing is done again.
"""

from __future__ import annotations

import hashlib
import os
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_NAME_BYTES = 8

# A listing keeps its lease, ended: what the dead process sent is not known. What it said of a parcel gets a moment to arrive.
_FREE = [
    text(statement)
    for statement in (
        "UPDATE sync.listing SET lease_until = clock_timestamp() WHERE lease BETWEEN :first AND :last",
        "UPDATE sync.order_task SET lease = NULL, lease_until = NULL WHERE lease BETWEEN :first AND :last",
        "UPDATE sync.channel_order SET ship_lease_until = least(ship_lease_until, clock_timestamp() + interval '5 seconds')"
        " WHERE ship_lease BETWEEN :first AND :last",
        "UPDATE sync.channel SET poll_lease = NULL, poll_lease_until = NULL WHERE poll_lease BETWEEN :first AND :last",
        "UPDATE sync.reconciliation SET lease = NULL, lease_until = NULL WHERE lease BETWEEN :first AND :last",
        "UPDATE sync.feed_position SET lease = NULL, lease_until = NULL WHERE lease BETWEEN :first AND :last",
        "UPDATE sync.access_token SET claim = NULL, claimed_until = NULL WHERE claim BETWEEN :first AND :last",
    )
]


class LeaseIds:
    """Names for the leases of one process. They begin alike for every process of the same address, and end at random."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._name = hashlib.sha256(owner.encode()).digest()[:_NAME_BYTES]

    def new(self) -> UUID:
        """A name that no other lease has."""
        return UUID(bytes=self._name + os.urandom(16 - _NAME_BYTES))

    def range(self) -> tuple[UUID, UUID]:
        """The least and the greatest name there can be."""
        rest = 16 - _NAME_BYTES
        return UUID(bytes=self._name + b"\0" * rest), UUID(bytes=self._name + b"\xff" * rest)


async def take_over(conn: AsyncConnection, ids: LeaseIds) -> int:
    """Free what a former process of this address held; answers how many leases. To be called before the first lease is taken."""
    first, last = ids.range()
    return sum([(await conn.execute(statement, {"first": first, "last": last})).rowcount for statement in _FREE])
