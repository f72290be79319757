"""Shipments as they are stored, and the lease on an order under which its parcels are told, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Statement
from sync_svc.channels.base import Outcome, Parcel, ParcelLine, Told
from sync_svc.domain.shipment import NewShipment, Shipment, ShipmentStatus
from sync_svc.storage.order_tables import order_line, shipment, shipment_line

# An order is leased when its oldest parcel that waits is due; a later one waits for it.
_LEASE = Statement(
    text("""
WITH due AS (
  SELECT o.id FROM sync.shipment s JOIN sync.channel_order o ON o.id = s.order_id
  WHERE s.channel_id = CAST(:channel_id AS bigint) AND s.status = 'PENDING' AND s.next_attempt_at <= clock_timestamp()
    AND NOT EXISTS (SELECT FROM sync.shipment e WHERE e.order_id = s.order_id AND e.id < s.id AND e.status = 'PENDING')
    AND (o.ship_lease_until IS NULL OR o.ship_lease_until < clock_timestamp())
    AND NOT EXISTS (SELECT FROM sync.channel c WHERE c.id = o.channel_id AND c.blocked_until > clock_timestamp())
  ORDER BY s.next_attempt_at LIMIT CAST(:most AS integer) FOR UPDATE OF o SKIP LOCKED)
UPDATE sync.channel_order o SET ship_lease = CAST(:lease AS uuid),
  ship_lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
FROM due WHERE o.id = due.id
RETURNING o.id
""")
)
_FIRST_PARCELS = text("""
SELECT DISTINCT ON (s.order_id) s.id, s.order_id, s.carrier, s.tracking_number, s.shipped_at, s.attempts, o.external_order_id,
  NOT EXISTS (
    SELECT FROM sync.order_line l WHERE l.order_id = s.order_id AND NOT l.cancelled AND l.quantity > (
      SELECT coalesce(sum(t.quantity), 0) FROM sync.shipment_line t JOIN sync.shipment e ON e.id = t.shipment_id
      WHERE t.order_id = l.order_id AND t.line_id = l.line_id AND e.id <= s.id AND e.status <> 'WITHDRAWN')) AS is_last
FROM sync.shipment s JOIN sync.channel_order o ON o.id = s.order_id
WHERE s.order_id = ANY(CAST(:order_ids AS bigint[])) AND s.status = 'PENDING'
ORDER BY s.order_id, s.id
""")
_PARCEL_LINES = text("""
SELECT t.shipment_id, t.line_id, t.quantity, l.quantity AS ordered
FROM sync.shipment_line t JOIN sync.order_line l ON l.order_id = t.order_id AND l.line_id = t.line_id
WHERE t.shipment_id = ANY(CAST(:ids AS bigint[])) ORDER BY l.position
""")
_RELEASE = text("""
UPDATE sync.channel_order SET ship_lease = NULL, ship_lease_until = NULL
WHERE id = ANY(CAST(:order_ids AS bigint[])) AND ship_lease = CAST(:lease AS uuid)
""")
_TOLD = text("""
UPDATE sync.shipment SET status = 'TOLD', told_at = clock_timestamp(), external_id = :external_id, by_another = :by_another,
  message = :message, error_code = '', in_doubt = false, next_attempt_at = NULL, updated_at = clock_timestamp()
WHERE id = :id AND status = 'PENDING'
""")
_NOT_TOLD = text("""
UPDATE sync.shipment SET status = :status, attempts = attempts + 1, message = :message, error_code = :code,
  in_doubt = :status <> 'REFUSED' AND (in_doubt OR :in_doubt), updated_at = clock_timestamp(),
  next_attempt_at = CASE WHEN :status = 'REFUSED' THEN NULL
    ELSE clock_timestamp() + CAST(:wait_s AS double precision) * interval '1 second' END
WHERE id = :id AND status = 'PENDING'
""")
_RUN = text("""
INSERT INTO sync.channel_run (channel_id, kind, started_at, duration_ms, item_count, failed_count, message)
VALUES (:channel_id, 'SHIP', clock_timestamp() - CAST(:duration_ms AS integer) * interval '1 millisecond', :duration_ms, 1,
  :failed, :message)
""")
_LOCK_ORDER = text("""
SELECT ship_lease IS NOT NULL AS is_being_told FROM sync.channel_order WHERE id = :order_id FOR UPDATE
""")
_AGAIN = text("""
UPDATE sync.shipment SET status = 'PENDING', attempts = 0, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE id = :id AND status IN ('PENDING', 'REFUSED')
""")
_WITHDRAW = text("""
UPDATE sync.shipment SET status = 'WITHDRAWN', next_attempt_at = NULL, updated_at = clock_timestamp()
WHERE id = :id AND status IN ('PENDING', 'REFUSED') AND NOT in_doubt
""")


@dataclass(frozen=True, slots=True)
class LeasedParcel:
    """A parcel to be told, under the lease of its order."""

    channel_id: int
    order_id: int
    lease: UUID
    attempts: int
    parcel: Parcel


class ShipmentLeases:
    """Takes parcels that are due, and records what became of them."""

    def __init__(self, db: Database, *, lease_s: float) -> None:
        self._db = db
        self._lease_s = lease_s

    async def take(self, channel_id: int, lease: UUID, most: int) -> list[LeasedParcel]:
        """Lease orders with parcels that are due and answer the oldest parcel of each."""
        values = {"channel_id": channel_id, "lease": lease, "lease_s": self._lease_s, "most": most}
        order_ids = [row["id"] for row in await self._db.fetch(_LEASE, **values)]
        if not order_ids:
            return []
        async with self._db.translated(), self._db.read.connect() as conn:
            rows = (await conn.execute(_FIRST_PARCELS, {"order_ids": order_ids})).all()
            lines: dict[int, list[ParcelLine]] = {row.id: [] for row in rows}
            for line in await conn.execute(_PARCEL_LINES, {"ids": list(lines)}):
                lines[line.shipment_id].append(ParcelLine(line.line_id, line.quantity, line.ordered))
        taken = [
            LeasedParcel(channel_id, row.order_id, lease, row.attempts, _parcel(row, lines[row.id])) for row in rows
        ]
        left = sorted(set(order_ids) - {one.order_id for one in taken})
        if left:
            # Withdrawn in this very moment.
            await self._release(left, lease)
        return taken

    async def give_back(self, taken: Sequence[LeasedParcel]) -> None:
        """End the leases of parcels that nothing was sent for; they are due again at once."""
        if taken:
            await self._release([one.order_id for one in taken], taken[0].lease)

    async def _release(self, order_ids: Sequence[int], lease: UUID) -> None:
        await self._db.run(lambda conn: conn.execute(_RELEASE, {"order_ids": list(order_ids), "lease": lease}))

    async def told(self, taken: LeasedParcel, told: Told, duration_ms: int) -> bool:
        """Record that the platform knows of a parcel; False when another worker has its order now."""
        values = {
            "id": taken.parcel.shipment_id,
            "external_id": told.external_id[:100],
            "by_another": told.by_another,
            "message": told.message[:1000],
        }

        async def work(conn: AsyncConnection) -> bool:
            if not await self._end(conn, taken, duration_ms, ""):
                return False
            await conn.execute(_TOLD, values)
            return True

        return await self._db.run(work)

    async def not_told(
        self, taken: LeasedParcel, outcome: Outcome, message: str, code: str, wait_s: float, duration_ms: int
    ) -> bool:
        """Record why a parcel was not told; False when another worker has its order now."""
        refused = outcome is Outcome.PERMANENT
        values = {
            "id": taken.parcel.shipment_id,
            "status": (ShipmentStatus.REFUSED if refused else ShipmentStatus.PENDING).value,
            "message": message[:1000],
            "code": code[:100],
            "in_doubt": outcome is Outcome.UNKNOWN,
            "wait_s": wait_s,
        }

        async def work(conn: AsyncConnection) -> bool:
            if not await self._end(conn, taken, duration_ms, message):
                return False
            await conn.execute(_NOT_TOLD, values)
            return True

        return await self._db.run(work)

    async def _end(self, conn: AsyncConnection, taken: LeasedParcel, duration_ms: int, message: str) -> bool:
        released = await conn.execute(_RELEASE, {"order_ids": [taken.order_id], "lease": taken.lease})
        if released.rowcount == 0:
            return False
        run = {"channel_id": taken.channel_id, "duration_ms": duration_ms}
        await conn.execute(_RUN, {**run, "failed": 1 if message else 0, "message": message[:1000]})
        return True


def _parcel(row: Any, lines: Sequence[ParcelLine]) -> Parcel:
    return Parcel(
        shipment_id=row.id,
        external_order_id=row.external_order_id,
        lines=lines,
        shipped_at=row.shipped_at,
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        is_last=row.is_last,
    )


async def lock_order(conn: AsyncConnection, order_id: int) -> bool:
    """Lock an order against other changes of its shipments; answers whether a parcel of it is being told."""
    return bool((await conn.execute(_LOCK_ORDER, {"order_id": order_id})).scalar_one_or_none())


async def insert_shipment(conn: AsyncConnection, order_id: int, channel_id: int, new: NewShipment) -> int:
    """Record a parcel; answers its number. Raises what the constraints say: ShippedAlready, TrackingNumberTaken."""
    put = insert(shipment).values(
        order_id=order_id,
        channel_id=channel_id,
        carrier=new.carrier,
        tracking_number=new.tracking_number,
        shipped_at=new.shipped_at,
        recorded_by=new.recorded_by,
    )
    shipment_id = int((await conn.execute(put.returning(shipment.c.id))).scalar_one())
    rows = [
        {"shipment_id": shipment_id, "order_id": order_id, "line_id": line_id, "quantity": quantity}
        # In one order, as the trigger locks the lines.
        for line_id, quantity in sorted(new.units.items())
    ]
    await conn.execute(insert(shipment_line), rows)
    return shipment_id


async def tell_again(conn: AsyncConnection, shipment_id: int) -> bool:
    """Make a shipment due at once; False when it is closed."""
    return (await conn.execute(_AGAIN, {"id": shipment_id})).rowcount > 0


async def withdraw(conn: AsyncConnection, shipment_id: int) -> bool:
    """Take a shipment back; False when the platform may know of it, or it is closed."""
    return (await conn.execute(_WITHDRAW, {"id": shipment_id})).rowcount > 0


async def shipments_of(conn: AsyncConnection, order_ids: Sequence[int]) -> dict[int, list[Shipment]]:
    """The shipments of some orders, oldest first."""
    found: dict[int, list[Shipment]] = {}
    rows = (
        await conn.execute(select(shipment).where(shipment.c.order_id.in_(order_ids)).order_by(shipment.c.id))
    ).all()
    if not rows:
        return found
    lines: dict[int, list[tuple[str, int]]] = {row.id: [] for row in rows}
    wanted = select(shipment_line).join(
        order_line,
        (order_line.c.order_id == shipment_line.c.order_id) & (order_line.c.line_id == shipment_line.c.line_id),
    )
    wanted = wanted.where(shipment_line.c.shipment_id.in_(list(lines))).order_by(order_line.c.position)
    for line in await conn.execute(wanted):
        lines[line.shipment_id].append((line.line_id, line.quantity))
    for row in rows:
        found.setdefault(row.order_id, []).append(_as_shipment(row, lines[row.id]))
    return found


def _as_shipment(row: Any, units: Sequence[tuple[str, int]]) -> Shipment:
    names = set(Shipment.__dataclass_fields__) - {"units", "status"}
    values = {name: getattr(row, name) for name in names}
    return Shipment(**values, units=units, status=ShipmentStatus(row.status))
