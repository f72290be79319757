"""How many units of a variant there are in each status, kept exactly by the database.

A change of units adds rows to `stock_level_change`, which nobody waits for; a level is the sum of both tables.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE inventory.stock_level (
  variant_id bigint NOT NULL,
  status text NOT NULL,
  units bigint NOT NULL,
  CONSTRAINT pk_stock_level PRIMARY KEY (variant_id, status)
)
""",
    """
CREATE TABLE inventory.stock_level_change (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_stock_level_change PRIMARY KEY,
  variant_id bigint NOT NULL,
  status text NOT NULL,
  units bigint NOT NULL
)
""",
    "CREATE INDEX ix_stock_level_change_variant_id ON inventory.stock_level_change (variant_id)",
)
COUNT_NEW = """
CREATE FUNCTION inventory.count_new_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inventory.stock_level_change (variant_id, status, units)
  SELECT variant_id, status, count(*) FROM new_rows WHERE deleted_at IS NULL GROUP BY variant_id, status;
  RETURN NULL;
END $$
"""
COUNT_CHANGED = """
CREATE FUNCTION inventory.count_changed_units() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""
TRIGGERS = (
    """
CREATE TRIGGER item_new_counted AFTER INSERT ON inventory.item REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION inventory.count_new_units()
""",
    """
CREATE TRIGGER item_changed_counted AFTER UPDATE ON inventory.item REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION inventory.count_changed_units()
""",
)
# Making a trigger took the lock that stops writers, so this counts what the triggers have not counted.
COUNT_ALL = """
INSERT INTO inventory.stock_level (variant_id, status, units)
SELECT variant_id, status, count(*) FROM inventory.item WHERE deleted_at IS NULL GROUP BY variant_id, status
"""


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    op.execute(COUNT_NEW)
    op.execute(COUNT_CHANGED)
    for statement in TRIGGERS:
        op.execute(statement)
    op.execute(COUNT_ALL)


def downgrade() -> None:
    for name in ("item_new_counted", "item_changed_counted"):
        op.execute(f"DROP TRIGGER {name} ON inventory.item")
    op.execute("DROP FUNCTION inventory.count_changed_units()")
    op.execute("DROP FUNCTION inventory.count_new_units()")
    op.drop_table("stock_level_change", schema="inventory")
    op.drop_table("stock_level", schema="inventory")
