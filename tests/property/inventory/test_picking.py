"""Sharing units out between lines: what is granted fits, what is refused could not be granted, and availability says the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inventory_svc.domain.picking import Want, component_demand, own_demand, share_out
from inventory_svc.domain.recipe import Component, buildable

# Two identities with two variants each, and the bundles 1 and 2 over them.
POOLS = {100: (10, 11), 200: (20, 21)}
SHELVES = st.fixed_dictionaries({key: st.integers(0, 4) for key in (1, 2, 10, 11, 20, 21)})
QUANTITIES = st.integers(1, 3)


@st.composite
def wants(draw: st.DrawFn) -> list[Want]:
    """Lines of variants and of bundles, in any order."""
    lines = []
    for key in range(draw(st.integers(1, 4))):
        variant_id = draw(st.sampled_from((1, 2, 10, 11, 20, 21)))
        recipe: tuple[Component, ...] = ()
        if variant_id < 10:
            first = Component(100, "P", draw(QUANTITIES), POOLS[100])
            second = Component(200, "Q", draw(QUANTITIES), POOLS[200])
            recipe = (first, second) if draw(st.booleans()) else (first,)
        lines.append(Want(key, str(key), str(variant_id), variant_id, draw(QUANTITIES), (), recipe))
    return lines


def on_shelf(counts: dict[int, int]) -> dict[int, list[int]]:
    return {variant_id: [variant_id * 100 + n for n in range(count)] for variant_id, count in counts.items()}


def could_be_met(lines: list[Want], counts: dict[int, int]) -> bool:
    """By counting: own units serve only their variant, and what is left of a pool serves its components."""
    left = dict(counts)
    for variant_id, count in own_demand([line for line in lines if not line.recipe]).items():
        left[variant_id] -= count
    pools = dict.fromkeys(POOLS, 0)
    for line in lines:
        if line.recipe:
            own = min(line.count, left[line.variant_id])
            left[line.variant_id] -= own
            for each in line.recipe:
                pools[each.identity_id] += (line.count - own) * each.quantity
    return min(left.values()) >= 0 and all(
        sum(left[key] for key in POOLS[pool]) >= count for pool, count in pools.items()
    )


@given(wants(), SHELVES)
def test_lines_are_met_exactly_when_they_can_be(lines: list[Want], counts: dict[int, int]) -> None:
    free = on_shelf(counts)
    shares = share_out(lines, free)
    # Bundles of one kind share their own units whichever line comes first, so recipes that differ may be met in one order only.
    same = {line.variant_id: line.recipe for line in lines}
    if all(same[line.variant_id] == line.recipe for line in lines):
        assert (not shares.short) == could_be_met(lines, counts)
    if not shares.short:
        units = [unit for line in lines for unit in shares.units[line.line_key]]
        assert len(units) == len(set(units))
        assert set(units) <= {unit for pile in free.values() for unit in pile}
        for line in lines:
            fits(line, shares.units[line.line_key])


def fits(line: Want, units: list[int]) -> None:
    own = [unit for unit in units if unit // 100 == line.variant_id]
    assert line.recipe or len(own) == len(units) == line.count
    for each in line.recipe:
        parts = [unit for unit in units if unit // 100 in each.variant_ids]
        assert len(parts) == (line.count - len(own)) * each.quantity


@given(wants(), SHELVES)
def test_availability_is_what_would_be_granted_alone(lines: list[Want], counts: dict[int, int]) -> None:
    line = lines[0]
    most = counts[line.variant_id] + buildable(line.recipe, counts)
    for count, granted in ((most, True), (most + 1, False)):
        asked = Want(0, "0", "", line.variant_id, count, (), line.recipe)
        shares = share_out([asked], on_shelf(counts))
        assert (not shares.short) == granted
        assert granted or (shares.short[0].asked, shares.short[0].free) == (count, most)


@given(wants(), SHELVES)
def test_what_is_asked_of_each_variant_is_enough_to_share_out(lines: list[Want], counts: dict[int, int]) -> None:
    free = on_shelf(counts)
    found = {key: free[key][:count] for key, count in own_demand(lines).items()}
    for key, count in component_demand(lines, found).items():
        found[key] = found.get(key, []) + [unit for unit in free[key] if unit not in found.get(key, [])][:count]
    assert bool(share_out(lines, found).short) == bool(share_out(lines, free).short)
