"""The ledger's rows, who and why, and the hash that chains the rows of a unit.

The database computes the hash; `movement_hash` is the same formula for whoever verifies it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from inventory_svc.domain.item import Action, Status
from inventory_svc.domain.money import Money

GENESIS = bytes(32)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changes stock, and why: the same for every unit of one call."""

    actor_id: str
    actor_name: str
    actor_role: str
    request_id: str
    reason: str = ""
    order_reference: str = ""
    # What the actor is bound to; not part of the ledger. None: nothing.
    warehouses: frozenset[str] | None = None

    def unbound(self) -> Cause:
        """The same for units that lie in no warehouse: sold, or on their way."""
        return dataclasses.replace(self, warehouses=None)


@dataclass(frozen=True, slots=True)
class Movement:
    """One row of the ledger."""

    id: int
    item_id: int
    sequence: int
    action: Action
    variant_id: int
    sku: str
    before_status: Status | None
    after_status: Status
    before_location: str
    after_location: str
    unit_cost: Money | None
    sale_price: Money | None
    cause: Cause
    created_at: datetime
    changes: str
    previous_hash: bytes
    hash: bytes


def movement_hash(row: Movement) -> bytes:
    """The sha256 of the previous hash and of all that stands in the row.

    Plain fields end with `|`; free texts follow as `<bytes>:<text>`, so that no two rows give the same bytes.
    """
    plain = (
        row.item_id,
        row.sequence,
        row.action.value,
        row.variant_id,
        row.before_status.value if row.before_status else "",
        row.after_status.value,
        *_money(row.unit_cost),
        *_money(row.sale_price),
        (row.created_at - _EPOCH) // timedelta(microseconds=1),
    )
    texts = (
        row.before_location,
        row.after_location,
        row.cause.actor_id,
        row.cause.actor_name,
        row.cause.actor_role,
        row.cause.reason,
        row.cause.order_reference,
        row.cause.request_id,
        row.changes,
    )
    content = "".join(f"{value}|" for value in plain).encode() + b"".join(_counted(text) for text in texts)
    return hashlib.sha256(row.previous_hash + content).digest()


def _money(value: Money | None) -> tuple[str, str]:
    return ("", "") if value is None else (str(value.amount.quantize(Decimal("0.0001"))), value.currency)


def _counted(text: str) -> bytes:
    raw = text.encode()
    return b"%d:%s" % (len(raw), raw)


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """A ledger row that does not fit the one before it, or its own hash."""

    movement_id: int
    item_id: int
    sequence: int
    what: str


def chain_breaks(rows: Iterable[Movement]) -> list[ChainBreak]:
    """What is wrong in the chain of one unit, given all its rows in order; an empty list when nothing is."""
    found: list[ChainBreak] = []
    expected, previous, before = 1, GENESIS, 0
    for row in rows:
        for what, right in (
            ("a row is missing before it", row.sequence == expected),
            (
                f"it does not continue the row {before} before it: one of them was changed",
                row.previous_hash == previous,
            ),
            ("its hash is not that of its content", row.hash == movement_hash(row)),
        ):
            if not right:
                found.append(ChainBreak(row.id, row.item_id, row.sequence, what))
        expected, previous, before = row.sequence + 1, row.hash, row.id
    return found


@dataclass(frozen=True, slots=True)
class PresentState:
    """What a unit's own row says it is now."""

    version: int
    status: Status
    location: str
    variant_id: int
    unit_cost: Money | None
    updated_at: datetime
    is_deleted: bool
    has_hold: bool
    hold_is_right: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A unit's last ledger row as the database sealed it: the row's id and hash."""

    movement_id: int
    hash: bytes


def head_breaks(item_id: int, rows: Sequence[Movement], head: Head | None) -> list[ChainBreak]:
    """Where the last rows of a unit are not what was sealed when they were written."""
    last = rows[-1] if rows else None
    if head is None:
        unsealed = "its seal as the unit's last row is missing"
        return [ChainBreak(last.id, item_id, last.sequence, unsealed)] if last else []
    sealed = next((place for place, row in enumerate(rows) if row.id == head.movement_id), None)
    if sealed is None:
        return [ChainBreak(head.movement_id, item_id, 0, "the row that was sealed as the unit's last is missing")]
    found = [
        ChainBreak(row.id, item_id, row.sequence, "it stands behind the row that was sealed as the unit's last")
        for row in rows[sealed + 1 :]
    ]
    if rows[sealed].hash != head.hash:
        changed = "it was changed after it was written: its hash is not the sealed one"
        found.append(ChainBreak(head.movement_id, item_id, rows[sealed].sequence, changed))
    return found


def _cost(value: Money | None) -> str:
    return " ".join(_money(value)).strip() or "not known"


def unit_breaks(
    item_id: int, rows: Sequence[Movement], present: PresentState | None, head: Head | None
) -> list[ChainBreak]:
    """Everything that is wrong with one unit: its chain, the seal of its last row, and where that row and the unit itself differ.

    A row that was changed got another hash from the database, so it is the row behind it that no longer fits: both are named.
    The last one no longer fits its seal.
    """
    found = chain_breaks(rows) + head_breaks(item_id, rows, head)
    if present is None:
        return [*found, ChainBreak(rows[0].id if rows else 0, item_id, 0, "the unit itself is missing")]
    if not rows:
        return [*found, ChainBreak(0, item_id, 0, "the unit has no ledger rows")]
    last = rows[-1]
    differs = [
        f"the unit's {name} is {now}, the ledger's last row says {told}"
        for name, told, now in (
            ("version", last.sequence, present.version),
            ("status", last.after_status.value, present.status.value),
            ("location", last.after_location, present.location),
            ("variant", last.variant_id, present.variant_id),
            ("cost", _cost(last.unit_cost), _cost(present.unit_cost)),
            ("time of change", last.created_at, present.updated_at),
            ("deletion", last.action is Action.DELETE, present.is_deleted),
        )
        if told != now
    ]
    if not present.hold_is_right or present.has_hold != (present.status is Status.RESERVED):
        differs.append("its hold and the reservations differ")
    return [*found, *(ChainBreak(last.id, item_id, last.sequence, what) for what in differs)]
