"""Search: a document per family, identity and variant, and the words in them, kept by triggers.

Nothing here needs an extension. docs/catalog.md tells how a question is answered.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "catalog"

SEARCH_WORDS = """
-- Lower case, without accents, everything that is neither letter nor digit a space; catalog_svc/domain/search.py does the same.
CREATE FUNCTION catalog.search_words(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(
  regexp_replace(lower(normalize(given, NFKD)), '[\\u0300-\\u036f]', '', 'g'),
  '[\\u0001-\\u002f\\u003a-\\u0060\\u007b-\\u00bf\\u2000-\\u2bff\\u3000-\\u303f]+', ' ', 'g')
"""

SEARCH_VECTOR = """
-- The own words weigh most, then the brand, then what stands above. VCS-10 is found as vcs, 10 and vcs10.
CREATE FUNCTION catalog.search_vector(own text, brand text, context text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN setweight(to_tsvector('simple', catalog.search_words(own)), 'A')
  || setweight(to_tsvector('simple', catalog.search_words(replace(replace(own, '-', ''), '/', ''))), 'A')
  || setweight(to_tsvector('simple', catalog.search_words(brand)), 'B')
  || setweight(to_tsvector('simple', catalog.search_words(context)), 'C')
"""

SEARCH_TRIGRAMS = """
CREATE FUNCTION catalog.search_trigrams(word text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT DISTINCT substr('  ' || word || ' ', place, 3) FROM generate_series(1, length(word) + 1) AS place)
"""

LEARN_WORDS = """
CREATE FUNCTION catalog.learn_words(of_kind text, ids bigint[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO catalog.search_word (word, trigrams)
  SELECT found.word, catalog.search_trigrams(found.word) FROM (
    SELECT DISTINCT unnest(tsvector_to_array(d.document)) COLLATE "C" AS word
    FROM catalog.search_document d WHERE d.kind = of_kind AND d.id = ANY(ids)) AS found
  WHERE length(found.word) BETWEEN 4 AND 32 AND found.word ~ '[^0-9]'
    AND NOT EXISTS (SELECT FROM catalog.search_word known WHERE known.word = found.word)
$$
"""

REFRESH_FAMILIES = """
CREATE FUNCTION catalog.refresh_family_documents(ids bigint[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO catalog.search_document (kind, id, product_id, code, name, brand_name, document)
  SELECT 'FAMILY', f.product_id, f.product_id, lpad(f.product_id::text, 5, '0'), f.name, coalesce(b.name, ''),
    catalog.search_vector(f.name, coalesce(b.name, ''), '')
  FROM catalog.family f LEFT JOIN catalog.brand b ON b.id = f.brand_id
  WHERE f.product_id = ANY(ids)
  ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name, brand_name = excluded.brand_name, document = excluded.document;
  SELECT catalog.learn_words('FAMILY', ids)
$$
"""

REFRESH_IDENTITIES = """
CREATE FUNCTION catalog.refresh_identity_documents(ids bigint[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO catalog.search_document (kind, id, product_id, code, name, brand_name, document)
  SELECT 'IDENTITY', i.id, i.product_id, i.upis_h, coalesce(i.name, d.name, f.name), coalesce(b.name, ''),
    catalog.search_vector(coalesce(i.name, d.name, ''), coalesce(b.name, ''),
      f.name || CASE i.type WHEN 'PRODUCT' THEN '' ELSE ' ' || lower(i.type) END)
  FROM catalog.identity i
    JOIN catalog.family f USING (product_id)
    LEFT JOIN catalog.brand b ON b.id = f.brand_id
    LEFT JOIN catalog.lci_definition d ON d.product_id = i.product_id AND d.component_index = i.component_index
  WHERE i.id = ANY(ids)
  ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name, brand_name = excluded.brand_name, document = excluded.document;
  SELECT catalog.learn_words('IDENTITY', ids)
$$
"""

REFRESH_VARIANTS = """
CREATE FUNCTION catalog.refresh_variant_documents(ids bigint[]) RETURNS void LANGUAGE sql AS $$
  DELETE FROM catalog.search_document s USING catalog.variant v
  WHERE s.kind = 'VARIANT' AND s.id = ANY(ids) AND v.id = s.id AND v.deleted_at IS NOT NULL;
  INSERT INTO catalog.search_document (kind, id, product_id, code, name, brand_name, document)
  SELECT 'VARIANT', v.id, v.product_id, v.full_sku, coalesce(v.name, i.name, d.name, f.name), coalesce(b.name, ''),
    catalog.search_vector(coalesce(v.name, ''), coalesce(b.name, ''),
      concat_ws(' ', f.name, i.name, d.name, color.name, size.name, condition.name))
  FROM catalog.variant v
    JOIN catalog.identity i ON i.id = v.identity_id
    JOIN catalog.family f ON f.product_id = v.product_id
    JOIN catalog.condition ON condition.code = v.condition_code
    LEFT JOIN catalog.color ON color.code = v.color_code
    LEFT JOIN catalog.size ON size.code = v.size_code
    LEFT JOIN catalog.brand b ON b.id = f.brand_id
    LEFT JOIN catalog.lci_definition d ON d.product_id = i.product_id AND d.component_index = i.component_index
  WHERE v.id = ANY(ids) AND v.deleted_at IS NULL
  ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name, brand_name = excluded.brand_name, document = excluded.document;
  SELECT catalog.learn_words('VARIANT', ids)
$$
"""

REFRESH_BELOW = (
    """
-- Everything of some families: their own documents and those whose context they are.
CREATE FUNCTION catalog.refresh_whole_families(ids bigint[]) RETURNS void LANGUAGE sql AS $$
  SELECT catalog.refresh_family_documents(ids);
  SELECT catalog.refresh_identity_documents(ARRAY(SELECT id FROM catalog.identity WHERE product_id = ANY(ids)));
  SELECT catalog.refresh_variant_documents(ARRAY(SELECT id FROM catalog.variant WHERE product_id = ANY(ids)))
$$
""",
    """
CREATE FUNCTION catalog.refresh_whole_identities(ids bigint[]) RETURNS void LANGUAGE sql AS $$
  SELECT catalog.refresh_identity_documents(ids);
  SELECT catalog.refresh_variant_documents(ARRAY(SELECT id FROM catalog.variant WHERE identity_id = ANY(ids)))
$$
""",
)

FAMILY_TRIGGERS = (
    """
CREATE FUNCTION catalog.family_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM catalog.refresh_family_documents(ARRAY(SELECT product_id FROM after_rows));
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM catalog.refresh_whole_families(ARRAY(
      SELECT a.product_id FROM after_rows a JOIN before_rows b USING (product_id)
      WHERE (a.name, a.brand_id) IS DISTINCT FROM (b.name, b.brand_id)));
  ELSE
    DELETE FROM catalog.search_document
    WHERE kind = 'FAMILY' AND id = ANY(ARRAY(SELECT product_id FROM before_rows));
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER searchable_insert AFTER INSERT ON catalog.family REFERENCING NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.family_searchable()
""",
    """
CREATE TRIGGER searchable_update AFTER UPDATE ON catalog.family
  REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.family_searchable()
""",
    """
CREATE TRIGGER searchable_delete AFTER DELETE ON catalog.family REFERENCING OLD TABLE AS before_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.family_searchable()
""",
)

IDENTITY_TRIGGERS = (
    """
CREATE FUNCTION catalog.identity_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM catalog.refresh_identity_documents(ARRAY(SELECT id FROM after_rows));
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM catalog.refresh_whole_identities(ARRAY(
      SELECT a.id FROM after_rows a JOIN before_rows b USING (id) WHERE a.name IS DISTINCT FROM b.name));
  ELSE
    DELETE FROM catalog.search_document WHERE kind = 'IDENTITY' AND id = ANY(ARRAY(SELECT id FROM before_rows));
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER searchable_insert AFTER INSERT ON catalog.identity REFERENCING NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.identity_searchable()
""",
    """
CREATE TRIGGER searchable_update AFTER UPDATE ON catalog.identity
  REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.identity_searchable()
""",
    """
CREATE TRIGGER searchable_delete AFTER DELETE ON catalog.identity REFERENCING OLD TABLE AS before_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.identity_searchable()
""",
)

VARIANT_TRIGGERS = (
    """
CREATE FUNCTION catalog.variant_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM catalog.refresh_variant_documents(ARRAY(SELECT id FROM after_rows));
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM catalog.refresh_variant_documents(ARRAY(
      SELECT a.id FROM after_rows a JOIN before_rows b USING (id)
      WHERE (a.name, a.deleted_at IS NULL) IS DISTINCT FROM (b.name, b.deleted_at IS NULL)));
  ELSE
    DELETE FROM catalog.search_document WHERE kind = 'VARIANT' AND id = ANY(ARRAY(SELECT id FROM before_rows));
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER searchable_insert AFTER INSERT ON catalog.variant REFERENCING NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.variant_searchable()
""",
    """
CREATE TRIGGER searchable_update AFTER UPDATE ON catalog.variant
  REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.variant_searchable()
""",
    """
CREATE TRIGGER searchable_delete AFTER DELETE ON catalog.variant REFERENCING OLD TABLE AS before_rows
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.variant_searchable()
""",
)

REGISTRY_TRIGGERS = (
    """
CREATE FUNCTION catalog.brand_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM catalog.refresh_whole_families(ARRAY(SELECT product_id FROM catalog.family WHERE brand_id = NEW.id));
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER searchable AFTER UPDATE ON catalog.brand FOR EACH ROW
  WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION catalog.brand_searchable()
""",
    """
CREATE FUNCTION catalog.lci_definition_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed catalog.lci_definition := coalesce(NEW, OLD);
BEGIN
  PERFORM catalog.refresh_whole_identities(ARRAY(
    SELECT id FROM catalog.identity
    WHERE product_id = changed.product_id AND component_index = changed.component_index));
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER searchable AFTER INSERT OR UPDATE OR DELETE ON catalog.lci_definition FOR EACH ROW
  EXECUTE FUNCTION catalog.lci_definition_searchable()
""",
    """
CREATE FUNCTION catalog.color_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM catalog.refresh_variant_documents(ARRAY(SELECT id FROM catalog.variant WHERE color_code = NEW.code));
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER searchable AFTER UPDATE ON catalog.color FOR EACH ROW
  WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION catalog.color_searchable()
""",
)


def upgrade() -> None:
    op.execute(SEARCH_WORDS)
    op.execute(SEARCH_VECTOR)
    op.execute(SEARCH_TRIGRAMS)
    op.create_table(
        "search_document",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("brand_name", sa.Text(), nullable=False),
        sa.Column("document", postgresql.TSVECTOR(), nullable=False),
        sa.CheckConstraint("kind IN ('FAMILY', 'IDENTITY', 'VARIANT')", name=op.f("ck_search_document_kind_known")),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_search_document")),
        schema=SCHEMA,
    )
    op.create_index("ix_search_document_code", "search_document", ["code"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_search_document_family",
        "search_document",
        ["document"],
        unique=False,
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_where=sa.text("kind = 'FAMILY'"),
    )
    op.create_index(
        "ix_search_document_identity",
        "search_document",
        ["document"],
        unique=False,
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_where=sa.text("kind = 'IDENTITY'"),
    )
    op.create_index(
        "ix_search_document_variant",
        "search_document",
        ["document"],
        unique=False,
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_where=sa.text("kind = 'VARIANT'"),
    )
    op.create_table(
        "search_word",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.Column("trigrams", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_word")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_search_word_trigrams", "search_word", ["trigrams"], unique=False, schema=SCHEMA, postgresql_using="gin"
    )
    op.create_index(op.f("ix_search_word_word"), "search_word", ["word"], unique=False, schema=SCHEMA)
    op.execute(LEARN_WORDS)
    op.execute(REFRESH_FAMILIES)
    op.execute(REFRESH_IDENTITIES)
    op.execute(REFRESH_VARIANTS)
    for statement in REFRESH_BELOW:
        op.execute(statement)
    for statement in FAMILY_TRIGGERS:
        op.execute(statement)
    for statement in IDENTITY_TRIGGERS:
        op.execute(statement)
    for statement in VARIANT_TRIGGERS:
        op.execute(statement)
    for statement in REGISTRY_TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER searchable_insert ON catalog.family")
    op.execute("DROP TRIGGER searchable_update ON catalog.family")
    op.execute("DROP TRIGGER searchable_delete ON catalog.family")
    op.execute("DROP TRIGGER searchable_insert ON catalog.identity")
    op.execute("DROP TRIGGER searchable_update ON catalog.identity")
    op.execute("DROP TRIGGER searchable_delete ON catalog.identity")
    op.execute("DROP TRIGGER searchable_insert ON catalog.variant")
    op.execute("DROP TRIGGER searchable_update ON catalog.variant")
    op.execute("DROP TRIGGER searchable_delete ON catalog.variant")
    op.execute("DROP TRIGGER searchable ON catalog.brand")
    op.execute("DROP TRIGGER searchable ON catalog.lci_definition")
    op.execute("DROP TRIGGER searchable ON catalog.color")
    op.execute("DROP FUNCTION catalog.color_searchable()")
    op.execute("DROP FUNCTION catalog.lci_definition_searchable()")
    op.execute("DROP FUNCTION catalog.brand_searchable()")
    op.execute("DROP FUNCTION catalog.variant_searchable()")
    op.execute("DROP FUNCTION catalog.identity_searchable()")
    op.execute("DROP FUNCTION catalog.family_searchable()")
    op.execute("DROP FUNCTION catalog.refresh_whole_identities(bigint[])")
    op.execute("DROP FUNCTION catalog.refresh_whole_families(bigint[])")
    op.execute("DROP FUNCTION catalog.refresh_variant_documents(bigint[])")
    op.execute("DROP FUNCTION catalog.refresh_identity_documents(bigint[])")
    op.execute("DROP FUNCTION catalog.refresh_family_documents(bigint[])")
    op.execute("DROP FUNCTION catalog.learn_words(text, bigint[])")
    op.drop_table("search_word", schema=SCHEMA)
    op.drop_table("search_document", schema=SCHEMA)
    op.execute("DROP FUNCTION catalog.search_trigrams(text)")
    op.execute("DROP FUNCTION catalog.search_vector(text, text, text)")
    op.execute("DROP FUNCTION catalog.search_words(text)")
