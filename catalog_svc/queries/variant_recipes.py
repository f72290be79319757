"""Recipes by variant, for many at once: what is picked from the shelf for a bundle, and which bundles something is in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from catalog_svc.domain.recipes import RecipeLine, explode, lines_below
from chassis.database import Database, Statement

_BUNDLES = Statement(
    text("""
    SELECT id, identity_id, condition_code FROM catalog.variant WHERE id = ANY(CAST(:variant_ids AS bigint[])) ORDER BY id
    """)
)
_LINES_BELOW = Statement(
    text("""
    WITH RECURSIVE below AS (
      SELECT parent_identity_id, child_identity_id, quantity FROM catalog.bundle_component
      WHERE parent_identity_id = ANY(CAST(:identity_ids AS bigint[]))
      UNION
      SELECT line.parent_identity_id, line.child_identity_id, line.quantity
      FROM below JOIN catalog.bundle_component AS line ON line.parent_identity_id = below.child_identity_id
    )
    SELECT parent_identity_id, child_identity_id, quantity FROM below
    """)
)
_PICKED = Statement(
    text("""
    SELECT identity.id, identity.upis_h, variant.condition_code,
      array_agg(variant.id ORDER BY variant.id) FILTER (WHERE variant.id IS NOT NULL) AS variant_ids
    FROM catalog.identity AS identity
    LEFT JOIN catalog.variant AS variant ON variant.identity_id = identity.id AND variant.deleted_at IS NULL
      AND variant.condition_code = ANY(CAST(:condition_codes AS text[]))
    WHERE identity.id = ANY(CAST(:identity_ids AS bigint[]))
    GROUP BY identity.id, variant.condition_code
    """)
)
# A condition that is not told stands for any.
_VARIANTS_ABOVE = Statement(
    text("""
    WITH RECURSIVE above AS (
      SELECT line.parent_identity_id AS identity_id, variant.condition_code
      FROM catalog.variant AS variant JOIN catalog.bundle_component AS line ON line.child_identity_id = variant.identity_id
      WHERE variant.id = ANY(CAST(:variant_ids AS bigint[]))
      UNION
      SELECT id, NULL FROM catalog.identity WHERE upis_h = ANY(CAST(:parent_upis_hs AS text[]))
      UNION
      SELECT line.parent_identity_id, above.condition_code
      FROM above JOIN catalog.bundle_component AS line ON line.child_identity_id = above.identity_id
    )
    SELECT DISTINCT variant.id FROM above JOIN catalog.variant AS variant ON variant.identity_id = above.identity_id
      AND variant.condition_code = coalesce(above.condition_code, variant.condition_code)
    WHERE variant.deleted_at IS NULL ORDER BY variant.id
    """)
)


@dataclass(frozen=True, slots=True)
class PickedComponent:
    """So many of an identity in one bundle, and the variants whose units may be picked for it."""

    identity_id: int
    upis_h: str
    quantity: int
    variant_ids: Sequence[int]


async def recipes_of_variants(db: Database, variant_ids: Sequence[int]) -> dict[int, list[PickedComponent]]:
    """What is picked for each bundle variant; those without a recipe are absent. Raises BillOfMaterialsTooLarge."""
    bundles = await db.fetch(_BUNDLES, variant_ids=list(variant_ids))
    rows = await db.fetch(_LINES_BELOW, identity_ids=[row["identity_id"] for row in bundles])
    lines: dict[int, list[RecipeLine]] = defaultdict(list)
    for row in rows:
        line = RecipeLine(row["parent_identity_id"], row["child_identity_id"], row["quantity"])
        lines[line.parent].append(line)
    leaves = {identity_id: _leaves(identity_id, lines) for identity_id in {row["identity_id"] for row in bundles}}
    named, allowed = await _picked(db, leaves, [row["condition_code"] for row in bundles])
    return {
        row["id"]: sorted(
            (
                PickedComponent(key, named[key], count, allowed.get((key, row["condition_code"]), ()))
                for key, count in leaves[row["identity_id"]].items()
            ),
            key=lambda component: component.upis_h,
        )
        for row in bundles
        if leaves[row["identity_id"]]
    }


def _leaves(identity_id: int, lines: Mapping[int, Sequence[RecipeLine]]) -> dict[int, int]:
    exploded = explode(identity_id, lines_below(identity_id, lines))
    return {line.identity_id: line.total_quantity for line in exploded if line.leaf}


async def _picked(
    db: Database, leaves: Mapping[int, Mapping[int, int]], condition_codes: Sequence[str]
) -> tuple[dict[int, str], dict[tuple[int, str], Sequence[int]]]:
    wanted = sorted({key for counts in leaves.values() for key in counts})
    if not wanted:
        return {}, {}
    rows = await db.fetch(_PICKED, identity_ids=wanted, condition_codes=sorted(set(condition_codes)))
    allowed = {(row["id"], row["condition_code"]): row["variant_ids"] for row in rows if row["variant_ids"]}
    return {row["id"]: row["upis_h"] for row in rows}, allowed


async def bundle_variants_above(db: Database, variant_ids: Sequence[int], parent_upis_hs: Sequence[str]) -> list[int]:
    """The bundle variants whose availability depends on these variants or recipes, at any depth, by id."""
    rows = await db.fetch(_VARIANTS_ABOVE, variant_ids=list(variant_ids), parent_upis_hs=list(parent_upis_hs))
    return [row["id"] for row in rows]
