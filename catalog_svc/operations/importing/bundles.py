"""The second stage: bundles, each made together with its whole recipe.

A family has at most two recipes, as a bundle (-B) and as a kit (-K); the one with more rows becomes the bundle. A component is
the product of the family it is named after, else the part of that name in the bundle's own family, which is made if need be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog_svc.domain.import_rows import INCLUDED, CatalogRow, Problem, RowKind, key_of, split_included
from catalog_svc.operations.importing.products import colors_of, wanted_families, write_variants
from catalog_svc.operations.importing.report import Report
from catalog_svc.operations.importing.writer import PartKey, Writer

_SLOTS = ("BUNDLE", "KIT")
_MOST_PIECES = 4
Slot = tuple[int, str]
Quantities = dict[int, int]

_FULL = Problem(INCLUDED, "COMPONENT_INDEXES_EXHAUSTED", "the family has 99 parts already; no more fit")
_NO_SLOT = Problem(
    INCLUDED,
    "RECIPE_SLOTS_TAKEN",
    "the family has a bundle and a kit with other components already; give this bundle a group name of its own",
)


@dataclass(frozen=True)
class _Recipe:
    """What a bundle of a family consists of; the order of naming does not count when two are compared."""

    number: int
    quantities: frozenset[tuple[int, int]]
    order: tuple[int, ...] = field(compare=False)

    @classmethod
    def of(cls, number: int, quantities: Quantities) -> _Recipe:
        return cls(number, frozenset(quantities.items()), tuple(quantities))

    def lines(self, parent: int) -> Iterable[dict[str, object]]:
        """The lines of the recipe; the first component named is the primary one."""
        quantities = dict(self.quantities)
        for child in self.order:
            role = "PRIMARY" if child == self.order[0] else "ACCESSORY"
            yield {
                "parent_identity_id": parent,
                "child_identity_id": child,
                "quantity": quantities[child],
                "role": role,
            }


async def write_bundles(writer: Writer, rows: Sequence[CatalogRow], report: Report) -> None:
    """Finds or makes the bundles among the rows of whole families. Safe to repeat."""
    await writer.lock()
    bundles = [row for row in rows if row.kind is RowKind.BUNDLE]
    families = await writer.families(wanted_families(bundles, {}))
    await writer.colors(colors_of(bundles))
    components = await _Components.resolve(writer, bundles, families)
    recipes: dict[int, _Recipe] = {}
    for row in bundles:
        quantities = components.quantities(row)
        if quantities is None:
            report.report([row], _FULL)
        else:
            recipes[row.line] = _Recipe.of(families[row.group_key], quantities)
    identities = await _identities(writer, recipes)
    report.report([row for row in bundles if row.line in recipes and row.line not in identities], _NO_SLOT)
    await write_variants(writer, [row for row in bundles if row.line in identities], identities, report)


class _Components:
    """What the included names of a batch of bundles stand for."""

    def __init__(self, families: Mapping[str, int], named: Mapping[str, int]) -> None:
        self._families = families
        self._named = named
        self._names: dict[int, list[str]] = {}
        self._products: dict[tuple[int, str], int] = {}
        self._parts: dict[PartKey, int] = {}

    @classmethod
    async def resolve(cls, writer: Writer, rows: Sequence[CatalogRow], families: Mapping[str, int]) -> _Components:
        """Finds or makes what is named, and a plain variant of each, so that it can be received."""
        pieces = {name for row in rows for name in _joined(split_included(row.included))}
        found = cls(families, await writer.find_families(sorted(pieces)))
        for row in rows:
            found._names[row.line] = found._split(row)
        await found._find(writer, rows)
        return found

    def _split(self, row: CatalogRow) -> list[str]:
        """The names of a row; consecutive pieces that together are a family's name stay together."""
        pieces = split_included(row.included)
        names: list[str] = []
        while pieces:
            lengths = range(_MOST_PIECES, 1, -1)
            length = next((n for n in lengths if key_of(", ".join(pieces[:n])) in self._named), 1)
            names.append(", ".join(pieces[:length]))
            pieces = pieces[length:]
        return names

    async def _find(self, writer: Writer, rows: Sequence[CatalogRow]) -> None:
        parts: dict[PartKey, str] = {}
        numbers: set[int] = set()
        for row in rows:
            for name in self._names[row.line]:
                number = self._named.get(key_of(name))
                if number is None:
                    parts.setdefault((self._families[row.group_key], key_of(name)), name)
                else:
                    numbers.add(number)
        self._products = await writer.identities((number, "PRODUCT") for number in sorted(numbers))
        self._parts = await writer.parts(parts)
        of_numbers = [
            identity for (number, kind), identity in self._products.items() if kind == "PRODUCT" and number in numbers
        ]
        await writer.plain_variants([*of_numbers, *self._parts.values()])

    def quantities(self, row: CatalogRow) -> Quantities | None:
        """How many of which identity; None when a component found no place."""
        counted: Quantities = {}
        for name in self._names[row.line]:
            number = self._named.get(key_of(name))
            if number is None:
                child = self._parts.get((self._families[row.group_key], key_of(name)))
            else:
                child = self._products.get((number, "PRODUCT"))
            if child is None:
                return None
            counted[child] = counted.get(child, 0) + 1
        return counted


def _joined(pieces: Sequence[str]) -> Iterable[str]:
    for start in range(len(pieces)):
        for end in range(start + 1, min(start + _MOST_PIECES, len(pieces)) + 1):
            yield ", ".join(pieces[start:end])


@dataclass
class _Plan:
    """Which identity each recipe of the batch gets, and which of them are new."""

    present: Mapping[Slot, int]
    known: Mapping[int, Quantities]
    placed: dict[_Recipe, Slot] = field(default_factory=dict)
    new: list[_Recipe] = field(default_factory=list)
    taken: set[Slot] = field(default_factory=set)

    def place_known(self, recipe: _Recipe) -> None:
        """A recipe that is there keeps its identity."""
        for kind in _SLOTS:
            slot = (recipe.number, kind)
            quantities = self.known.get(self.present.get(slot, 0))
            if quantities:
                self.taken.add(slot)
                if frozenset(quantities.items()) == recipe.quantities:
                    self.placed[recipe] = slot

    def place_new(self, recipe: _Recipe) -> None:
        """A new recipe takes the family's first free place, if there is one."""
        slots = ((recipe.number, kind) for kind in _SLOTS)
        free = next((slot for slot in slots if slot not in self.taken), None)
        if free is not None:
            self.taken.add(free)
            self.placed[recipe] = free
            self.new.append(recipe)


async def _identities(writer: Writer, recipes: Mapping[int, _Recipe]) -> dict[int, int]:
    """The identity of each bundle row, by line; new ones are made with their recipe, rows without a place left out."""
    present = await writer.find_identities({recipe.number for recipe in recipes.values()})
    known = await writer.recipes(identity for (_, kind), identity in present.items() if kind in _SLOTS)
    plan = _Plan(present, known)
    by_popularity = [recipe for recipe, _ in Counter(recipes.values()).most_common()]
    for recipe in by_popularity:
        plan.place_known(recipe)
    for recipe in by_popularity:
        if recipe not in plan.placed:
            plan.place_new(recipe)
    made = await writer.identities(plan.placed.values())
    lines = [line for recipe in plan.new for line in recipe.lines(made[plan.placed[recipe]])]
    await writer.make_recipe_lines(lines)
    return {line: made[plan.placed[recipe]] for line, recipe in recipes.items() if recipe in plan.placed}
