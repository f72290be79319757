"""The rows of locations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.location import KnownPlace, Location
from inventory_svc.storage.scope import ANY, as_array
from inventory_svc.storage.session import Row, Session

_COLUMNS = "id, code, name, warehouse, active, created_at, updated_at, version"
_ON_HAND = """
  (SELECT count(*) FROM inventory.item WHERE item.location = location.code AND item.deleted_at IS NULL
    AND item.status IN ('AVAILABLE', 'RESERVED', 'RMA', 'DAMAGED')) AS on_hand_units
"""
_GET = Statement(
    text(f"""
    SELECT {_COLUMNS}, {_ON_HAND} FROM inventory.location
    WHERE id = CAST(:id AS bigint) OR code IN (CAST(:code AS text), upper(CAST(:code AS text)))
    ORDER BY code = CAST(:code AS text) DESC LIMIT 1
    """)
)
# Shared, so that any number of callers may put units there at once, while nobody removes or deactivates it.
_LOCK = Statement(
    text("""
    SELECT code, warehouse, active FROM inventory.location WHERE code = ANY(CAST(:codes AS text[])) ORDER BY code FOR SHARE
    """)
)
_INSIDE = f"({ANY} OR warehouse = ANY(CAST(:warehouses AS text[])))"
_FILTER = f"""
    (CAST(:warehouse AS text) = '' OR warehouse = :warehouse)
    AND (CAST(:prefix AS text) = '' OR starts_with(upper(code), upper(:prefix)))
    AND (CAST(:active AS boolean) IS NULL OR active = :active)
    AND {_INSIDE}
"""
_LIST = Statement(
    text(f"""
    SELECT {_COLUMNS} FROM inventory.location WHERE {_FILTER} AND code > CAST(:after AS text)
    ORDER BY code LIMIT CAST(:most AS integer)
    """)
)
_COUNT = Statement(text(f"SELECT count(*) AS total FROM inventory.location WHERE {_FILTER}"))
_INSERT = Statement(
    text(f"""
    INSERT INTO inventory.location (code, name, warehouse, active) VALUES (:code, :name, :warehouse, :active)
    RETURNING {_COLUMNS}
    """)
)
_UPDATE = Statement(
    text(f"""
    UPDATE inventory.location SET name = :name, warehouse = :warehouse, active = :active, version = version + 1,
      updated_at = clock_timestamp()
    WHERE id = :id AND version = CAST(:version AS integer) RETURNING {_COLUMNS}
    """)
)
_DELETE = Statement(text(f"DELETE FROM inventory.location WHERE id = :id AND {_INSIDE} RETURNING code"))


def to_location(row: Row, on_hand_units: int | None = None) -> Location:
    """The location of a row."""
    return Location(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        warehouse=row["warehouse"],
        is_active=row["active"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        on_hand_units=on_hand_units,
    )


async def get(session: Session, location_id: int, code: str = "") -> Location | None:
    """One by id or else by code, with the units on hand there; None when there is none. Does not lock."""
    rows = await session.rows(_GET, id=location_id or None, code=code)
    return to_location(rows[0], rows[0]["on_hand_units"]) if rows else None


async def lock_shared(session: Session, codes: Iterable[str]) -> dict[str, KnownPlace]:
    """Those of the codes that are there; they stay as they are until the transaction ends."""
    rows = await session.rows(_LOCK, codes=list(codes))
    return {row["code"]: KnownPlace(row["warehouse"], row["active"]) for row in rows}


@dataclass(frozen=True, slots=True)
class LocationFilter:
    """Which locations; what is empty, or None, does not count. `inside` is what the caller is bound to."""

    warehouse: str
    prefix: str
    active: bool | None
    inside: Collection[str] | None

    def parameters(self) -> dict[str, Any]:
        """For the statements."""
        inside = as_array(self.inside)
        return {"warehouse": self.warehouse, "prefix": self.prefix, "active": self.active, "warehouses": inside}


async def list_page(session: Session, asked: LocationFilter, after: str, most: int) -> list[Location]:
    """Up to `most` behind the code `after`, by code."""
    return [to_location(row) for row in await session.rows(_LIST, after=after, most=most, **asked.parameters())]


async def count(session: Session, asked: LocationFilter) -> int:
    """How many match."""
    return int((await session.rows(_COUNT, **asked.parameters()))[0]["total"])


async def insert(session: Session, code: str, name: str, warehouse: str, active: bool) -> Location:
    """A new one. A code that is there breaks uq_location_code."""
    return to_location((await session.rows(_INSERT, code=code, name=name, warehouse=warehouse, active=active))[0])


async def update(session: Session, changed: Location) -> Sequence[Location]:
    """The location with its new values, if it still is at its version."""
    rows = await session.rows(
        _UPDATE,
        id=changed.id,
        version=changed.version,
        name=changed.name,
        warehouse=changed.warehouse,
        active=changed.is_active,
    )
    return [to_location(row) for row in rows]


async def delete(session: Session, location_id: int, inside: Collection[str] | None) -> bool:
    """Whether it was there, and in one of the warehouses `inside`. One where units lie breaks location_with_stock."""
    return bool(await session.rows(_DELETE, id=location_id, warehouses=as_array(inside)))
