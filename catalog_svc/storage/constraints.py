"""What a refusal of the database means, by the name of the constraint or trigger that refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

from catalog_svc.domain import errors
from chassis.database_errors import ConstraintDetail, Constraints
from chassis.errors import HubError, Violation

_VALUE = re.compile(r"\)=\((.*)\) ")
Build = Callable[[ConstraintDetail], HubError]


def _value(detail: ConstraintDetail) -> str:
    found = _VALUE.search(detail.detail)
    return found.group(1) if found else ""


def _still_used(detail: ConstraintDetail) -> bool:
    """A foreign key refuses both a row without its referent and the removal of a referent."""
    return detail.sqlstate == "23001" or "still referenced" in detail.detail


def _code(registry: str, field: str) -> Build:
    def build(detail: ConstraintDetail) -> HubError:
        code = _value(detail)
        if _still_used(detail):
            return errors.CodeInUse(
                f"The {registry} {code} is in use and cannot go.", metadata={"registry": registry, "code": code}
            )
        return errors.CodeNotFound(
            f"There is no {registry} {code}; register it first.",
            metadata={"registry": registry, "code": code},
            violations=[Violation(field, f"names no {registry} of the registry")],
        )

    return build


def _identity(field: str) -> Build:
    def build(detail: ConstraintDetail) -> HubError:
        if _still_used(detail):
            return errors.IdentityImmutable("The identity is referred to and cannot go.")
        return errors.IdentityNotFound(
            f"There is no identity with id {_value(detail)}.",
            metadata={"id": _value(detail)},
            violations=[Violation(field, "names no identity")],
        )

    return build


def _family(field: str) -> Build:
    def build(detail: ConstraintDetail) -> HubError:
        if _still_used(detail):
            return errors.FamilyNotEmpty("The family still has identities or component definitions, so it cannot go.")
        return errors.FamilyNotFound(
            f"There is no family {_value(detail)}.",
            metadata={"product_id": _value(detail)},
            violations=[Violation(field, "names no family")],
        )

    return build


def _taken(cls: type[HubError], message: str, key: str) -> Build:
    return lambda detail: cls(message, metadata={key: _value(detail)} if _value(detail) else {})


def _says(cls: type[HubError], message: str) -> Build:
    return lambda _: cls(message)


_NAME_RETIRED = "The family has, or once had, that identity; names are never reused."
_NAME_TAKEN = "The family has that identity already."

CONSTRAINTS: Constraints = MappingProxyType(
    {
        "pk_family": _taken(errors.FamilyExists, "That number belongs to another family.", "product_id"),
        "family_numbers_left": _says(errors.ProductIdsExhausted, "All numbers from 0 to 99999 are taken."),
        "family_immutable": _says(errors.FamilyExists, "A family keeps its number."),
        "fk_family_brand_id": _code("brand", "family.brand_id"),
        "fk_identity_product_id": _family("identity.product_id"),
        "fk_lci_definition_product_id": _family("lci_definition.product_id"),
        "uq_identity_upis_h": _taken(errors.IdentityExists, _NAME_TAKEN, "upis_h"),
        "uq_identity_hex_signature": _taken(errors.IdentityExists, _NAME_TAKEN, "hex_signature"),
        "pk_issued_identity": _taken(errors.IdentityExists, _NAME_RETIRED, "upis_h"),
        "identity_immutable": _says(errors.IdentityImmutable, "An identity's family, type and index never change."),
        "component_indexes_left": _says(
            errors.ComponentIndexesExhausted, "The family has used all component indexes from 1 to 99."
        ),
        "lci_definition_in_use": _says(errors.CodeInUse, "A part has this definition, so it cannot go."),
        "uq_lci_definition_product_id_component_index": _taken(
            errors.CodeExists, "The family has a definition for that index already.", "component"
        ),
        "uq_lci_definition_name": _taken(
            errors.CodeExists, "The family has a component of that name already.", "component"
        ),
        "uq_brand_name": _taken(errors.CodeExists, "There is a brand of that name already.", "brand"),
        "pk_color": _taken(errors.CodeExists, "That color is registered already.", "code"),
        "pk_condition": _taken(errors.CodeExists, "That condition is registered already.", "code"),
        "pk_size": _taken(errors.CodeExists, "That size is registered already.", "code"),
        "condition_default_stays": _says(
            errors.CodeInUse, "Condition U is what a variant is in when none is given, so it cannot go."
        ),
        "fk_variant_identity_id": _identity("variant.identity_id"),
        "fk_variant_color_code": _code("color", "variant.color_code"),
        "fk_variant_size_code": _code("size", "variant.size_code"),
        "fk_variant_condition_code": _code("condition", "variant.condition_code"),
        "uq_variant_combination": _says(
            errors.VariantExists, "The identity has that color, size and condition already."
        ),
        "uq_variant_full_sku": _taken(errors.VariantExists, "That SKU is taken already.", "full_sku"),
        "variant_immutable": _says(errors.VariantImmutable, "What a SKU is computed from never changes."),
        "fk_bundle_component_parent_identity_id": _identity("bundle.parent_identity_id"),
        "fk_bundle_component_child_identity_id": _identity("bundle.child_identity_id"),
        "uq_bundle_component_child": _says(
            errors.BundleComponentExists, "The identity is in that bundle already; change the quantity of its line."
        ),
        "bundle_component_parent_type": _says(
            errors.BundleParentWrong, "Only bundles and kits have components, and the parent is neither."
        ),
        "bundle_component_no_cycle": _says(
            errors.BundleCycle, "The bundle would contain itself, directly or through another bundle."
        ),
    }
)
