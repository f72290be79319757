"""The explosion agrees with walking every path, on any recipe without circles."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.errors import BundleCycle
from catalog_svc.domain.recipes import RecipeLine, explode


@st.composite
def recipes(draw: st.DrawFn) -> list[RecipeLine]:
    """Lines that point from lower to higher numbers, so that no circle can be."""
    pairs = draw(st.sets(st.tuples(st.integers(0, 8), st.integers(1, 9)).filter(lambda pair: pair[0] < pair[1])))
    return [RecipeLine(parent, child, draw(st.integers(1, 5))) for parent, child in sorted(pairs)]


def walked(root: int, lines: list[RecipeLine], times: int = 1) -> Counter[int]:
    total: Counter[int] = Counter()
    for line in (line for line in lines if line.parent == root):
        total[line.child] += times * line.quantity
        total += walked(line.child, lines, times * line.quantity)
    return total


@given(recipes())
def test_totals_are_those_of_all_paths(lines: list[RecipeLine]) -> None:
    exploded = explode(0, lines)
    assert {line.identity_id: line.total_quantity for line in exploded} == dict(walked(0, lines))
    parents = {line.parent for line in lines}
    assert all(line.leaf == (line.identity_id not in parents) for line in exploded)
    assert [line.level for line in exploded] == sorted(line.level for line in exploded)


@given(recipes())
def test_circle_is_told_instead_of_walked(lines: list[RecipeLine]) -> None:
    exploded = explode(0, lines)
    if exploded:
        with pytest.raises(BundleCycle):
            explode(0, [*lines, RecipeLine(exploded[-1].identity_id, 0, 1)])


def test_recipe_with_more_paths_than_atoms_is_counted_at_once() -> None:
    lines = [RecipeLine(level * 2 + a, level * 2 + 2 + b, 1) for level in range(60) for a in (0, 1) for b in (0, 1)]
    top = explode(0, lines)
    assert top[-1].total_quantity == 2**59
