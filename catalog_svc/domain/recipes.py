"""The explosion of a recipe: what is in one bundle, through all levels, counted over all paths.

Works level by level in topological order, so that a recipe with millions of paths costs no more than its lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from catalog_svc.domain.errors import BillOfMaterialsTooLarge, BundleCycle

LARGEST_COUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RecipeLine:
    """So many of a child in one of the parent."""

    parent: int
    child: int
    quantity: int


@dataclass(frozen=True, slots=True)
class ExplodedLine:
    """One identity of the explosion: how many in all, how near to the top, and whether it is picked from the shelf."""

    identity_id: int
    total_quantity: int
    level: int
    leaf: bool


def explode(root: int, lines: Sequence[RecipeLine]) -> list[ExplodedLine]:
    """Explodes `root` by the lines reachable from it; by level, then id. Raises BundleCycle, BillOfMaterialsTooLarge."""
    children: dict[int, list[RecipeLine]] = defaultdict(list)
    for line in lines:
        children[line.parent].append(line)
    totals, levels = {root: 1}, {root: 0}
    for parent in _parents_first(lines):
        for line in children.get(parent, ()) if parent in totals else ():
            totals[line.child] = totals.get(line.child, 0) + totals[parent] * line.quantity
            levels[line.child] = min(levels.get(line.child, levels[parent] + 1), levels[parent] + 1)
    del totals[root]
    if any(total > LARGEST_COUNT for total in totals.values()):
        raise BillOfMaterialsTooLarge("The quantities of this recipe multiply to more than can be counted.")
    found = [ExplodedLine(key, total, levels[key], key not in children) for key, total in totals.items()]
    return sorted(found, key=lambda line: (line.level, line.identity_id))


def lines_below(root: int, lines: Mapping[int, Sequence[RecipeLine]]) -> list[RecipeLine]:
    """Of lines by their parents those that are reachable from `root`, each once."""
    found: list[RecipeLine] = []
    waiting, seen = [root], {root}
    while waiting:
        for line in lines.get(waiting.pop(), ()):
            found.append(line)
            if line.child not in seen:
                seen.add(line.child)
                waiting.append(line.child)
    return found


def _parents_first(lines: Sequence[RecipeLine]) -> list[int]:
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for line in lines:
        sorter.add(line.child, line.parent)
    try:
        return list(sorter.static_order())
    except CycleError:
        raise BundleCycle("The recipe contains itself; the lines that close the circle have to go.") from None
