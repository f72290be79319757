"""What can be wrong with a change of the catalogue, one class per reason of usav/catalog/v1/error_reason.proto."""

from __future__ import annotations

from chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Violation

DOMAIN = "catalog.usav"


class FamilyNotFound(NotFound):
    """No family has that number."""

    reason, domain = "FAMILY_NOT_FOUND", DOMAIN

    @classmethod
    def of(cls, product_id: int) -> FamilyNotFound:
        """Names the number that was asked for."""
        return cls(f"There is no family {product_id:05d}.", metadata={"product_id": str(product_id)})


class FamilyExists(AlreadyExists):
    """The number is taken."""

    reason, domain = "FAMILY_EXISTS", DOMAIN


class FamilyNotEmpty(FailedPrecondition):
    """The family still has identities or component definitions."""

    reason, domain = "FAMILY_NOT_EMPTY", DOMAIN


class ProductIdsExhausted(FailedPrecondition):
    """All 100,000 numbers are taken."""

    reason, domain = "PRODUCT_IDS_EXHAUSTED", DOMAIN


class IdentityNotFound(NotFound):
    """No identity has that key."""

    reason, domain = "IDENTITY_NOT_FOUND", DOMAIN

    @classmethod
    def of(cls, key: str, value: object) -> IdentityNotFound:
        """Names the key that was asked for."""
        return cls(f"There is no identity with {key} {value}.", metadata={key: str(value)})


class IdentityExists(AlreadyExists):
    """The family has, or had, that identity."""

    reason, domain = "IDENTITY_EXISTS", DOMAIN


class IdentityImmutable(FailedPrecondition):
    """What names are computed from never changes, and what is referred to stays."""

    reason, domain = "IDENTITY_IMMUTABLE", DOMAIN


class ComponentIndexMisplaced(InvalidArgument):
    """Parts have a component index, other identities have none."""

    reason, domain = "COMPONENT_INDEX_MISPLACED", DOMAIN


class ComponentIndexesExhausted(FailedPrecondition):
    """All 99 indexes of the family have been used."""

    reason, domain = "COMPONENT_INDEXES_EXHAUSTED", DOMAIN


class UpisHInvalid(InvalidArgument):
    """The text is not a UPIS-H."""

    reason, domain = "UPIS_H_INVALID", DOMAIN


class HexSignatureInvalid(InvalidArgument):
    """The text is not a hex signature, or is mistyped."""

    reason, domain = "HEX_SIGNATURE_INVALID", DOMAIN


class SkuInvalid(InvalidArgument):
    """The text is not a SKU."""

    reason, domain = "CODE_INVALID", DOMAIN


class VariantNotFound(NotFound):
    """No variant has that key."""

    reason, domain = "VARIANT_NOT_FOUND", DOMAIN

    @classmethod
    def of(cls, key: str, value: object) -> VariantNotFound:
        """Names the key that was asked for."""
        return cls(f"There is no variant with {key} {value}.", metadata={key: str(value)})


class VariantExists(AlreadyExists):
    """The identity has that colour, size and condition already."""

    reason, domain = "VARIANT_EXISTS", DOMAIN


class VariantImmutable(FailedPrecondition):
    """What the SKU is computed from never changes."""

    reason, domain = "VARIANT_IMMUTABLE", DOMAIN


class VariantDeleted(FailedPrecondition):
    """The variant is deleted."""

    reason, domain = "VARIANT_DELETED", DOMAIN


class PriceInvalid(InvalidArgument):
    """The price is negative, has parts of a cent, or is too large."""

    reason, domain = "PRICE_INVALID", DOMAIN


class CodeNotFound(NotFound):
    """The registry has no such entry."""

    reason, domain = "CODE_NOT_FOUND", DOMAIN

    @classmethod
    def of(cls, registry: str, key: object) -> CodeNotFound:
        """Names the registry and the entry that was asked for."""
        return cls(f"There is no {registry} {key}.", metadata={"registry": registry, "code": str(key)})


class CodeExists(AlreadyExists):
    """The registry has that code or name already."""

    reason, domain = "CODE_EXISTS", DOMAIN


class CodeInUse(FailedPrecondition):
    """Something uses the registry entry."""

    reason, domain = "CODE_IN_USE", DOMAIN


class CodeInvalid(InvalidArgument):
    """The code has the wrong form for its registry."""

    reason, domain = "CODE_INVALID", DOMAIN


class BundleComponentNotFound(NotFound):
    """No recipe line has that id."""

    reason, domain = "BUNDLE_COMPONENT_NOT_FOUND", DOMAIN

    @classmethod
    def of(cls, component_id: int) -> BundleComponentNotFound:
        """Names the id that was asked for."""
        return cls(f"There is no recipe line {component_id}.", metadata={"id": str(component_id)})


class BundleComponentExists(AlreadyExists):
    """The child is in that bundle already."""

    reason, domain = "BUNDLE_COMPONENT_EXISTS", DOMAIN


class BundleCycle(FailedPrecondition):
    """The bundle would contain itself."""

    reason, domain = "BUNDLE_CYCLE", DOMAIN


class BundleParentWrong(FailedPrecondition):
    """Only bundles and kits have a recipe."""

    reason, domain = "BUNDLE_PARENT_WRONG", DOMAIN


class BillOfMaterialsTooLarge(FailedPrecondition):
    """The recipe multiplies to more than a 64-bit count."""

    reason, domain = "BILL_OF_MATERIALS_TOO_LARGE", DOMAIN


def required(field: str) -> InvalidArgument:
    """The error for a field that has to be given."""
    return InvalidArgument.of(field, "is required")


class ImportFileInvalid(InvalidArgument):
    """The file is no CSV, lacks a column, or is too large."""

    reason, domain = "IMPORT_FILE_INVALID", DOMAIN


def invalid(cls: type[InvalidArgument], field: str, description: str) -> InvalidArgument:
    """An InvalidArgument of one of the classes above, naming the field."""
    return cls(f"{field}: {description}", violations=(Violation(field, description),))
