"""Transfers between warehouses."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE inventory.transfer (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_transfer PRIMARY KEY,
  to_warehouse text NOT NULL,
  note text NOT NULL DEFAULT '',
  shipped_by text NOT NULL,
  shipped_at timestamptz NOT NULL DEFAULT now()
)
""",
    """
CREATE TABLE inventory.transfer_unit (
  transfer_id bigint NOT NULL CONSTRAINT fk_transfer_unit_transfer_id REFERENCES inventory.transfer (id),
  item_id bigint NOT NULL,
  shipped_status text NOT NULL
    CONSTRAINT ck_transfer_unit_shipped_status CHECK (shipped_status IN ('AVAILABLE', 'RMA', 'DAMAGED')),
  CONSTRAINT pk_transfer_unit PRIMARY KEY (transfer_id, item_id)
)
""",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in ("transfer_unit", "transfer"):
        op.drop_table(table, schema="inventory")
