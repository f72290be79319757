"""Cycle counts. A location is in one open count at most, and is not removed while it is counted."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE inventory.stock_count (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_stock_count PRIMARY KEY,
  state text NOT NULL DEFAULT 'OPEN'
    CONSTRAINT ck_stock_count_state CHECK (state IN ('OPEN', 'CLOSED', 'APPROVED', 'CANCELLED')),
  note text NOT NULL DEFAULT '',
  opened_by text NOT NULL,
  closed_by text NOT NULL DEFAULT '',
  decided_by text NOT NULL DEFAULT '',
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  decided_at timestamptz,
  matched_units bigint NOT NULL DEFAULT 0,
  unjudged_units bigint NOT NULL DEFAULT 0
)
""",
    """
CREATE TABLE inventory.count_location (
  count_id bigint NOT NULL CONSTRAINT fk_count_location_count_id REFERENCES inventory.stock_count (id),
  location text NOT NULL,
  is_open boolean NOT NULL DEFAULT true,
  CONSTRAINT pk_count_location PRIMARY KEY (count_id, location)
)
""",
    "CREATE UNIQUE INDEX uq_count_location_open ON inventory.count_location (location) WHERE is_open",
    """
CREATE TABLE inventory.count_scan (
  count_id bigint NOT NULL CONSTRAINT fk_count_scan_count_id REFERENCES inventory.stock_count (id),
  code_key text NOT NULL,
  code text NOT NULL,
  item_id bigint,
  location text NOT NULL,
  fits boolean NOT NULL,
  device text NOT NULL DEFAULT '',
  scanned_by text NOT NULL,
  scanned_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_count_scan PRIMARY KEY (count_id, code_key)
)
""",
    "CREATE INDEX ix_count_scan_item_id ON inventory.count_scan (count_id, item_id)",
    """
CREATE TABLE inventory.count_difference (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_count_difference PRIMARY KEY,
  count_id bigint NOT NULL CONSTRAINT fk_count_difference_count_id REFERENCES inventory.stock_count (id),
  kind text NOT NULL
    CONSTRAINT ck_count_difference_kind CHECK (kind IN ('MISSING', 'MISPLACED', 'UNEXPECTED', 'UNKNOWN')),
  item_id bigint,
  code text NOT NULL,
  sku text NOT NULL DEFAULT '',
  status text,
  expected_location text NOT NULL DEFAULT '',
  found_location text NOT NULL DEFAULT '',
  item_version integer,
  outcome text
    CONSTRAINT ck_count_difference_outcome CHECK (outcome IN ('CORRECTED', 'CHANGED_SINCE', 'NEEDS_A_PERSON'))
)
""",
    "CREATE INDEX ix_count_difference_count_id ON inventory.count_difference (count_id, id)",
)
KEEP = """
CREATE FUNCTION inventory.keep_counted_location() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM inventory.count_location WHERE location = OLD.code AND is_open) THEN
    RAISE EXCEPTION '% is being counted', OLD.code
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'location_with_stock', TABLE = 'location', SCHEMA = 'inventory';
  END IF;
  RETURN OLD;
END $$
"""
TRIGGER = """
CREATE TRIGGER location_being_counted BEFORE DELETE ON inventory.location FOR EACH ROW
  EXECUTE FUNCTION inventory.keep_counted_location()
"""


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    op.execute(KEEP)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER location_being_counted ON inventory.location")
    op.execute("DROP FUNCTION inventory.keep_counted_location()")
    for table in ("count_difference", "count_scan", "count_location", "stock_count"):
        op.drop_table(table, schema="inventory")
