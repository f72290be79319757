"""Shares free units out between the lines of one order: named units first, then lines of one variant, then bundles.

A unit of a variant may serve a line of that variant or, as a component, any bundle of the condition. Lines of one variant have no
choice, so they are served first; components are served from what is left, the oldest units first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from inventory_svc.domain.errors import Shortage
from inventory_svc.domain.recipe import Component


@dataclass(frozen=True, slots=True)
class Want:
    """What a line still lacks: units of its own variant, or bundles of which some may have been begun.

    `begun` are the units that bundles begun already lack, per component.
    """

    line_key: int
    line_id: str
    sku: str
    variant_id: int
    count: int
    named: tuple[int, ...] = ()
    recipe: Sequence[Component] = ()
    begun: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it has all it shall have."""
        return not (self.count or self.named or any(self.begun))


@dataclass(slots=True)
class Shares:
    """The units of each line, and the lines that cannot be met."""

    units: dict[int, list[int]] = field(default_factory=dict)
    short: list[Shortage] = field(default_factory=list)


class _Shelf:
    def __init__(self, free: Mapping[int, Iterable[int]]) -> None:
        self._piles = {variant_id: sorted(units) for variant_id, units in free.items()}

    def count(self, *variant_ids: int) -> int:
        return sum(len(self._piles.get(variant_id, ())) for variant_id in variant_ids)

    def take(self, count: int, *variant_ids: int) -> list[int]:
        pile = sorted(unit for variant_id in variant_ids for unit in self._piles.get(variant_id, ()))[:count]
        taken = set(pile)
        for variant_id in variant_ids:
            self._piles[variant_id] = [unit for unit in self._piles.get(variant_id, ()) if unit not in taken]
        return pile

    def take_named(self, variant_id: int, named: Sequence[int]) -> list[int]:
        here = set(self._piles.get(variant_id, ())) & set(named)
        self._piles[variant_id] = [unit for unit in self._piles.get(variant_id, ()) if unit not in here]
        return sorted(here)


def own_demand(wants: Sequence[Want]) -> dict[int, int]:
    """The most units of each line's own variant that may be taken, by rising variant id."""
    lacking: dict[int, int] = {}
    for want in sorted(wants, key=lambda each: each.variant_id):
        if want.count:
            lacking[want.variant_id] = lacking.get(want.variant_id, 0) + want.count
    return lacking


def component_demand(wants: Sequence[Want], found: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """The most units of each variant that components may take, once `found` has served the lines themselves."""
    shelf, shares = _Shelf(found), Shares()
    lacking: dict[int, int] = {}
    for want, bundles in _serve_own(wants, shelf, shares):
        for component, count in _needed(want, bundles):
            for variant_id in component.variant_ids:
                lacking[variant_id] = lacking.get(variant_id, 0) + count
    return dict(sorted((key, count) for key, count in lacking.items() if count))


def whole_demand(wants: Sequence[Want]) -> dict[int, int]:
    """The most units of each variant that the lines may take in all."""
    lacking = component_demand(wants, {})
    for variant_id, count in own_demand(wants).items():
        lacking[variant_id] = lacking.get(variant_id, 0) + count
    return dict(sorted(lacking.items()))


def share_out(wants: Sequence[Want], free: Mapping[int, Sequence[int]]) -> Shares:
    """The units of each line, all or none to be used: where `short` is not empty the lines cannot all be met."""
    shelf, shares = _Shelf(free), Shares()
    for want, bundles in _serve_own(wants, shelf, shares):
        _serve_components(want, bundles, shelf, shares)
    return shares


def _serve_own(wants: Sequence[Want], shelf: _Shelf, shares: Shares) -> list[tuple[Want, int]]:
    """Serves what has no choice; gives the bundle lines with the number that is left to build."""
    for want in wants:
        shares.units[want.line_key] = shelf.take_named(want.variant_id, want.named)
        if len(shares.units[want.line_key]) < len(want.named):
            shares.short.append(_short(want, len(want.named), len(shares.units[want.line_key])))
    left: list[tuple[Want, int]] = []
    for want in wants:
        free = shelf.count(want.variant_id)
        shares.units[want.line_key] += shelf.take(want.count, want.variant_id)
        if want.recipe:
            left.append((want, max(0, want.count - free)))
        elif free < want.count:
            shares.short.append(_short(want, want.count, free))
    # A pool that is part of another is served before it, which loses nothing.
    return sorted(left, key=lambda each: max(len(component.variant_ids) for component in each[0].recipe))


def _serve_components(want: Want, bundles: int, shelf: _Shelf, shares: Shares) -> None:
    missing = []
    free = [shelf.count(*component.variant_ids) for component in want.recipe]
    for (component, count), here in zip(_needed(want, bundles), free, strict=True):
        if here < count:
            missing.append(f"{component.upis_h}: needs {count}, free {here}")
        shares.units[want.line_key] += shelf.take(count, *component.variant_ids)
    if missing:
        whole = min(
            max(0, here - begun) // component.quantity
            for component, begun, here in zip(want.recipe, _begun(want), free, strict=True)
        )
        own = want.count - bundles
        shares.short.append(_short(want, max(1, want.count), own + min(whole, bundles), "; ".join(missing)))


def _needed(want: Want, bundles: int) -> list[tuple[Component, int]]:
    return [
        (component, begun + bundles * component.quantity)
        for component, begun in zip(want.recipe, _begun(want), strict=True)
    ]


def _begun(want: Want) -> tuple[int, ...]:
    return want.begun or (0,) * len(want.recipe)


def _short(want: Want, asked: int, free: int, missing: str = "") -> Shortage:
    return Shortage(want.line_id, want.sku, asked, free, missing)
