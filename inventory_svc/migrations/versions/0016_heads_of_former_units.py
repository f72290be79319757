"""The heads of units that were there before heads were kept, some thousands at a time beside the hub's own work."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# The units are locked as every change locks them, in the order of their ids: none changes between the look at its last row and
# its head. One that changed just before has its head by then.
HEADS = sa.text("""
WITH units AS (
  SELECT id FROM inventory.item WHERE id > :after ORDER BY id LIMIT 10000 FOR NO KEY UPDATE
),
heads AS (
  INSERT INTO inventory.ledger_head (item_id, movement_id, hash)
  SELECT last.item_id, last.id, last.hash FROM units CROSS JOIN LATERAL (
    SELECT item_id, id, hash FROM inventory.movement WHERE item_id = units.id ORDER BY sequence DESC LIMIT 1) AS last
  ON CONFLICT (item_id) DO NOTHING
)
SELECT max(id) FROM units
""")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        after: int | None = 0
        while after is not None:
            after = op.get_bind().execute(HEADS, {"after": after}).scalar_one()


def downgrade() -> None:
    """The heads go with their table."""
