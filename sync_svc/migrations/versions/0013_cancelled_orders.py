"""Lets an order say that its platform shows it as cancelled, from the moment that is seen and before its units are given back.

A parcel of what is cancelled is refused by the database, under the lock of the order's row: either the parcel is recorded first,
and whoever sees the cancellation finds its units gone, or the cancellation is seen first, and there is no parcel.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCHEMA = "sync"

COUNT_SHIPPED = """
CREATE OR REPLACE FUNCTION sync.count_shipped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM sync.channel_order WHERE id = NEW.order_id AND NOT cancelled FOR NO KEY UPDATE;
  IF FOUND THEN
    PERFORM FROM sync.order_line WHERE order_id = NEW.order_id AND line_id = NEW.line_id AND NOT cancelled FOR NO KEY UPDATE;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'line % of order % is cancelled', NEW.line_id, NEW.order_id
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'shipment_not_cancelled', TABLE = TG_TABLE_NAME,
        SCHEMA = TG_TABLE_SCHEMA;
  END IF;
  UPDATE sync.order_line SET shipped_quantity = shipped_quantity + NEW.quantity
    WHERE order_id = NEW.order_id AND line_id = NEW.line_id AND shipped_quantity + NEW.quantity <= quantity;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'more units of line % of order % than were ordered', NEW.line_id, NEW.order_id
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'shipment_within_order', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
  END IF;
  RETURN NULL;
END $$
"""
COUNT_SHIPPED_BEFORE = """
CREATE OR REPLACE FUNCTION sync.count_shipped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sync.order_line SET shipped_quantity = shipped_quantity + NEW.quantity
    WHERE order_id = NEW.order_id AND line_id = NEW.line_id AND shipped_quantity + NEW.quantity <= quantity;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'more units of line % of order % than were ordered', NEW.line_id, NEW.order_id
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'shipment_within_order', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    flag: sa.Column[bool] = sa.Column("cancelled", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    op.add_column("channel_order", flag, schema=SCHEMA)
    op.execute("UPDATE sync.channel_order SET cancelled = true WHERE status = 'CANCELLED'")
    op.execute(COUNT_SHIPPED)


def downgrade() -> None:
    op.execute(COUNT_SHIPPED_BEFORE)
    op.drop_column("channel_order", "cancelled", schema=SCHEMA)
