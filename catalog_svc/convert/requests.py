"""What callers ask for, read from the contract's messages into the catalogue's own values.

Rules that a proto can state stand there; what is left is checked here: required fields, codes, prices, and which fields change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.type.money_pb2 import Money
from usav.catalog.v1 import bundle_pb2, family_pb2, identity_pb2, registry_pb2, variant_pb2

from catalog_svc.domain.codes import condition_or_default, read_code
from catalog_svc.domain.drafts import Edit, NewComponent, NewFamily, NewIdentity, NewVariant
from catalog_svc.domain.errors import required
from catalog_svc.domain.identifiers import IdentityType
from catalog_svc.domain.price import Price, price_columns, price_of
from chassis.field_masks import changes

_HISTORY = ("create_time", "update_time", "etag")
# Canonical names: the letters are aliases of the same numbers.
_TYPES: dict[int, IdentityType] = {identity_pb2.Identity.Type.Value(kind.value): kind for kind in IdentityType}
_CLASSES: dict[int, str] = {
    identity_pb2.PhysicalClass.Code.Value(name): name
    for name in ("ELECTRONICS", "COVER", "PERIPHERAL", "SPEAKER", "WIRE", "ACCESSORY")
}
_ROLES: dict[int, str] = {
    bundle_pb2.BundleComponent.Role.Value(name): name for name in ("PRIMARY", "ACCESSORY", "SATELLITE")
}
_DEFAULT_ROLE = "PRIMARY"

Readers = Mapping[str, Callable[[Any], Any]]


def text_or_none(text: str | None) -> str | None:
    """A text without the spaces around it; empty means none."""
    return (text or "").strip() or None


def type_name(number: int) -> str | None:
    """The identity type of a filter; None when it is not told."""
    kind = _TYPES.get(number)
    return None if kind is None else kind.value


def class_name(number: int) -> str | None:
    """The physical class of that number; None when it is not told."""
    return _CLASSES.get(number)


def new_family(message: family_pb2.Family) -> NewFamily:
    """A family to create. Raises InvalidArgument without a name."""
    return NewFamily(
        name=_required_text("family.name", message.name),
        product_id=_optional(message, "product_id"),
        description=text_or_none(message.description),
        brand_id=message.brand_id or None,
    )


def family_edit(request: family_pb2.UpdateFamilyRequest) -> Edit:
    """A change of a family. Raises UpdateMaskInvalid, InvalidArgument for a name without letters."""
    readers: Readers = {
        "name": _needed("family.name"),
        "description": text_or_none,
        "brand_id": lambda value: value or None,
    }
    shown = ("product_id", "brand_name", "identities")
    return _edit(request.family, request.update_mask, readers, shown, {})


def new_identity(message: identity_pb2.Identity) -> NewIdentity:
    """An identity to create. Raises InvalidArgument without product_id or type."""
    if not message.HasField("product_id"):
        raise required("identity.product_id")
    if message.type not in _TYPES:
        raise required("identity.type")
    return NewIdentity(
        product_id=message.product_id,
        type=_TYPES[message.type],
        component_index=_optional(message, "component_index"),
        physical_class=class_name(message.physical_class),
        name=text_or_none(message.name),
        description=text_or_none(message.description),
    )


def identity_edit(request: identity_pb2.UpdateIdentityRequest) -> Edit:
    """A change of an identity. Raises UpdateMaskInvalid."""
    readers: Readers = {
        "physical_class": lambda value: class_name(value or 0),
        "name": text_or_none,
        "description": text_or_none,
    }
    fixed: Readers = {"product_id": int, "type": type_name, "component_index": int}
    shown = ("id", "upis_h", "hex_signature", "component_name", "variants")
    return _edit(request.identity, request.update_mask, readers, shown, fixed)


def new_variant(message: variant_pb2.Variant) -> NewVariant:
    """A variant to create. Raises InvalidArgument without identity_id, CodeInvalid, PriceInvalid."""
    if not message.identity_id:
        raise required("variant.identity_id")
    return NewVariant(
        identity_id=message.identity_id,
        color_code=_code("color", message.color_code),
        size_code=_code("size", message.size_code),
        condition_code=_code("condition", message.condition_code),
        name=text_or_none(message.name),
        description=text_or_none(message.description),
        price=_price(message.price) if message.HasField("price") else None,
    )


def variant_edit(request: variant_pb2.UpdateVariantRequest) -> Edit:
    """A change of a variant. Raises UpdateMaskInvalid, PriceInvalid."""
    readers: Readers = {"name": text_or_none, "description": text_or_none, "price": _price}
    fixed: Readers = {
        "identity_id": int,
        "color_code": str.upper,
        "size_code": str.upper,
        "condition_code": lambda code: condition_or_default(code.upper()),
    }
    shown = ("id", "product_id", "full_sku", "upis_h", "delete_time", "listings", "listings_unavailable")
    edit = _edit(request.variant, request.update_mask, readers, shown, fixed)
    if "price" not in edit.values:
        return edit
    others = {name: value for name, value in edit.values.items() if name != "price"}
    return Edit({**others, **price_columns(edit.values["price"])}, edit.kept, edit.etag)


def new_component(message: bundle_pb2.BundleComponent) -> NewComponent:
    """A recipe line to create. Raises InvalidArgument without parent or child."""
    for name in ("parent_identity_id", "child_identity_id"):
        if not getattr(message, name):
            raise required(f"bundle.{name}")
    return NewComponent(
        parent_identity_id=message.parent_identity_id,
        child_identity_id=message.child_identity_id,
        quantity=message.quantity if message.HasField("quantity") else 1,
        role=_role(message.role),
    )


def component_edit(request: bundle_pb2.UpdateBundleComponentRequest) -> Edit:
    """A change of a recipe line. Raises UpdateMaskInvalid."""
    readers: Readers = {"quantity": lambda value: value or 1, "role": _role}
    fixed: Readers = {"parent_identity_id": int, "child_identity_id": int}
    shown = ("id", "parent_upis_h", "child_upis_h")
    return _edit(request.bundle, request.update_mask, readers, shown, fixed)


def new_code(registry: str, message: registry_pb2.Color | registry_pb2.Condition | registry_pb2.Size) -> dict[str, Any]:
    """A code to register; it is its own name when none is given. Raises CodeInvalid."""
    code = read_code(registry, f"{registry}.code", message.code)
    return {"code": code, "name": text_or_none(message.name) or code}


def new_brand(message: registry_pb2.Brand) -> dict[str, Any]:
    """A brand to register. Raises InvalidArgument without a name."""
    return {"name": _required_text("brand.name", message.name)}


def new_lci_definition(message: registry_pb2.LciDefinition) -> dict[str, Any]:
    """A component definition to register. Raises InvalidArgument without product_id or name."""
    if not message.HasField("product_id"):
        raise required("lci_definition.product_id")
    return {
        "product_id": message.product_id,
        "component_index": _optional(message, "component_index"),
        "name": _required_text("lci_definition.name", message.name),
    }


def entry_edit(message: Message, mask: FieldMask, field: str) -> Edit:
    """A change of a registry entry's name. Raises UpdateMaskInvalid, InvalidArgument for a name without letters."""
    names = set(message.DESCRIPTOR.fields_by_name)
    fixed: Readers = {name: int for name in ("product_id", "component_index") if name in names}
    shown = names & {"id", "code"}
    return _edit(message, mask, {"name": _needed(f"{field}.name")}, shown, fixed)


def _edit(
    message: Any,
    mask: FieldMask,
    readers: Readers,
    shown: Collection[str],
    fixed: Readers,
) -> Edit:
    """Reads a PATCH: `readers` of what may change, `fixed` of what a caller may repeat but not change, `shown` for the rest."""
    ignored = {*_HISTORY, *shown, *fixed}
    given = changes(message, mask, updatable=tuple(readers), ignored=ignored)
    values = {name: readers[name](value) for name, value in given.items()}
    populated = {field.name for field, _ in message.ListFields()} if not mask.paths else set()
    kept = {name: read(getattr(message, name)) for name, read in fixed.items() if name in populated}
    return Edit(values, kept, message.etag)


def _optional(message: Message, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


def _required_text(field: str, text: str | None) -> str:
    found = text_or_none(text)
    if found is None:
        raise required(field)
    return found


def _needed(field: str) -> Callable[[str | None], str]:
    return lambda text: _required_text(field, text)


def _code(registry: str, text: str) -> str | None:
    return read_code(registry, f"variant.{registry}_code", text) if text else None


def _price(money: Money | None) -> Price | None:
    return None if money is None else price_of(money.units, money.nanos, money.currency_code, "variant.price")


def _role(number: int | None) -> str:
    return _ROLES.get(number or 0, _DEFAULT_ROLE)
