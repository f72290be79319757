"""What the inventory service shows of itself beside its calls: holds that are about to end, or should have ended."""

from __future__ import annotations

from sqlalchemy import text

from chassis.database import Database, Statement
from chassis.gauges import Reading, by_statement
from chassis.metrics import Rows

ENDING = Rows("hub_holds_ending", "Holds of units that end within so many minutes.", ["minutes"])
OVERDUE = Rows(
    "hub_holds_overdue",
    "Holds that have run out more than a minute ago and were not tidied away; they hold nothing, but nobody was told.",
)

_ENDING = Statement(
    text("""
SELECT m.minutes::text, (SELECT count(*) FROM inventory.item
  WHERE status = 'RESERVED' AND reserved_until > now() AND reserved_until <= now() + m.minutes * interval '1 minute')::float8
FROM (VALUES (15), (60)) AS m(minutes)
""")
)
_OVERDUE = Statement(
    text(
        "SELECT count(*)::float8 FROM inventory.item"
        " WHERE status = 'RESERVED' AND reserved_until < now() - interval '1 minute'"
    )
)


def readings(db: Database) -> list[Reading]:
    """What is read from the database; both through the index of holds by their end."""
    return [by_statement(db, ENDING, _ENDING), by_statement(db, OVERDUE, _OVERDUE)]
