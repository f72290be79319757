"""Makes shipments: parcels of orders, with what their platforms were told of them.

The database itself keeps the units shipped of each line of an order, and refuses more than were ordered.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = "sync"
TO_SHIP = "applied AND NOT cancelled AND quantity > greatest(shipped_quantity, shipped_there)"

COUNT_SHIPPED = """
CREATE FUNCTION sync.count_shipped() RETURNS trigger LANGUAGE plpgsql AS $$
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
GIVE_BACK = """
CREATE FUNCTION sync.give_shipped_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sync.order_line o SET shipped_quantity = o.shipped_quantity - l.quantity
    FROM sync.shipment_line l WHERE l.shipment_id = NEW.id AND o.order_id = l.order_id AND o.line_id = l.line_id;
  RETURN NULL;
END $$
"""
KEEP_CLOSED = """
CREATE FUNCTION sync.keep_shipment_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'shipment % is %', OLD.id, OLD.status
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END $$
"""
TRIGGERS = (
    """
CREATE TRIGGER shipment_within_order AFTER INSERT ON sync.shipment_line FOR EACH ROW EXECUTE FUNCTION sync.count_shipped()
""",
    """
CREATE TRIGGER shipment_given_back AFTER UPDATE OF status ON sync.shipment FOR EACH ROW
  WHEN (NEW.status = 'WITHDRAWN' AND OLD.status <> 'WITHDRAWN') EXECUTE FUNCTION sync.give_shipped_back()
""",
    """
CREATE TRIGGER shipment_closed BEFORE UPDATE OF status ON sync.shipment FOR EACH ROW
  WHEN (OLD.status IN ('TOLD', 'WITHDRAWN') AND NEW.status <> OLD.status) EXECUTE FUNCTION sync.keep_shipment_closed()
""",
)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False)


def _time(name: str, *, required: bool = False, default: bool = True) -> sa.Column[object]:
    at = sa.text("now()") if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=at, nullable=not required)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    op.add_column("channel_order", sa.Column("ship_lease", sa.UUID(), nullable=True), schema=SCHEMA)
    op.add_column("channel_order", _time("ship_lease_until", default=False), schema=SCHEMA)
    for name in ("shipped_quantity", "shipped_there"):
        op.add_column("order_line", _count(name), schema=SCHEMA)
    op.create_check_constraint(
        op.f("ck_order_line_shipped_not_negative"),
        "order_line",
        "shipped_quantity >= 0 AND shipped_there >= 0",
        schema=SCHEMA,
    )
    op.create_index(
        "ix_order_line_to_ship", "order_line", ["order_id"], schema=SCHEMA, postgresql_where=sa.text(TO_SHIP)
    )
    _make_shipment()
    _make_lines()
    for function in (COUNT_SHIPPED, GIVE_BACK, KEEP_CLOSED):
        op.execute(function)
    for trigger in TRIGGERS:
        op.execute(trigger)


def _make_shipment() -> None:
    op.create_table(
        "shipment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        _text("carrier"),
        _text("tracking_number"),
        _time("shipped_at", required=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'PENDING'"), nullable=False),
        _text("external_id"),
        _flag("by_another"),
        _flag("in_doubt"),
        _text("message"),
        _text("error_code"),
        _count("attempts"),
        _time("next_attempt_at"),
        _time("told_at", default=False),
        _text("recorded_by"),
        _time("created_at", required=True),
        _time("updated_at", required=True),
        sa.CheckConstraint(
            "status IN ('PENDING', 'TOLD', 'REFUSED', 'WITHDRAWN')", name=op.f("ck_shipment_status_known")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["sync.channel_order.id"], name=op.f("fk_shipment_order_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["sync.channel.id"], name=op.f("fk_shipment_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment")),
        schema=SCHEMA,
    )
    op.create_index("ix_shipment_order_id", "shipment", ["order_id"], schema=SCHEMA)
    op.create_index(
        "uq_shipment_order_id_tracking_number",
        "shipment",
        ["order_id", "tracking_number"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("tracking_number <> '' AND status <> 'WITHDRAWN'"),
    )
    pending, refused = sa.text("status = 'PENDING'"), sa.text("status = 'REFUSED'")
    due = ["channel_id", "next_attempt_at"]
    op.create_index("ix_shipment_due", "shipment", due, schema=SCHEMA, postgresql_where=pending)
    op.create_index("ix_shipment_refused", "shipment", ["channel_id"], schema=SCHEMA, postgresql_where=refused)


def _make_lines() -> None:
    op.create_table(
        "shipment_line",
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shipment_line_quantity_positive")),
        sa.ForeignKeyConstraint(["shipment_id"], ["sync.shipment.id"], name=op.f("fk_shipment_line_shipment_id")),
        sa.ForeignKeyConstraint(
            ["order_id", "line_id"],
            ["sync.order_line.order_id", "sync.order_line.line_id"],
            name=op.f("fk_shipment_line_order_id"),
        ),
        sa.PrimaryKeyConstraint("shipment_id", "line_id", name=op.f("pk_shipment_line")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("shipment_line", schema=SCHEMA)
    op.drop_table("shipment", schema=SCHEMA)
    for function in ("count_shipped", "give_shipped_back", "keep_shipment_closed"):
        op.execute(f"DROP FUNCTION sync.{function}()")
    op.drop_index("ix_order_line_to_ship", "order_line", schema=SCHEMA)
    op.drop_constraint(op.f("ck_order_line_shipped_not_negative"), "order_line", schema=SCHEMA)
    for name in ("shipped_there", "shipped_quantity"):
        op.drop_column("order_line", name, schema=SCHEMA)
    for name in ("ship_lease_until", "ship_lease"):
        op.drop_column("channel_order", name, schema=SCHEMA)
