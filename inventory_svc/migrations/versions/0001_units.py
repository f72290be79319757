"""Units, the variants they belong to, and the guards of their status.

The guards stand in the triggers' WHEN clauses: a move that is allowed costs nothing, and only a forbidden one calls the function.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KNOWN_VARIANT = """
CREATE TABLE inventory.known_variant (
  variant_id bigint NOT NULL CONSTRAINT pk_known_variant PRIMARY KEY,
  sku text NOT NULL CONSTRAINT uq_known_variant_sku UNIQUE,
  product_id integer NOT NULL,
  learned_at timestamptz NOT NULL DEFAULT now()
)
"""

ITEM = """
CREATE TABLE inventory.item (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_item PRIMARY KEY,
  variant_id bigint NOT NULL CONSTRAINT fk_item_variant_id REFERENCES inventory.known_variant (variant_id),
  serial_number text CONSTRAINT ck_item_serial_number CHECK (serial_number ~ '^[!-~]([ -~]{0,62}[!-~])?$'),
  status text NOT NULL DEFAULT 'AVAILABLE'
    CONSTRAINT ck_item_status CHECK (status IN ('AVAILABLE', 'RESERVED', 'SOLD', 'RMA', 'DAMAGED', 'WRITTEN_OFF')),
  location text NOT NULL DEFAULT '',
  unit_cost numeric(14, 4),
  cost_currency text,
  notes text NOT NULL DEFAULT '',
  reservation_id bigint,
  reserved_until timestamptz,
  order_reference text NOT NULL DEFAULT '',
  sale_price numeric(14, 4),
  sale_currency text,
  received_at timestamptz NOT NULL DEFAULT now(),
  sold_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  CONSTRAINT ck_item_unit_cost CHECK (unit_cost >= 0 AND (unit_cost IS NULL) = (cost_currency IS NULL)),
  CONSTRAINT ck_item_sale_price CHECK (sale_price >= 0 AND (sale_price IS NULL) = (sale_currency IS NULL)),
  CONSTRAINT ck_item_hold CHECK (
    (status = 'RESERVED') = (reservation_id IS NOT NULL) AND (status = 'RESERVED') = (reserved_until IS NOT NULL)),
  CONSTRAINT ck_item_sale CHECK ((status = 'SOLD') = (sold_at IS NOT NULL)),
  CONSTRAINT ck_item_deleted CHECK (deleted_at IS NULL OR status = 'AVAILABLE')
)
"""

INDEXES = (
    """
CREATE UNIQUE INDEX uq_item_serial_number ON inventory.item (upper(serial_number) text_pattern_ops)
  WHERE serial_number IS NOT NULL AND deleted_at IS NULL
""",
    """
CREATE INDEX ix_item_variant_id_status_id ON inventory.item (variant_id, status, id) WHERE deleted_at IS NULL
""",
    "CREATE INDEX ix_item_status_id ON inventory.item (status, id) WHERE deleted_at IS NULL",
    "CREATE INDEX ix_item_location_id ON inventory.item (location, id) WHERE deleted_at IS NULL",
    "CREATE INDEX ix_item_received_at ON inventory.item (received_at) WHERE deleted_at IS NULL",
    "CREATE INDEX ix_item_reserved_until ON inventory.item (reserved_until) WHERE status = 'RESERVED'",
)

REFUSE = """
CREATE FUNCTION inventory.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END $$
"""

GUARDS = (
    """
CREATE TRIGGER item_status_move BEFORE UPDATE OF status ON inventory.item FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
    ('AVAILABLE', 'RESERVED'), ('AVAILABLE', 'SOLD'),
    ('RESERVED', 'AVAILABLE'), ('RESERVED', 'SOLD'),
    ('SOLD', 'AVAILABLE')))
  EXECUTE FUNCTION inventory.refuse()
""",
    """
CREATE TRIGGER item_version_step BEFORE UPDATE ON inventory.item FOR EACH ROW
  WHEN (NEW.version <> OLD.version + 1 OR OLD.deleted_at IS NOT NULL OR NEW.id <> OLD.id)
  EXECUTE FUNCTION inventory.refuse()
""",
    """
CREATE TRIGGER item_kept BEFORE DELETE OR TRUNCATE ON inventory.item FOR EACH STATEMENT
  EXECUTE FUNCTION inventory.refuse()
""",
)


def upgrade() -> None:
    op.execute(KNOWN_VARIANT)
    op.execute(ITEM)
    for statement in INDEXES:
        op.execute(statement)
    op.execute(REFUSE)
    for statement in GUARDS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("item", schema="inventory")
    op.drop_table("known_variant", schema="inventory")
    op.execute("DROP FUNCTION inventory.refuse()")
