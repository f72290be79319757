"""Locations. Those in use are registered as they are written; a location where units lie cannot be removed or renamed."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE inventory.location (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_location PRIMARY KEY,
  code text NOT NULL CONSTRAINT uq_location_code UNIQUE CONSTRAINT ck_location_code CHECK (code <> ''),
  name text NOT NULL DEFAULT '',
  warehouse text NOT NULL DEFAULT '',
  active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
)
"""
IN_USE = """
INSERT INTO inventory.location (code)
SELECT DISTINCT location FROM inventory.item WHERE location <> '' ORDER BY location
"""
KEEP = """
CREATE FUNCTION inventory.keep_location() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM inventory.item WHERE item.location = OLD.code AND item.deleted_at IS NULL
      AND item.status NOT IN ('SOLD', 'WRITTEN_OFF')
  ) THEN
    RAISE EXCEPTION 'units lie at %', OLD.code
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'location_with_stock', TABLE = 'location', SCHEMA = 'inventory';
  END IF;
  RETURN OLD;
END $$
"""
TRIGGERS = (
    """
CREATE TRIGGER location_with_stock BEFORE DELETE ON inventory.location FOR EACH ROW
  EXECUTE FUNCTION inventory.keep_location()
""",
    """
CREATE TRIGGER location_code_kept BEFORE UPDATE OF code ON inventory.location FOR EACH ROW
  WHEN (NEW.code <> OLD.code) EXECUTE FUNCTION inventory.refuse()
""",
)


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(IN_USE)
    op.execute(KEEP)
    for statement in TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("location", schema="inventory")
    op.execute("DROP FUNCTION inventory.keep_location()")
