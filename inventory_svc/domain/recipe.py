"""What a bundle is picked from: leaf identities with a quantity each, and the variants whose units serve for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_RECIPE_TYPES = frozenset("BK")


@dataclass(frozen=True, slots=True)
class Component:
    """So many units of an identity in one bundle; any unit of the variants will do."""

    identity_id: int
    upis_h: str
    quantity: int
    variant_ids: tuple[int, ...]


Recipe = Sequence[Component]


def may_have_recipe(sku: str) -> bool:
    """Whether the SKU is that of a bundle or kit, such as "00845-B-WY-N": only those have recipes."""
    parts = sku.split("-")
    return len(parts) > 1 and parts[1] in _RECIPE_TYPES


def buildable(recipe: Recipe, free: Mapping[int, int]) -> int:
    """The most bundles that can be built from the free units per variant; none of what has no recipe."""
    return min((pool_size(each, free) // each.quantity for each in recipe), default=0)


def pool_size(component: Component, free: Mapping[int, int]) -> int:
    """The free units that serve for the component."""
    return sum(free.get(variant_id, 0) for variant_id in component.variant_ids)
