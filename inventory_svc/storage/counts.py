"""The rows of cycle counts, and how their differences are found.

A unit counts as moved during the count when a ledger row since then changed its location, or took it off the shelf or onto it.
Opening and closing lock the locations: every movement is over before, or begins after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.counting import CountState, Difference, DifferenceKind, DifferenceOutcome, StockCount
from inventory_svc.domain.item import IN_HOUSE, Status
from inventory_svc.domain.scope import Warehouses
from inventory_svc.storage.scope import COUNT_INSIDE, as_array
from inventory_svc.storage.session import Row, Session

_IN_HOUSE = ", ".join(f"'{status}'" for status in sorted(IN_HOUSE))

_LOCK_LOCATIONS = Statement(
    text("SELECT code FROM inventory.location WHERE code = ANY(CAST(:codes AS text[])) ORDER BY code FOR UPDATE")
)
_INSERT = Statement(
    text("""
    INSERT INTO inventory.stock_count (note, opened_by, opened_at) VALUES (:note, :opened_by, clock_timestamp())
    RETURNING id
    """)
)
_INSERT_LOCATIONS = Statement(
    text("""
    INSERT INTO inventory.count_location (count_id, location)
    SELECT :id, code FROM unnest(CAST(:codes AS text[])) AS asked (code) ORDER BY code
    """)
)
_COUNTS = """
    SELECT count.*,
      (SELECT array_agg(location ORDER BY location) FROM inventory.count_location WHERE count_id = count.id) AS locations,
      (SELECT count(*) FROM inventory.count_scan WHERE count_id = count.id AND item_id IS NOT NULL) AS scanned_units
    FROM inventory.stock_count AS count
"""
_GET = Statement(text(f"{_COUNTS} WHERE count.id = :id"))
_LIST = Statement(
    text(f"""
    {_COUNTS} WHERE count.id > CAST(:after AS bigint) AND (CAST(:state AS text) = '' OR count.state = :state)
      AND {COUNT_INSIDE}
    ORDER BY count.id LIMIT CAST(:most AS integer)
    """)
)
_TOTAL = Statement(
    text(f"""
    SELECT count(*) AS total FROM inventory.stock_count AS count
    WHERE (CAST(:state AS text) = '' OR state = :state) AND {COUNT_INSIDE}
    """)
)
_LOCK = Statement(text("SELECT id FROM inventory.stock_count WHERE id = :id FOR UPDATE"))
_SCAN = Statement(
    text(f"""
WITH open_count AS (
  SELECT id FROM inventory.stock_count WHERE id = :id AND state = 'OPEN' FOR SHARE
),
unit AS (
  SELECT item.id, item.location = :location AND item.status IN ({_IN_HOUSE}) AS fits FROM inventory.item
  WHERE item.deleted_at IS NULL AND CASE WHEN CAST(:item_id AS bigint) > 0 THEN item.id = CAST(:item_id AS bigint)
    ELSE item.id = (SELECT id FROM inventory.item WHERE upper(serial_number) = :key AND serial_number IS NOT NULL
      AND deleted_at IS NULL) END
),
scanned AS (
  INSERT INTO inventory.count_scan (count_id, code_key, code, item_id, location, fits, device, scanned_by, scanned_at)
  SELECT open_count.id, coalesce('#' || unit.id, :key), :code, unit.id, :location, coalesce(unit.fits, false), :device,
    :scanned_by, clock_timestamp()
  FROM open_count LEFT JOIN unit ON true
  ON CONFLICT (count_id, code_key) DO UPDATE SET location = excluded.location, fits = excluded.fits,
    device = excluded.device, scanned_by = excluded.scanned_by, scanned_at = excluded.scanned_at
  RETURNING code_key, xmax = 0 AS is_new
)
SELECT EXISTS (SELECT 1 FROM open_count) AS is_open, EXISTS (SELECT 1 FROM unit) AS is_known,
  (SELECT CASE WHEN is_new THEN true WHEN before.location <> :location THEN false END FROM scanned
    LEFT JOIN inventory.count_scan AS before ON before.count_id = :id AND before.code_key = scanned.code_key) AS is_new
""")
)
_CODES = Statement(text("SELECT count(*) AS codes FROM inventory.count_scan WHERE count_id = :id"))
_LEARNED_SINCE = Statement(
    text("""
    UPDATE inventory.count_scan AS scan SET item_id = item.id FROM inventory.item
    WHERE scan.count_id = :id AND scan.item_id IS NULL AND upper(item.serial_number) = scan.code_key
      AND item.serial_number IS NOT NULL AND item.deleted_at IS NULL
    """)
)


def _moved_since(moment: str) -> str:
    away = "('SOLD', 'WRITTEN_OFF', 'IN_TRANSIT')"
    return f"""EXISTS (
      SELECT 1 FROM inventory.movement AS row WHERE row.item_id = item.id AND row.created_at >= {moment}
        AND (row.before_location <> row.after_location OR row.before_status IS NULL
          OR row.before_status IN {away} OR row.after_status IN {away}))"""


_UNSCANNED = f"""
    FROM inventory.stock_count AS count
    JOIN inventory.count_location AS place ON place.count_id = count.id
    JOIN inventory.item AS item ON item.location = place.location AND item.deleted_at IS NULL
      AND item.status IN ({_IN_HOUSE})
    JOIN inventory.known_variant AS known ON known.variant_id = item.variant_id
    WHERE count.id = :id AND NOT {_moved_since("count.opened_at")}
      AND NOT EXISTS (SELECT 1 FROM inventory.count_scan WHERE count_id = count.id AND item_id = item.id)
"""
_MISSING = Statement(
    text(f"""
    INSERT INTO inventory.count_difference
      (count_id, kind, item_id, code, sku, status, expected_location, item_version)
    SELECT count.id, 'MISSING', item.id, item.serial_number, known.sku, item.status, item.location, item.version
    {_UNSCANNED} AND item.serial_number IS NOT NULL ORDER BY item.location, item.id
    """)
)
_UNJUDGED = Statement(text(f"SELECT count(*) AS units {_UNSCANNED} AND item.serial_number IS NULL"))
_SCANNED = """
    FROM inventory.count_scan AS scan JOIN inventory.item AS item ON item.id = scan.item_id
    JOIN inventory.known_variant AS known ON known.variant_id = item.variant_id
    WHERE scan.count_id = :id
"""
_MATCHES = (
    f"(scan.fits OR (item.location = scan.location AND item.status IN ({_IN_HOUSE}) AND item.deleted_at IS NULL))"
)
_MATCHED = Statement(text(f"SELECT count(*) AS units {_SCANNED} AND {_MATCHES}"))
_NOT_MATCHED = Statement(
    text(f"""
    INSERT INTO inventory.count_difference
      (count_id, kind, item_id, code, sku, status, expected_location, found_location, item_version)
    SELECT scan.count_id, CASE WHEN item.status IN ({_IN_HOUSE}) THEN 'MISPLACED' ELSE 'UNEXPECTED' END, item.id,
      coalesce(item.serial_number, scan.code), known.sku, item.status, item.location, scan.location, item.version
    {_SCANNED} AND item.deleted_at IS NULL AND NOT {_MATCHES} AND NOT {_moved_since("scan.scanned_at")}
    ORDER BY scan.location, item.id
    """)
)
_UNKNOWN = Statement(
    text("""
    INSERT INTO inventory.count_difference (count_id, kind, code, found_location)
    SELECT scan.count_id, 'UNKNOWN', scan.code, scan.location FROM inventory.count_scan AS scan
    LEFT JOIN inventory.item AS item ON item.id = scan.item_id AND item.deleted_at IS NULL
    WHERE scan.count_id = :id AND item.id IS NULL ORDER BY scan.location, scan.code
    """)
)
_CLOSE = Statement(
    text("""
    UPDATE inventory.stock_count SET state = 'CLOSED', closed_by = :who, closed_at = clock_timestamp(),
      matched_units = :matched, unjudged_units = :unjudged
    WHERE id = :id
    """)
)
_DECIDE = Statement(
    text("""
    UPDATE inventory.stock_count SET state = :state, decided_by = :who, decided_at = clock_timestamp() WHERE id = :id
    """)
)
_FREE_LOCATIONS = Statement(
    text("UPDATE inventory.count_location SET is_open = false WHERE count_id = :id AND is_open")
)
_DIFFERENCES = Statement(text("SELECT * FROM inventory.count_difference WHERE count_id = :id ORDER BY id"))
_SET_OUTCOMES = Statement(
    text("""
    UPDATE inventory.count_difference AS difference SET outcome = asked.outcome
    FROM unnest(CAST(:ids AS bigint[]), CAST(:outcomes AS text[])) AS asked (id, outcome)
    WHERE difference.id = asked.id
    """)
)
_LOCK_UNITS = Statement(
    text("""
    SELECT id, version FROM inventory.item WHERE id = ANY(CAST(:ids AS bigint[])) AND deleted_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
    """)
)


async def lock_locations(session: Session, codes: Sequence[str]) -> set[str]:
    """Waits for everybody who is putting units to these locations, and keeps others away until the transaction ends."""
    return {row["code"] for row in await session.rows(_LOCK_LOCATIONS, codes=list(codes))}


async def insert(session: Session, codes: Sequence[str], note: str, who: str) -> int:
    """A new open count. A location in another open count breaks uq_count_location_open."""
    count_id = int((await session.rows(_INSERT, note=note, opened_by=who))[0]["id"])
    await session.rows(_INSERT_LOCATIONS, id=count_id, codes=list(codes))
    return count_id


def _to_count(row: Row) -> StockCount:
    return StockCount(
        id=row["id"],
        state=CountState(row["state"]),
        locations=tuple(row["locations"] or ()),
        note=row["note"],
        scanned_units=row["scanned_units"],
        matched_units=row["matched_units"],
        unjudged_units=row["unjudged_units"],
        opened_by=row["opened_by"],
        closed_by=row["closed_by"],
        decided_by=row["decided_by"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        decided_at=row["decided_at"],
    )


async def get(session: Session, count_id: int) -> StockCount | None:
    """One count; None when there is none. Does not lock."""
    rows = await session.rows(_GET, id=count_id)
    return _to_count(rows[0]) if rows else None


async def lock(session: Session, count_id: int) -> StockCount | None:
    """The same, locked: no scan is under way, and none is recorded until the transaction ends."""
    await session.rows(_LOCK, id=count_id)
    return await get(session, count_id)


async def list_page(session: Session, state: str, inside: Warehouses, after: int, most: int) -> list[StockCount]:
    """Up to `most` behind the id `after`, by id."""
    rows = await session.rows(_LIST, state=state, warehouses=as_array(inside), after=after, most=most)
    return [_to_count(row) for row in rows]


async def total(session: Session, state: str, inside: Warehouses) -> int:
    """How many there are."""
    return int((await session.rows(_TOTAL, state=state, warehouses=as_array(inside)))[0]["total"])


async def scan(
    session: Session, count_id: int, item_id: int, code: str, location: str, device: str, who: str
) -> tuple[bool, bool, bool | None]:
    """Records a code: whether the count is open, whether a unit has the code, and whether it is new (None: a repeat)."""
    rows = await session.rows(
        _SCAN,
        id=count_id,
        item_id=item_id,
        key=code.upper(),
        code=code,
        location=location,
        device=device,
        scanned_by=who,
    )
    return rows[0]["is_open"], rows[0]["is_known"], rows[0]["is_new"]


async def count_codes(session: Session, count_id: int) -> int:
    """How many different codes were scanned."""
    return int((await session.rows(_CODES, id=count_id))[0]["codes"])


async def find_differences(session: Session, count_id: int) -> tuple[int, int]:
    """Records the differences of a locked count; answers how many units matched, and how many were not judged."""
    await session.rows(_LEARNED_SINCE, id=count_id)
    for statement in (_MISSING, _NOT_MATCHED, _UNKNOWN):
        await session.rows(statement, id=count_id)
    matched = (await session.rows(_MATCHED, id=count_id))[0]["units"]
    return int(matched), int((await session.rows(_UNJUDGED, id=count_id))[0]["units"])


async def close(session: Session, count_id: int, matched: int, unjudged: int, who: str) -> None:
    """The count is closed, and its locations may be counted anew."""
    await session.rows(_CLOSE, id=count_id, matched=matched, unjudged=unjudged, who=who)
    await session.rows(_FREE_LOCATIONS, id=count_id)


async def decide(session: Session, count_id: int, state: CountState, who: str) -> None:
    """The count is approved or cancelled."""
    await session.rows(_DECIDE, id=count_id, state=state.value, who=who)
    await session.rows(_FREE_LOCATIONS, id=count_id)


async def list_differences(session: Session, count_id: int) -> list[Difference]:
    """What was not as the hub thought, by location."""
    return [_to_difference(row) for row in await session.rows(_DIFFERENCES, id=count_id)]


def _to_difference(row: Row) -> Difference:
    return Difference(
        id=row["id"],
        kind=DifferenceKind(row["kind"]),
        item_id=row["item_id"] or 0,
        code=row["code"],
        sku=row["sku"],
        status=Status(row["status"]) if row["status"] else None,
        expected_location=row["expected_location"],
        found_location=row["found_location"],
        item_version=row["item_version"] or 0,
        outcome=DifferenceOutcome(row["outcome"]) if row["outcome"] else None,
    )


async def set_outcomes(session: Session, outcomes: Mapping[int, DifferenceOutcome]) -> None:
    """Records what was done about the differences, by their ids."""
    told = [outcome.value for outcome in outcomes.values()]
    await session.rows(_SET_OUTCOMES, ids=list(outcomes), outcomes=told)


async def lock_units(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """The versions of the units, locked."""
    return {row["id"]: row["version"] for row in await session.rows(_LOCK_UNITS, ids=list(ids))}
