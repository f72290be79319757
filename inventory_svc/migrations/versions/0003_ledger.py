"""The append-only ledger. Each unit's rows are numbered without gaps and chained by sha256, both by the database.

The hash is a generated column: nobody can write another one, and a first row needs no trigger at all. For later rows a
trigger fetches the hash of the row before; the unit's row is locked by then, so it cannot change.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOVEMENT = r"""
CREATE TABLE inventory.movement (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_movement PRIMARY KEY,
  item_id bigint NOT NULL,
  sequence integer NOT NULL,
  action text NOT NULL CONSTRAINT ck_movement_action CHECK (action IN (
    'RECEIVE', 'MOVE', 'RESERVE', 'RELEASE', 'EXPIRE', 'SELL', 'CANCEL_SALE', 'EDIT', 'DELETE')),
  variant_id bigint NOT NULL,
  before_status text CONSTRAINT ck_movement_before_status
    CHECK (before_status IN ('AVAILABLE', 'RESERVED', 'SOLD', 'RMA', 'DAMAGED', 'WRITTEN_OFF')),
  after_status text NOT NULL CONSTRAINT ck_movement_after_status
    CHECK (after_status IN ('AVAILABLE', 'RESERVED', 'SOLD', 'RMA', 'DAMAGED', 'WRITTEN_OFF')),
  before_location text NOT NULL DEFAULT '',
  after_location text NOT NULL DEFAULT '',
  unit_cost numeric(14, 4),
  cost_currency text,
  sale_price numeric(14, 4),
  sale_currency text,
  actor_id text NOT NULL,
  actor_name text NOT NULL,
  actor_role text NOT NULL,
  reason text NOT NULL DEFAULT '',
  order_reference text NOT NULL DEFAULT '',
  request_id text NOT NULL DEFAULT '',
  changes text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  previous_hash bytea NOT NULL
    DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea,
  hash bytea NOT NULL GENERATED ALWAYS AS (sha256(previous_hash || decode(replace(
    item_id::text || '|' || sequence::text || '|' || action || '|' || variant_id::text || '|'
    || coalesce(before_status, '') || '|' || after_status || '|'
    || coalesce(unit_cost::text, '') || '|' || coalesce(cost_currency, '') || '|'
    || coalesce(sale_price::text, '') || '|' || coalesce(sale_currency, '') || '|'
    || (extract(epoch from created_at - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint::text || '|'
    || octet_length(before_location)::text || ':' || before_location
    || octet_length(after_location)::text || ':' || after_location
    || octet_length(actor_id)::text || ':' || actor_id
    || octet_length(actor_name)::text || ':' || actor_name
    || octet_length(actor_role)::text || ':' || actor_role
    || octet_length(reason)::text || ':' || reason
    || octet_length(order_reference)::text || ':' || order_reference
    || octet_length(request_id)::text || ':' || request_id
    || octet_length(changes)::text || ':' || changes,
    '\', '\\'), 'escape'))) STORED,
  CONSTRAINT uq_movement_item_id_sequence UNIQUE (item_id, sequence),
  CONSTRAINT ck_movement_sequence CHECK ((sequence = 1) = (action = 'RECEIVE') AND sequence >= 1),
  CONSTRAINT ck_movement_genesis CHECK (
    sequence > 1 OR previous_hash = '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea)
)
"""

INDEXES = (
    "CREATE INDEX ix_movement_variant_id_id ON inventory.movement (variant_id, id)",
    """
CREATE INDEX ix_movement_order_reference_id ON inventory.movement (order_reference, id) WHERE order_reference <> ''
""",
    "CREATE INDEX ix_movement_created_at ON inventory.movement USING brin (created_at)",
)

CHAIN = """
CREATE FUNCTION inventory.chain_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT before.hash INTO NEW.previous_hash FROM inventory.movement AS before
    WHERE before.item_id = NEW.item_id AND before.sequence = NEW.sequence - 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no ledger row % of unit %', NEW.sequence - 1, NEW.item_id
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'movement_chain', TABLE = 'movement', SCHEMA = 'inventory';
  END IF;
  RETURN NEW;
END $$
"""

TRIGGERS = (
    """
CREATE TRIGGER movement_chain BEFORE INSERT ON inventory.movement FOR EACH ROW WHEN (NEW.sequence > 1)
  EXECUTE FUNCTION inventory.chain_movement()
""",
    """
CREATE TRIGGER movement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inventory.movement FOR EACH STATEMENT
  EXECUTE FUNCTION inventory.refuse()
""",
)


def upgrade() -> None:
    op.execute(MOVEMENT)
    for statement in INDEXES:
        op.execute(statement)
    op.execute(CHAIN)
    for statement in TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("movement", schema="inventory")
    op.execute("DROP FUNCTION inventory.chain_movement()")
