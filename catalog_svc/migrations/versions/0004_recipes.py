"""The recipes of bundles and kits: only they have one, and none contains itself."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "catalog"

TOUCHES = """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.bundle_component FOR EACH ROW EXECUTE FUNCTION catalog.touch()
"""

GUARD_RECIPE = (
    """
-- Two lines that are harmless alone can close a circle together. One lock for all recipes makes each see those before it; the
-- function is volatile, so what it reads after the lock is what is committed then.
CREATE FUNCTION catalog.guard_recipe() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  parent_type text;
BEGIN
  PERFORM pg_advisory_xact_lock(7236843031201);
  SELECT type INTO parent_type FROM catalog.identity WHERE id = NEW.parent_identity_id;
  IF parent_type NOT IN ('BUNDLE', 'KIT') THEN
    RAISE EXCEPTION 'only bundles and kits have components'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'bundle_component_parent_type';
  END IF;
  IF EXISTS (
    WITH RECURSIVE below AS (
      SELECT NEW.child_identity_id AS id
      UNION
      SELECT c.child_identity_id FROM catalog.bundle_component c JOIN below ON c.parent_identity_id = below.id)
    SELECT FROM below WHERE id = NEW.parent_identity_id
  ) THEN
    RAISE EXCEPTION 'a bundle cannot contain itself'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'bundle_component_no_cycle';
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER guard BEFORE INSERT ON catalog.bundle_component
  FOR EACH ROW EXECUTE FUNCTION catalog.guard_recipe()
""",
)

KEEP_ENDS = (
    """
CREATE FUNCTION catalog.keep_bundle_component() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a line keeps its parent and child'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'bundle_component_immutable';
END $$
""",
    """
CREATE TRIGGER keep BEFORE UPDATE ON catalog.bundle_component FOR EACH ROW
  WHEN ((OLD.parent_identity_id, OLD.child_identity_id) IS DISTINCT FROM (NEW.parent_identity_id, NEW.child_identity_id))
  EXECUTE FUNCTION catalog.keep_bundle_component()
""",
)


def upgrade() -> None:
    op.create_table(
        "bundle_component",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("parent_identity_id", sa.BigInteger(), nullable=False),
        sa.Column("child_identity_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("role", sa.Text(), server_default=sa.text("'PRIMARY'"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "role IN ('PRIMARY', 'ACCESSORY', 'SATELLITE')", name=op.f("ck_bundle_component_role_known")
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 999", name=op.f("ck_bundle_component_quantity_range")),
        sa.ForeignKeyConstraint(
            ["child_identity_id"],
            ["catalog.identity.id"],
            name=op.f("fk_bundle_component_child_identity_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["parent_identity_id"],
            ["catalog.identity.id"],
            name=op.f("fk_bundle_component_parent_identity_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle_component")),
        sa.UniqueConstraint("parent_identity_id", "child_identity_id", name="uq_bundle_component_child"),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_bundle_component_child_identity_id"),
        "bundle_component",
        ["child_identity_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.execute(TOUCHES)
    for statement in GUARD_RECIPE:
        op.execute(statement)
    for statement in KEEP_ENDS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("bundle_component", schema=SCHEMA)
    op.execute("DROP FUNCTION catalog.keep_bundle_component()")
    op.execute("DROP FUNCTION catalog.guard_recipe()")
