"""The catalog schema as SQLAlchemy tables. Triggers and functions stand in the migrations; docs/catalog.md tells their rules.

Codes are stored in capitals under the collation "C": prefixes use plain indexes, and order does not depend on the locale.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from chassis.database import schema_metadata
from chassis.idempotency import idempotency_table
from chassis.outbox import outbox_tables

SCHEMA = "catalog"
metadata = schema_metadata(SCHEMA)
outbox = outbox_tables(metadata)
stored_answer = idempotency_table(metadata)


def code_text() -> Text:
    """The type of codes and computed names."""
    return Text(collation="C")


def versioned() -> list[Column[object]]:
    """The columns of everything that is edited; a trigger raises the version and the time at each update."""
    return [
        Column("version", Integer, nullable=False, server_default=text("1")),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ]


brand = Table(
    "brand",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    *versioned(),
    CheckConstraint("length(name) BETWEEN 1 AND 100", name="name_length"),
    Index("uq_brand_name", text("lower(name)"), unique=True),
)


def _code_table(name: str, form: str) -> Table:
    return Table(
        name,
        metadata,
        Column("code", code_text(), primary_key=True),
        Column("name", Text, nullable=False),
        *versioned(),
        CheckConstraint(f"code ~ '{form}'", name="code_form"),
        CheckConstraint("length(name) BETWEEN 1 AND 100", name="name_length"),
    )


color = _code_table("color", "^[A-Y][A-Z]$")
size = _code_table("size", "^Z[A-Z0-9]{1,7}$")
condition = _code_table("condition", "^[AC-JL-OQRT-Z]$")

family = Table(
    "family",
    metadata,
    Column("product_id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("brand_id", BigInteger, ForeignKey(brand.c.id, ondelete="RESTRICT"), index=True),
    *versioned(),
    CheckConstraint("product_id BETWEEN 0 AND 99999", name="product_id_range"),
    CheckConstraint("length(name) BETWEEN 1 AND 300", name="name_length"),
    Index("ix_family_name", text("lower(name)")),
)

# One row: the number the next family without one gets. Its lock makes concurrent creators wait for each other.
product_id_counter = Table(
    "product_id_counter",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default=text("1")),
    Column("next_product_id", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("id = 1", name="one_row"),
)

_NAMED_BY = "(product_id, type, component_index)"

identity = Table(
    "identity",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("product_id", Integer, ForeignKey(family.c.product_id, ondelete="RESTRICT"), nullable=False, index=True),
    Column("type", Text, nullable=False),
    Column("component_index", SmallInteger),
    Column("upis_h", code_text(), Computed(f"catalog.upis_h{_NAMED_BY}", persisted=True), nullable=False, unique=True),
    Column(
        "hex_signature",
        code_text(),
        Computed(f"catalog.hex_signature{_NAMED_BY}", persisted=True),
        nullable=False,
        unique=True,
    ),
    Column("physical_class", Text),
    Column("name", Text),
    Column("description", Text),
    *versioned(),
    CheckConstraint("type IN ('PRODUCT', 'PART', 'BUNDLE', 'KIT', 'SERVICE')", name="type_known"),
    CheckConstraint("(type = 'PART') = (component_index IS NOT NULL)", name="component_index_place"),
    CheckConstraint("component_index BETWEEN 1 AND 99", name="component_index_range"),
    CheckConstraint(
        "physical_class IN ('ELECTRONICS', 'COVER', 'PERIPHERAL', 'SPEAKER', 'WIRE', 'ACCESSORY')",
        name="physical_class_known",
    ),
)

# Every name ever given to an identity: names are retired with their identity, never reused.
issued_identity = Table(
    "issued_identity",
    metadata,
    Column("upis_h", code_text(), primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("component_index", SmallInteger),
    Column("issued_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_issued_identity_product_id_component_index", "product_id", "component_index"),
)

lci_definition = Table(
    "lci_definition",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("product_id", Integer, ForeignKey(family.c.product_id, ondelete="RESTRICT"), nullable=False),
    Column("component_index", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    *versioned(),
    UniqueConstraint("product_id", "component_index"),
    CheckConstraint("component_index BETWEEN 1 AND 99", name="component_index_range"),
    CheckConstraint("length(name) BETWEEN 1 AND 300", name="name_length"),
    Index("uq_lci_definition_name", "product_id", text("lower(name)"), unique=True),
)

_SHOWN_CODES = ("color_code", "size_code", "NULLIF(condition_code, 'U')")
_SKU = "upis_h || " + " || ".join(f"COALESCE('-' || {part}, '')" for part in _SHOWN_CODES)

variant = Table(
    "variant",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("identity_id", BigInteger, ForeignKey(identity.c.id, ondelete="RESTRICT"), nullable=False),
    # Both are copied from the identity by a trigger, and neither side ever changes them.
    Column("product_id", Integer, nullable=False),
    Column("upis_h", code_text(), nullable=False),
    Column("color_code", code_text(), ForeignKey(color.c.code, ondelete="RESTRICT"), index=True),
    Column("size_code", code_text(), ForeignKey(size.c.code, ondelete="RESTRICT"), index=True),
    Column(
        "condition_code",
        code_text(),
        ForeignKey(condition.c.code, ondelete="RESTRICT"),
        nullable=False,
        server_default=text("'U'"),
    ),
    Column("full_sku", code_text(), Computed(_SKU, persisted=True), nullable=False, unique=True),
    Column("name", Text),
    Column("description", Text),
    Column("price_amount", Numeric(14, 2)),
    Column("price_currency", code_text()),
    *versioned(),
    Column("deleted_at", DateTime(timezone=True)),
    UniqueConstraint(
        "identity_id",
        "color_code",
        "size_code",
        "condition_code",
        name="uq_variant_combination",
        postgresql_nulls_not_distinct=True,
    ),
    CheckConstraint("price_amount >= 0", name="price_not_negative"),
    CheckConstraint("(price_amount IS NULL) = (price_currency IS NULL)", name="price_whole"),
    CheckConstraint("price_currency ~ '^[A-Z]{3}$'", name="price_currency_form"),
    Index("ix_variant_product_id_id", "product_id", "id"),
)

bundle_component = Table(
    "bundle_component",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("parent_identity_id", BigInteger, ForeignKey(identity.c.id, ondelete="RESTRICT"), nullable=False),
    Column("child_identity_id", BigInteger, ForeignKey(identity.c.id, ondelete="RESTRICT"), nullable=False, index=True),
    Column("quantity", Integer, nullable=False, server_default=text("1")),
    Column("role", Text, nullable=False, server_default=text("'PRIMARY'")),
    *versioned(),
    UniqueConstraint("parent_identity_id", "child_identity_id", name="uq_bundle_component_child"),
    CheckConstraint("quantity BETWEEN 1 AND 999", name="quantity_range"),
    CheckConstraint("role IN ('PRIMARY', 'ACCESSORY', 'SATELLITE')", name="role_known"),
)

# What search looks through, kept by triggers of the tables above; deleted variants have no row.
search_document = Table(
    "search_document",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("product_id", Integer, nullable=False),
    Column("code", code_text(), nullable=False),
    Column("name", Text, nullable=False),
    Column("brand_name", Text, nullable=False),
    Column("document", TSVECTOR, nullable=False),
    CheckConstraint("kind IN ('FAMILY', 'IDENTITY', 'VARIANT')", name="kind_known"),
    Index("ix_search_document_code", "code"),
    *(
        Index(
            f"ix_search_document_{kind.lower()}",
            "document",
            postgresql_using="gin",
            postgresql_where=text(f"kind = '{kind}'"),
        )
        for kind in ("FAMILY", "IDENTITY", "VARIANT")
    ),
)

# Every word of every document, for finding what a mistyped word may have meant. A word may stand twice: a unique index would
# make concurrent writers wait for each other.
search_word = Table(
    "search_word",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("word", code_text(), nullable=False, index=True),
    Column("trigrams", ARRAY(Text), nullable=False),
    Index("ix_search_word_trigrams", "trigrams", postgresql_using="gin"),
)

# Rows of an import that is under way, as JSON; unlogged, and swept when an import ends or a later one finds them old.
import_row = Table(
    "import_row",
    metadata,
    Column("import_id", Text, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("family_line", Integer, nullable=False),
    Column("content", Text, nullable=False),
    Column("is_bundle", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_import_row_family", "import_id", "family_line", "line"),
    prefixes=["UNLOGGED"],
)

# What catalog's database role may do, where it is less than everything.
GRANTS = {
    "issued_identity": "SELECT, INSERT",
    "identity": "SELECT, INSERT, UPDATE",
    "variant": "SELECT, INSERT, UPDATE",
}
