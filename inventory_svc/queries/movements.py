"""The ledger for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.errors import ItemNotFound
from inventory_svc.domain.item import Action
from inventory_svc.domain.ledger import Movement
from inventory_svc.domain.scope import Warehouses
from inventory_svc.domain.variant import clean_sku
from inventory_svc.queries import pages
from inventory_svc.queries.pages import Filters
from inventory_svc.storage.ledger_rows import MOVEMENT_COLUMNS, MOVEMENT_SOURCE, to_movement
from inventory_svc.storage.scope import CODES, as_array
from inventory_svc.storage.session import Session

_EXISTED = Statement(text("SELECT 1 FROM inventory.item WHERE id = :item_id"))
_OF_SKU = "variant_id = (SELECT variant_id FROM inventory.known_variant WHERE sku = CAST(:sku AS text))"

_INSIDE = f"(after_location IN ({CODES}) OR before_location IN ({CODES}))"


@dataclass(frozen=True, slots=True)
class MovementFilter:
    """Which rows; what is empty does not count."""

    item_id: int = 0
    variant_id: int = 0
    sku: str = ""
    action: Action | None = None
    order_reference: str = ""
    actor_id: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    # What the caller is bound to: rows of units that came from there, went there or changed there.
    inside: Warehouses = None


def _filters(asked: MovementFilter) -> Filters:
    given: list[tuple[str, str, Any]] = [
        ("item_id = CAST(:item_id AS bigint)", "item_id", asked.item_id),
        ("variant_id = CAST(:variant_id AS bigint)", "variant_id", asked.variant_id),
        (_OF_SKU, "sku", clean_sku(asked.sku)),
        ("action = CAST(:action AS text)", "action", asked.action.value if asked.action else ""),
        # The second half lets the partial index serve it.
        (
            "order_reference = CAST(:order_reference AS text) AND order_reference <> ''",
            "order_reference",
            asked.order_reference,
        ),
        ("actor_id = CAST(:actor_id AS text)", "actor_id", asked.actor_id),
        ("created_at >= CAST(:created_after AS timestamptz)", "created_after", asked.created_after),
        ("created_at < CAST(:created_before AS timestamptz)", "created_before", asked.created_before),
    ]
    active = [entry for entry in given if entry[2]]
    if asked.inside is not None:
        active.append((_INSIDE, "warehouses", as_array(asked.inside)))
    conditions = tuple(condition for condition, _, _ in active)
    return Filters("inventory.movement", conditions, parameters={name: value for _, name, value in active})


async def list_movements(
    session: Session, asked: MovementFilter, after: int, most: int, total: int | None = None
) -> list[Movement]:
    """Up to `most` rows behind the id `after`, by id; `total` is how many match, where it is known.

    Raises ItemNotFound for a unit that never was.
    """
    if asked.item_id and not await session.rows(_EXISTED, item_id=asked.item_id):
        raise ItemNotFound.by_id(asked.item_id)
    rows = await pages.read_page(
        session,
        _filters(asked),
        columns=MOVEMENT_COLUMNS,
        source=MOVEMENT_SOURCE,
        name="movement",
        after=after,
        most=most,
        total=total,
    )
    return [to_movement(row) for row in rows]


async def count_movements(session: Session, asked: MovementFilter) -> int:
    """How many rows match: exact up to 2,000."""
    return await pages.count(session, _filters(asked))
