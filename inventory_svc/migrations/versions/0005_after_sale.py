"""Returns, repair, write-off and transit: more statuses and actions, and what a unit then carries.

The wider checks are not validated here: every row passed the narrower ones, and reading millions of rows under this lock would
stop the service. 0006 validates them.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATUSES = "'AVAILABLE', 'RESERVED', 'SOLD', 'RMA', 'DAMAGED', 'WRITTEN_OFF'"
ACTIONS = "'RECEIVE', 'MOVE', 'RESERVE', 'RELEASE', 'EXPIRE', 'SELL', 'CANCEL_SALE', 'EDIT', 'DELETE'"
MORE_ACTIONS = "'RETURN', 'INSPECT', 'RESTOCK', 'DAMAGE', 'REPAIR', 'WRITE_OFF', 'FIND', 'SHIP', 'ARRIVE'"

COLUMNS = """
ALTER TABLE inventory.item
  ADD COLUMN grade text NOT NULL DEFAULT '',
  ADD COLUMN rma_number text NOT NULL DEFAULT '',
  ADD COLUMN transfer_id bigint,
  ADD CONSTRAINT ck_item_transit CHECK ((status = 'IN_TRANSIT') = (transfer_id IS NOT NULL)) NOT VALID
"""

GUARD = """
CREATE TRIGGER item_status_move BEFORE UPDATE OF status ON inventory.item FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
    ('AVAILABLE', 'RESERVED'), ('AVAILABLE', 'SOLD'),
    ('AVAILABLE', 'DAMAGED'), ('AVAILABLE', 'WRITTEN_OFF'), ('AVAILABLE', 'IN_TRANSIT'),
    ('RESERVED', 'AVAILABLE'), ('RESERVED', 'SOLD'),
    ('SOLD', 'AVAILABLE'), ('SOLD', 'RMA'),
    ('RMA', 'AVAILABLE'), ('RMA', 'DAMAGED'), ('RMA', 'WRITTEN_OFF'), ('RMA', 'IN_TRANSIT'),
    ('DAMAGED', 'AVAILABLE'), ('DAMAGED', 'RMA'), ('DAMAGED', 'WRITTEN_OFF'), ('DAMAGED', 'IN_TRANSIT'),
    ('WRITTEN_OFF', 'RMA'),
    ('IN_TRANSIT', 'AVAILABLE'), ('IN_TRANSIT', 'RMA'), ('IN_TRANSIT', 'DAMAGED'), ('IN_TRANSIT', 'WRITTEN_OFF')))
  EXECUTE FUNCTION inventory.refuse()
"""

FORMER_GUARD = """
CREATE TRIGGER item_status_move BEFORE UPDATE OF status ON inventory.item FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
    ('AVAILABLE', 'RESERVED'), ('AVAILABLE', 'SOLD'),
    ('RESERVED', 'AVAILABLE'), ('RESERVED', 'SOLD'),
    ('SOLD', 'AVAILABLE')))
  EXECUTE FUNCTION inventory.refuse()
"""


def _allow(statuses: str, actions: str, how: str) -> None:
    for table, column, values in (
        ("item", "status", statuses),
        ("movement", "before_status", statuses),
        ("movement", "after_status", statuses),
        ("movement", "action", actions),
    ):
        name = f"ck_{table}_{column}"
        op.execute(
            f"ALTER TABLE inventory.{table} DROP CONSTRAINT {name},"
            f" ADD CONSTRAINT {name} CHECK ({column} IN ({values})) {how}"
        )


def _guard(statement: str) -> None:
    op.execute("DROP TRIGGER item_status_move ON inventory.item")
    op.execute(statement)


def upgrade() -> None:
    op.execute(COLUMNS)
    _allow(f"{STATUSES}, 'IN_TRANSIT'", f"{ACTIONS}, {MORE_ACTIONS}", "NOT VALID")
    _guard(GUARD)


def downgrade() -> None:
    """Refused by the checks where units have had such a life already: the ledger is not rewritten."""
    _guard(FORMER_GUARD)
    _allow(STATUSES, ACTIONS, "")
    for column in ("transfer_id", "rma_number", "grade"):
        op.execute(f"ALTER TABLE inventory.item DROP COLUMN {column}")
