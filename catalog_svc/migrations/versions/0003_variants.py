"""Variants: a SKU each, computed from the identity and the codes, and kept."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "catalog"

TOUCHES = """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.variant FOR EACH ROW EXECUTE FUNCTION catalog.touch()
"""

NAME_VARIANT = (
    """
CREATE FUNCTION catalog.name_variant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT product_id, upis_h INTO NEW.product_id, NEW.upis_h FROM catalog.identity WHERE id = NEW.identity_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such identity' USING
      ERRCODE = 'foreign_key_violation', CONSTRAINT = 'fk_variant_identity_id', DETAIL = 'The key is not present.';
  END IF;
  NEW.condition_code := coalesce(NEW.condition_code, 'U');
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER name_variant BEFORE INSERT ON catalog.variant
  FOR EACH ROW EXECUTE FUNCTION catalog.name_variant()
""",
)

KEEP_NAMES = (
    """
CREATE FUNCTION catalog.keep_variant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a variant keeps its SKU' USING ERRCODE = 'check_violation', CONSTRAINT = 'variant_immutable';
END $$
""",
    """
CREATE TRIGGER keep BEFORE UPDATE ON catalog.variant FOR EACH ROW
  WHEN ((OLD.id, OLD.identity_id, OLD.product_id, OLD.upis_h, OLD.color_code, OLD.size_code, OLD.condition_code)
    IS DISTINCT FROM (NEW.id, NEW.identity_id, NEW.product_id, NEW.upis_h, NEW.color_code, NEW.size_code, NEW.condition_code))
  EXECUTE FUNCTION catalog.keep_variant()
""",
)


def upgrade() -> None:
    op.create_table(
        "variant",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("upis_h", sa.Text(collation="C"), nullable=False),
        sa.Column("color_code", sa.Text(collation="C"), nullable=True),
        sa.Column("size_code", sa.Text(collation="C"), nullable=True),
        sa.Column("condition_code", sa.Text(collation="C"), server_default=sa.text("'U'"), nullable=False),
        sa.Column(
            "full_sku",
            sa.Text(collation="C"),
            sa.Computed(
                "upis_h || COALESCE('-' || color_code, '') || COALESCE('-' || size_code, '')"
                " || COALESCE('-' || NULLIF(condition_code, 'U'), '')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("price_amount", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("price_currency", sa.Text(collation="C"), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("price_currency ~ '^[A-Z]{3}$'", name=op.f("ck_variant_price_currency_form")),
        sa.CheckConstraint("(price_amount IS NULL) = (price_currency IS NULL)", name=op.f("ck_variant_price_whole")),
        sa.CheckConstraint("price_amount >= 0", name=op.f("ck_variant_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["color_code"], ["catalog.color.code"], name=op.f("fk_variant_color_code"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["condition_code"], ["catalog.condition.code"], name=op.f("fk_variant_condition_code"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["catalog.identity.id"], name=op.f("fk_variant_identity_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["size_code"], ["catalog.size.code"], name=op.f("fk_variant_size_code"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variant")),
        sa.UniqueConstraint("full_sku", name=op.f("uq_variant_full_sku")),
        sa.UniqueConstraint(
            "identity_id",
            "color_code",
            "size_code",
            "condition_code",
            name="uq_variant_combination",
            postgresql_nulls_not_distinct=True,
        ),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_variant_color_code"), "variant", ["color_code"], unique=False, schema=SCHEMA)
    op.create_index("ix_variant_product_id_id", "variant", ["product_id", "id"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_variant_size_code"), "variant", ["size_code"], unique=False, schema=SCHEMA)
    op.execute(TOUCHES)
    for statement in NAME_VARIANT:
        op.execute(statement)
    for statement in KEEP_NAMES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("variant", schema=SCHEMA)
    op.execute("DROP FUNCTION catalog.keep_variant()")
    op.execute("DROP FUNCTION catalog.name_variant()")
