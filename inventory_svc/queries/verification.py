"""Verifies the ledger range by range of unit ids: memory stays bounded, and each range is read at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.item import Status
from inventory_svc.domain.ledger import ChainBreak, Head, PresentState, unit_breaks
from inventory_svc.storage import stock_levels
from inventory_svc.storage.item_rows import to_money
from inventory_svc.storage.ledger_rows import to_movement
from inventory_svc.storage.session import Row, Session

_AT_ONCE = 500
_MOST_WRONG_LEVELS = 1_000
# The next range of ids; units, rows and seals that are missing on any side are found all the same.
_NEXT = Statement(
    text("""
    SELECT least(
      (SELECT min(id) FROM inventory.item WHERE id > CAST(:after AS bigint)),
      (SELECT min(item_id) FROM inventory.movement WHERE item_id > CAST(:after AS bigint)),
      (SELECT min(item_id) FROM inventory.ledger_head WHERE item_id > CAST(:after AS bigint))) AS first
    """)
)
_RANGE = Statement(
    text("""
    SELECT movement.*, known.sku, coalesce(movement.item_id, item.id, head.item_id) AS unit_id, item.id AS present_id,
      item.version AS present_version, item.status AS present_status, item.location AS present_location,
      item.variant_id AS present_variant_id, item.unit_cost AS present_cost, item.cost_currency AS present_currency,
      item.updated_at AS present_updated_at, item.deleted_at AS present_deleted_at,
      item.reservation_id AS present_hold_id, hold.id AS live_hold_id,
      head.movement_id AS head_movement_id, head.hash AS head_hash
    FROM (SELECT * FROM inventory.movement WHERE item_id BETWEEN CAST(:first AS bigint) AND CAST(:last AS bigint)) AS movement
    FULL JOIN (SELECT * FROM inventory.item WHERE id BETWEEN CAST(:first AS bigint) AND CAST(:last AS bigint)) AS item
      ON item.id = movement.item_id
    FULL JOIN (SELECT * FROM inventory.ledger_head WHERE item_id BETWEEN CAST(:first AS bigint) AND CAST(:last AS bigint)) AS head
      ON head.item_id = coalesce(movement.item_id, item.id)
    LEFT JOIN inventory.known_variant AS known ON known.variant_id = movement.variant_id
    LEFT JOIN inventory.reservation AS hold ON hold.item_id = item.id AND hold.closed_at IS NULL
    ORDER BY unit_id, movement.sequence
    """)
)


@dataclass(slots=True)
class Tally:
    """What was verified so far."""

    units: int = 0
    movements: int = 0
    findings: int = 0
    by_ledger: Counter[Status] = field(default_factory=Counter)
    present: Counter[Status] = field(default_factory=Counter)


async def verify(session: Session, item_id: int, tally: Tally) -> AsyncIterator[list[ChainBreak]]:
    """The findings of one range of units after the other, counting into `tally`, then those of the stock levels.

    One unit alone when `item_id` is given.
    """
    async for found in _verify_units(session, item_id, tally):
        tally.findings += len(found)
        yield found
    if not item_id:
        wrong = [_finding(level) for level in await stock_levels.list_wrong(session, _MOST_WRONG_LEVELS)]
        tally.findings += len(wrong)
        yield wrong


def _finding(wrong: stock_levels.WrongLevel) -> ChainBreak:
    text_ = f"{wrong.told} units of {wrong.what} are told to be {wrong.status}, there are {wrong.counted}"
    return ChainBreak(0, 0, 0, text_)


async def _verify_units(session: Session, item_id: int, tally: Tally) -> AsyncIterator[list[ChainBreak]]:
    after = item_id - 1 if item_id else 0
    while True:
        first = item_id or (await session.rows(_NEXT, after=after))[0]["first"]
        if first is None:
            return
        after = first if item_id else first + _AT_ONCE - 1
        rows = await session.rows(_RANGE, first=first, last=after)
        yield [each for _, unit in groupby(rows, key=lambda row: row["unit_id"]) for each in _check(list(unit), tally)]
        if item_id:
            return


def _check(rows: Sequence[Row], tally: Tally) -> list[ChainBreak]:
    ledger = [to_movement(row) for row in rows if row["id"] is not None]
    present = _present(rows[0])
    tally.units += 1
    tally.movements += len(ledger)
    if present and not present.is_deleted:
        tally.present[present.status] += 1
    if ledger and ledger[-1].action.value != "DELETE":
        tally.by_ledger[ledger[-1].after_status] += 1
    return unit_breaks(rows[0]["unit_id"], ledger, present, _head(rows[0]))


def _head(row: Row) -> Head | None:
    return Head(row["head_movement_id"], bytes(row["head_hash"])) if row["head_movement_id"] is not None else None


def _present(row: Row) -> PresentState | None:
    if row["present_id"] is None:
        return None
    return PresentState(
        version=row["present_version"],
        status=Status(row["present_status"]),
        location=row["present_location"],
        variant_id=row["present_variant_id"],
        unit_cost=to_money(row["present_cost"], row["present_currency"]),
        updated_at=row["present_updated_at"],
        is_deleted=row["present_deleted_at"] is not None,
        has_hold=row["present_hold_id"] is not None,
        hold_is_right=row["present_hold_id"] == row["live_hold_id"],
    )
