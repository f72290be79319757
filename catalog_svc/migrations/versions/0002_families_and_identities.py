"""Families, identities and component definitions, and the rules of their names.

Numbers and component indexes are given out under a row lock, names are computed, retired with their identity and never reused.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "catalog"

UPIS_H = """
CREATE FUNCTION catalog.upis_h(product_id integer, type text, component_index smallint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lpad(product_id::text, 5, '0') || CASE type
  WHEN 'PART' THEN '-P-' || component_index::text
  WHEN 'BUNDLE' THEN '-B'
  WHEN 'KIT' THEN '-K'
  WHEN 'SERVICE' THEN '-S'
  ELSE '' END
"""

HEX_SIGNATURE = """
CREATE FUNCTION catalog.hex_signature(product_id integer, type text, component_index smallint) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  type_number bigint := CASE type
    WHEN 'PRODUCT' THEN 0 WHEN 'PART' THEN 1 WHEN 'BUNDLE' THEN 2 WHEN 'KIT' THEN 3 WHEN 'SERVICE' THEN 4 END;
  payload bigint := (product_id::bigint << 10) | (type_number << 7) | coalesce(component_index, 0)::bigint;
  rest bigint := payload << 5;
BEGIN
  -- The remainder by x^5 + x^2 + 1, as in catalog_svc/domain/identifiers.py.
  FOR position IN REVERSE 31..5 LOOP
    IF (rest >> position) & 1 = 1 THEN
      rest := rest # (37::bigint << (position - 5));
    END IF;
  END LOOP;
  RETURN upper(lpad(to_hex((payload << 5) | (rest # 21)), 8, '0'));
END $$
"""

TOUCHES = (
    """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.family FOR EACH ROW EXECUTE FUNCTION catalog.touch()
""",
    """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.identity FOR EACH ROW EXECUTE FUNCTION catalog.touch()
""",
    """
CREATE TRIGGER touch BEFORE UPDATE ON catalog.lci_definition FOR EACH ROW EXECUTE FUNCTION catalog.touch()
""",
    """
INSERT INTO catalog.product_id_counter DEFAULT VALUES
""",
)

ASSIGN_PRODUCT_ID = (
    """
-- Gives a family without a number the next free one. Everyone who adds a family takes the counter's lock first, so that a number
-- given by hand in a transaction still open is not given out a second time.
CREATE FUNCTION catalog.assign_product_id() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  next_id integer;
  candidate integer;
BEGIN
  SELECT next_product_id INTO STRICT next_id FROM catalog.product_id_counter FOR UPDATE;
  IF NEW.product_id IS NOT NULL THEN
    RETURN NEW;
  END IF;
  FOR step IN 0..99999 LOOP
    candidate := (next_id + step) % 100000;
    IF NOT EXISTS (SELECT FROM catalog.family WHERE product_id = candidate) THEN
      UPDATE catalog.product_id_counter SET next_product_id = (candidate + 1) % 100000;
      NEW.product_id := candidate;
      RETURN NEW;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'no number is free' USING ERRCODE = 'check_violation', CONSTRAINT = 'family_numbers_left';
END $$
""",
    """
CREATE TRIGGER assign_product_id BEFORE INSERT ON catalog.family
  FOR EACH ROW EXECUTE FUNCTION catalog.assign_product_id()
""",
)

ASSIGN_COMPONENT_INDEX = (
    """
-- The lowest index of the family that no part ever had and no definition names. The caller holds the family's lock.
CREATE FUNCTION catalog.free_component_index(family_id integer) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
  free smallint;
BEGIN
  SELECT min(candidate) INTO free FROM generate_series(1, 99) AS candidate
  WHERE NOT EXISTS (SELECT FROM catalog.identity i WHERE i.product_id = family_id AND i.component_index = candidate)
    AND NOT EXISTS (SELECT FROM catalog.issued_identity i WHERE i.product_id = family_id AND i.component_index = candidate)
    AND NOT EXISTS (SELECT FROM catalog.lci_definition d WHERE d.product_id = family_id AND d.component_index = candidate);
  IF free IS NULL THEN
    RAISE EXCEPTION 'no component index is free'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'component_indexes_left';
  END IF;
  RETURN free;
END $$
""",
    """
-- All who add to a family's parts or definitions take the family's lock, so that each sees what the one before took.
CREATE FUNCTION catalog.assign_component_index() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM catalog.family WHERE product_id = NEW.product_id FOR NO KEY UPDATE;
  IF NEW.component_index IS NULL THEN
    NEW.component_index := catalog.free_component_index(NEW.product_id);
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER assign_component_index BEFORE INSERT ON catalog.identity
  FOR EACH ROW WHEN (NEW.type = 'PART') EXECUTE FUNCTION catalog.assign_component_index()
""",
    """
CREATE TRIGGER assign_component_index BEFORE INSERT ON catalog.lci_definition
  FOR EACH ROW EXECUTE FUNCTION catalog.assign_component_index()
""",
)

RETIRE_NAMES = (
    """
CREATE FUNCTION catalog.issue_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalog.issued_identity (upis_h, product_id, component_index)
  VALUES (NEW.upis_h, NEW.product_id, NEW.component_index);
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER issue AFTER INSERT ON catalog.identity FOR EACH ROW EXECUTE FUNCTION catalog.issue_identity()
""",
)

KEEP_NAMES = (
    """
CREATE FUNCTION catalog.keep_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an identity keeps its name' USING ERRCODE = 'check_violation', CONSTRAINT = 'identity_immutable';
END $$
""",
    """
CREATE TRIGGER keep BEFORE UPDATE ON catalog.identity FOR EACH ROW
  WHEN ((OLD.id, OLD.product_id, OLD.type, OLD.component_index)
    IS DISTINCT FROM (NEW.id, NEW.product_id, NEW.type, NEW.component_index))
  EXECUTE FUNCTION catalog.keep_identity()
""",
    """
CREATE FUNCTION catalog.keep_family_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a family keeps its number' USING ERRCODE = 'check_violation', CONSTRAINT = 'family_immutable';
END $$
""",
    """
CREATE TRIGGER keep BEFORE UPDATE ON catalog.family FOR EACH ROW
  WHEN (OLD.product_id <> NEW.product_id) EXECUTE FUNCTION catalog.keep_family_number()
""",
)

KEEP_DEFINITIONS_IN_USE = (
    """
CREATE FUNCTION catalog.keep_lci_definition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM catalog.family WHERE product_id = OLD.product_id FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM catalog.identity i
             WHERE i.product_id = OLD.product_id AND i.component_index = OLD.component_index) THEN
    RAISE EXCEPTION 'a part has this definition'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'lci_definition_in_use';
  END IF;
  RETURN OLD;
END $$
""",
    """
CREATE TRIGGER keep BEFORE DELETE ON catalog.lci_definition
  FOR EACH ROW EXECUTE FUNCTION catalog.keep_lci_definition()
""",
)


def upgrade() -> None:
    op.execute(UPIS_H)
    op.execute(HEX_SIGNATURE)
    op.create_table(
        "family",
        sa.Column("product_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("brand_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 300", name=op.f("ck_family_name_length")),
        sa.CheckConstraint("product_id BETWEEN 0 AND 99999", name=op.f("ck_family_product_id_range")),
        sa.ForeignKeyConstraint(
            ["brand_id"], ["catalog.brand.id"], name=op.f("fk_family_brand_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_family")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_family_brand_id"), "family", ["brand_id"], unique=False, schema=SCHEMA)
    op.create_index("ix_family_name", "family", [sa.literal_column("lower(name)")], unique=False, schema=SCHEMA)
    op.create_table(
        "product_id_counter",
        sa.Column("id", sa.SmallInteger(), server_default=sa.text("1"), autoincrement=False, nullable=False),
        sa.Column("next_product_id", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_product_id_counter_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_id_counter")),
        schema=SCHEMA,
    )
    op.create_table(
        "identity",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("component_index", sa.SmallInteger(), nullable=True),
        sa.Column(
            "upis_h",
            sa.Text(collation="C"),
            sa.Computed("catalog.upis_h(product_id, type, component_index)", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "hex_signature",
            sa.Text(collation="C"),
            sa.Computed("catalog.hex_signature(product_id, type, component_index)", persisted=True),
            nullable=False,
        ),
        sa.Column("physical_class", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(type = 'PART') = (component_index IS NOT NULL)", name=op.f("ck_identity_component_index_place")
        ),
        sa.CheckConstraint(
            "physical_class IN ('ELECTRONICS', 'COVER', 'PERIPHERAL', 'SPEAKER', 'WIRE', 'ACCESSORY')",
            name=op.f("ck_identity_physical_class_known"),
        ),
        sa.CheckConstraint(
            "type IN ('PRODUCT', 'PART', 'BUNDLE', 'KIT', 'SERVICE')", name=op.f("ck_identity_type_known")
        ),
        sa.CheckConstraint("component_index BETWEEN 1 AND 99", name=op.f("ck_identity_component_index_range")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.family.product_id"], name=op.f("fk_identity_product_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
        sa.UniqueConstraint("hex_signature", name=op.f("uq_identity_hex_signature")),
        sa.UniqueConstraint("upis_h", name=op.f("uq_identity_upis_h")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_identity_product_id"), "identity", ["product_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "issued_identity",
        sa.Column("upis_h", sa.Text(collation="C"), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("component_index", sa.SmallInteger(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("upis_h", name=op.f("pk_issued_identity")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_issued_identity_product_id_component_index",
        "issued_identity",
        ["product_id", "component_index"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "lci_definition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("component_index", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("component_index BETWEEN 1 AND 99", name=op.f("ck_lci_definition_component_index_range")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 300", name=op.f("ck_lci_definition_name_length")),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["catalog.family.product_id"],
            name=op.f("fk_lci_definition_product_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lci_definition")),
        sa.UniqueConstraint("product_id", "component_index", name=op.f("uq_lci_definition_product_id_component_index")),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_lci_definition_name",
        "lci_definition",
        ["product_id", sa.literal_column("lower(name)")],
        unique=True,
        schema=SCHEMA,
    )
    for statement in TOUCHES:
        op.execute(statement)
    for statement in ASSIGN_PRODUCT_ID:
        op.execute(statement)
    for statement in ASSIGN_COMPONENT_INDEX:
        op.execute(statement)
    for statement in RETIRE_NAMES:
        op.execute(statement)
    for statement in KEEP_NAMES:
        op.execute(statement)
    for statement in KEEP_DEFINITIONS_IN_USE:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("lci_definition", schema=SCHEMA)
    op.drop_table("issued_identity", schema=SCHEMA)
    op.drop_table("identity", schema=SCHEMA)
    op.drop_table("product_id_counter", schema=SCHEMA)
    op.drop_table("family", schema=SCHEMA)
    op.execute("DROP FUNCTION catalog.keep_lci_definition()")
    op.execute("DROP FUNCTION catalog.keep_family_number()")
    op.execute("DROP FUNCTION catalog.keep_identity()")
    op.execute("DROP FUNCTION catalog.issue_identity()")
    op.execute("DROP FUNCTION catalog.assign_component_index()")
    op.execute("DROP FUNCTION catalog.free_component_index(integer)")
    op.execute("DROP FUNCTION catalog.assign_product_id()")
    op.execute("DROP FUNCTION catalog.hex_signature(integer, text, smallint)")
    op.execute("DROP FUNCTION catalog.upis_h(integer, text, smallint)")
