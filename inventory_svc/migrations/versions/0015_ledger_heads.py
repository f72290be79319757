"""The last ledger row of each unit and its hash, written with the row by a trigger and by nobody else.

The function runs as its owner, so that the service's role needs no right to write here. Nobody may make another trigger call it:
that would be a way to write any head.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Room on each page, so that a unit's next rows change its head in place.
HEAD = """
CREATE TABLE inventory.ledger_head (
  item_id bigint NOT NULL CONSTRAINT pk_ledger_head PRIMARY KEY,
  movement_id bigint NOT NULL,
  hash bytea NOT NULL
) WITH (fillfactor = 80)
"""
# A first row's head is a plain insert, which costs half of one that may meet another: receipts have nothing else.
SEAL = """
CREATE FUNCTION inventory.seal_ledger() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lowest integer;
  highest integer;
BEGIN
  SELECT min(sequence), max(sequence) INTO lowest, highest FROM new_rows;
  IF lowest = 1 THEN
    INSERT INTO inventory.ledger_head (item_id, movement_id, hash)
    SELECT item_id, id, hash FROM new_rows WHERE sequence = 1;
  END IF;
  IF highest > 1 THEN
    INSERT INTO inventory.ledger_head (item_id, movement_id, hash)
    SELECT DISTINCT ON (item_id) item_id, id, hash FROM new_rows WHERE sequence > 1 ORDER BY item_id, sequence DESC
    ON CONFLICT (item_id) DO UPDATE SET movement_id = excluded.movement_id, hash = excluded.hash;
  END IF;
  RETURN NULL;
END $$
"""
TRIGGERS = (
    """
CREATE TRIGGER movement_sealed AFTER INSERT ON inventory.movement REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION inventory.seal_ledger()
""",
    """
CREATE TRIGGER ledger_head_forward BEFORE UPDATE ON inventory.ledger_head FOR EACH ROW
  WHEN (NEW.item_id <> OLD.item_id OR NEW.movement_id <= OLD.movement_id) EXECUTE FUNCTION inventory.refuse()
""",
    """
CREATE TRIGGER ledger_head_kept BEFORE DELETE OR TRUNCATE ON inventory.ledger_head FOR EACH STATEMENT
  EXECUTE FUNCTION inventory.refuse()
""",
)


def upgrade() -> None:
    op.execute(HEAD)
    op.execute(SEAL)
    op.execute("REVOKE ALL ON FUNCTION inventory.seal_ledger() FROM PUBLIC")
    for statement in TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER movement_sealed ON inventory.movement")
    op.drop_table("ledger_head", schema="inventory")
    op.execute("DROP FUNCTION inventory.seal_ledger()")
