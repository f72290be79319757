"""What somebody asks to be created or changed, in the catalogue's own values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog_svc.domain.codes import condition_or_default
from catalog_svc.domain.identifiers import IdentityType
from catalog_svc.domain.price import Price


@dataclass(frozen=True, slots=True)
class NewFamily:
    """A family to be. Without a product_id the database gives it the next free one."""

    name: str
    product_id: int | None = None
    description: str | None = None
    brand_id: int | None = None


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """An identity to be. A part without a component_index gets the lowest one its family never used."""

    product_id: int
    type: IdentityType
    component_index: int | None = None
    physical_class: str | None = None
    name: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant to be; codes in capitals, absent ones None."""

    identity_id: int
    color_code: str | None = None
    size_code: str | None = None
    condition_code: str | None = None
    name: str | None = None
    description: str | None = None
    price: Price | None = None

    @property
    def combination(self) -> dict[str, Any]:
        """What makes it this variant and no other."""
        return {
            "identity_id": self.identity_id,
            "color_code": self.color_code,
            "size_code": self.size_code,
            "condition_code": condition_or_default(self.condition_code),
        }


@dataclass(frozen=True, slots=True)
class NewComponent:
    """A line of a recipe to be."""

    parent_identity_id: int
    child_identity_id: int
    quantity: int = 1
    role: str = "PRIMARY"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change somebody asks for: new values by column, fixed fields he believes in, and the etag he read (or none)."""

    values: Mapping[str, Any]
    kept: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""
