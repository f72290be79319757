"""The registries of brands, colours, sizes and conditions, with the codes that are there from the start.

Condition U is what a variant is in when none is given, so it stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "catalog"

TOUCH = """
CREATE FUNCTION catalog.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.updated_at := now();
  RETURN NEW;
END $$
"""

TRIGGERS = (
    """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.brand FOR EACH ROW EXECUTE FUNCTION catalog.touch()
""",
    """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.color FOR EACH ROW EXECUTE FUNCTION catalog.touch()
""",
    """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.size FOR EACH ROW EXECUTE FUNCTION catalog.touch()
""",
    """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.condition FOR EACH ROW EXECUTE FUNCTION catalog.touch()
""",
)

KEEP_DEFAULT_CONDITION = (
    """
CREATE FUNCTION catalog.keep_default_condition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'condition U is the default' USING ERRCODE = 'check_violation', CONSTRAINT = 'condition_default_stays';
END $$
""",
    """
CREATE TRIGGER keep_default BEFORE DELETE OR UPDATE OF code ON catalog.condition
  FOR EACH ROW WHEN (OLD.code = 'U') EXECUTE FUNCTION catalog.keep_default_condition()
""",
)

SEEDS = (
    """
INSERT INTO catalog.color (code, name) VALUES
  ('BK', 'Black'), ('WY', 'White'), ('SV', 'Silver'), ('GR', 'Gray'),
  ('RD', 'Red'), ('BL', 'Blue'), ('GN', 'Green'), ('GD', 'Gold')
""",
    """
INSERT INTO catalog.condition (code, name) VALUES ('N', 'New'), ('R', 'Refurbished'), ('U', 'Used')
""",
)


def upgrade() -> None:
    op.execute(TOUCH)
    op.create_table(
        "brand",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 100", name=op.f("ck_brand_name_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand")),
        schema=SCHEMA,
    )
    op.create_index("uq_brand_name", "brand", [sa.literal_column("lower(name)")], unique=True, schema=SCHEMA)
    op.create_table(
        "color",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("code ~ '^[A-Y][A-Z]$'", name=op.f("ck_color_code_form")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 100", name=op.f("ck_color_name_length")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_color")),
        schema=SCHEMA,
    )
    op.create_table(
        "size",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("code ~ '^Z[A-Z0-9]{1,7}$'", name=op.f("ck_size_code_form")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 100", name=op.f("ck_size_name_length")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_size")),
        schema=SCHEMA,
    )
    op.create_table(
        "condition",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("code ~ '^[AC-JL-OQRT-Z]$'", name=op.f("ck_condition_code_form")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 100", name=op.f("ck_condition_name_length")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_condition")),
        schema=SCHEMA,
    )
    for statement in TRIGGERS:
        op.execute(statement)
    for statement in KEEP_DEFAULT_CONDITION:
        op.execute(statement)
    for statement in SEEDS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("condition", schema=SCHEMA)
    op.drop_table("size", schema=SCHEMA)
    op.drop_table("color", schema=SCHEMA)
    op.drop_table("brand", schema=SCHEMA)
    op.execute("DROP FUNCTION catalog.keep_default_condition()")
    op.execute("DROP FUNCTION catalog.touch()")
