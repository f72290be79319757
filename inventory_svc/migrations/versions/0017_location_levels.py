"""How many units lie at a location in each status, kept as the levels of variants are and out of the same rows of change.

What has been folded into a variant's level goes into its location's by a trigger, whatever release does the folding.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE inventory.location_level (
  location text NOT NULL,
  status text NOT NULL,
  units bigint NOT NULL,
  CONSTRAINT pk_location_level PRIMARY KEY (location, status)
)
"""
# Without one it is of a change from before: those units are counted below.
COLUMN = "ALTER TABLE inventory.stock_level_change ADD COLUMN location text"
COUNT_NEW = """
CREATE OR REPLACE FUNCTION inventory.count_new_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inventory.stock_level_change (variant_id, location, status, units)
  SELECT variant_id, location, status, count(*) FROM new_rows WHERE deleted_at IS NULL GROUP BY variant_id, location, status;
  RETURN NULL;
END $$
"""
COUNT_CHANGED = """
CREATE OR REPLACE FUNCTION inventory.count_changed_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inventory.stock_level_change (variant_id, location, status, units)
  SELECT variant_id, location, status, sum(units) FROM (
    SELECT variant_id, location, status, -1 AS units FROM old_rows WHERE deleted_at IS NULL
    UNION ALL
    SELECT variant_id, location, status, 1 FROM new_rows WHERE deleted_at IS NULL
  ) AS rows
  GROUP BY variant_id, location, status HAVING sum(units) <> 0;
  RETURN NULL;
END $$
"""
FOLD = """
CREATE FUNCTION inventory.fold_location_levels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inventory.location_level AS level (location, status, units)
  SELECT location, status, sum(units) FROM old_rows WHERE location IS NOT NULL
  GROUP BY location, status HAVING sum(units) <> 0 ORDER BY location, status
  ON CONFLICT (location, status) DO UPDATE SET units = level.units + excluded.units;
  RETURN NULL;
END $$
"""
FOLDED = """
CREATE TRIGGER stock_level_change_folded AFTER DELETE ON inventory.stock_level_change REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION inventory.fold_location_levels()
"""
# Whoever changes units waits until they are counted; from then on each change says where.
LOCK = "LOCK TABLE inventory.item IN SHARE ROW EXCLUSIVE MODE"
COUNT_ALL = """
INSERT INTO inventory.location_level (location, status, units)
SELECT location, status, count(*) FROM inventory.item WHERE deleted_at IS NULL GROUP BY location, status
"""
FORMER = (
    """
CREATE OR REPLACE FUNCTION inventory.count_new_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inventory.stock_level_change (variant_id, status, units)
  SELECT variant_id, status, count(*) FROM new_rows WHERE deleted_at IS NULL GROUP BY variant_id, status;
  RETURN NULL;
END $$
""",
    """
CREATE OR REPLACE FUNCTION inventory.count_changed_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inventory.stock_level_change (variant_id, status, units)
  SELECT variant_id, status, sum(units) FROM (
    SELECT variant_id, status, -1 AS units FROM old_rows WHERE deleted_at IS NULL
    UNION ALL
    SELECT variant_id, status, 1 FROM new_rows WHERE deleted_at IS NULL
  ) AS rows
  GROUP BY variant_id, status HAVING sum(units) <> 0;
  RETURN NULL;
END $$
""",
)


def upgrade() -> None:
    for statement in (TABLE, LOCK, COLUMN, COUNT_NEW, COUNT_CHANGED, FOLD, FOLDED, COUNT_ALL):
        op.execute(statement)


def downgrade() -> None:
    op.execute(LOCK)
    for statement in FORMER:
        op.execute(statement)
    op.execute("DROP TRIGGER stock_level_change_folded ON inventory.stock_level_change")
    op.execute("DROP FUNCTION inventory.fold_location_levels()")
    op.drop_column("stock_level_change", "location", schema="inventory")
    op.drop_table("location_level", schema="inventory")
