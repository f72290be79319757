"""What the catalogue keeps, one `Noun` each: its table, its key, the shape it is read in and the words of its changes.

A shape is the select that every reader of the noun starts from, so that an answer to a write and an answer to a read are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Table, cast, func, literal, literal_column, select

from catalog_svc.domain.changes import Kind
from catalog_svc.domain.errors import (
    BundleComponentNotFound,
    CodeNotFound,
    FamilyNotFound,
    IdentityImmutable,
    IdentityNotFound,
    VariantImmutable,
    VariantNotFound,
)
from catalog_svc.storage import tables
from chassis.errors import HubError, InvalidArgument, NotFound

Shape = Select[Any]


@dataclass(frozen=True)
class Noun:
    """One kind of thing.

    `id` and `natural_key` are what its changes are called by; `missing` and `immutable` build the error for a key that is not
    there, and for a field that never changes.
    """

    kind: Kind
    table: Table
    key: ColumnElement[Any]
    shape: Shape
    id: ColumnElement[Any]
    natural_key: ColumnElement[Any]
    missing: Callable[[Any], NotFound]
    immutable: Callable[[str], HubError]


def _cannot_change(field: str) -> InvalidArgument:
    return InvalidArgument.of(field, "never changes")


def _identity_keeps(field: str) -> IdentityImmutable:
    return IdentityImmutable(
        f"The {field} of an identity never changes; create another identity.", metadata={"field": field}
    )


def _variant_keeps(field: str) -> VariantImmutable:
    return VariantImmutable(
        f"The {field} of a variant never changes; create another variant.", metadata={"field": field}
    )


def _family_shape() -> Shape:
    table, brand = tables.family, tables.brand
    columns = [column for column in table.c if column is not table.c.brand_id]
    joined = table.outerjoin(brand, brand.c.id == table.c.brand_id)
    return select(*columns, table.c.brand_id, func.coalesce(brand.c.name, "").label("brand_name")).select_from(joined)


def _identity_shape() -> Shape:
    table, definition = tables.identity, tables.lci_definition
    same_part = (definition.c.product_id == table.c.product_id) & (
        definition.c.component_index == table.c.component_index
    )
    component_name = func.coalesce(definition.c.name, "").label("component_name")
    return select(*table.c, component_name).select_from(table.outerjoin(definition, same_part))


def _variant_shape() -> Shape:
    table = tables.variant
    columns = [column for column in table.c if column is not table.c.price_amount]
    # Cents as a whole number: cheaper to read than a decimal, and as exact.
    return select(*columns, cast(table.c.price_amount * literal_column("100"), BigInteger).label("price_cents"))


def _component_shape() -> Shape:
    table = tables.bundle_component
    parent, child = tables.identity.alias("parent"), tables.identity.alias("child")
    joined = table.join(parent, parent.c.id == table.c.parent_identity_id).join(
        child, child.c.id == table.c.child_identity_id
    )
    names = (parent.c.upis_h.label("parent_upis_h"), child.c.upis_h.label("child_upis_h"))
    return select(*table.c, *names).select_from(joined)


def _parent_upis_h() -> ColumnElement[str]:
    parent = tables.identity.alias("recipe_parent")
    named = select(parent.c.upis_h).where(parent.c.id == tables.bundle_component.c.parent_identity_id)
    return named.correlate(tables.bundle_component).scalar_subquery()


def _part_name() -> ColumnElement[str]:
    table = tables.lci_definition
    return func.catalog.upis_h(table.c.product_id, literal("PART"), table.c.component_index)


FAMILY = Noun(
    Kind.FAMILY,
    tables.family,
    tables.family.c.product_id,
    _family_shape(),
    tables.family.c.product_id,
    func.catalog.upis_h(tables.family.c.product_id, literal("PRODUCT"), None),
    FamilyNotFound.of,
    _cannot_change,
)
IDENTITY = Noun(
    Kind.IDENTITY,
    tables.identity,
    tables.identity.c.id,
    _identity_shape(),
    tables.identity.c.id,
    tables.identity.c.upis_h,
    lambda key: IdentityNotFound.of("id", key),
    _identity_keeps,
)
VARIANT = Noun(
    Kind.VARIANT,
    tables.variant,
    tables.variant.c.id,
    _variant_shape(),
    tables.variant.c.id,
    tables.variant.c.full_sku,
    lambda key: VariantNotFound.of("id", key),
    _variant_keeps,
)
COMPONENT = Noun(
    Kind.BUNDLE_COMPONENT,
    tables.bundle_component,
    tables.bundle_component.c.id,
    _component_shape(),
    tables.bundle_component.c.id,
    _parent_upis_h(),
    BundleComponentNotFound.of,
    _cannot_change,
)


def _registry(kind: Kind, table: Table, key: str, natural_key: ColumnElement[Any], word: str) -> Noun:
    id_: ColumnElement[Any] = table.c.id if "id" in table.c else literal(0)
    return Noun(
        kind,
        table,
        table.c[key],
        select(*table.c),
        id_,
        natural_key,
        lambda value: CodeNotFound.of(word, value),
        _cannot_change,
    )


BRAND = _registry(Kind.BRAND, tables.brand, "id", tables.brand.c.name, "brand")
COLOR = _registry(Kind.COLOR, tables.color, "code", tables.color.c.code, "color")
CONDITION = _registry(Kind.CONDITION, tables.condition, "code", tables.condition.c.code, "condition")
SIZE = _registry(Kind.SIZE, tables.size, "code", tables.size.c.code, "size")
LCI_DEFINITION = _registry(Kind.LCI_DEFINITION, tables.lci_definition, "id", _part_name(), "LCI definition")

NOUNS = {
    noun.kind: noun for noun in (FAMILY, IDENTITY, VARIANT, COMPONENT, BRAND, COLOR, CONDITION, SIZE, LCI_DEFINITION)
}
