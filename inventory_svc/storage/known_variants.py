"""The variants inventory has learned of. Their ids, SKUs and families never change, so a row once there stays right."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.variant import KnownVariant
from inventory_svc.storage.session import Row, Session

_BY_SKUS = Statement(
    text("SELECT variant_id, sku, product_id FROM inventory.known_variant WHERE sku = ANY(CAST(:skus AS text[]))")
)
_BY_IDS = Statement(
    text(
        "SELECT variant_id, sku, product_id FROM inventory.known_variant WHERE variant_id = ANY(CAST(:ids AS bigint[]))"
    )
)
_LEARN = Statement(
    text("""
    INSERT INTO inventory.known_variant (variant_id, sku, product_id)
    SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:skus AS text[]), CAST(:product_ids AS integer[]))
    ON CONFLICT DO NOTHING
    """)
)


def _to_variant(row: Row) -> KnownVariant:
    return KnownVariant(row["variant_id"], row["sku"], row["product_id"])


async def list_by_skus(session: Session, skus: Sequence[str]) -> list[KnownVariant]:
    """Those of the SKUs that are known."""
    return [_to_variant(row) for row in await session.rows(_BY_SKUS, skus=list(skus))]


async def list_by_ids(session: Session, ids: Sequence[int]) -> list[KnownVariant]:
    """Those of the ids that are known."""
    return [_to_variant(row) for row in await session.rows(_BY_IDS, ids=list(ids))]


async def learn(session: Session, variants: Sequence[KnownVariant]) -> None:
    """Remembers variants; those known already are left alone. Safe to repeat."""
    in_order = sorted(variants, key=lambda item: item.variant_id)
    await session.rows(
        _LEARN,
        ids=[variant.variant_id for variant in in_order],
        skus=[variant.sku for variant in in_order],
        product_ids=[variant.product_id for variant in in_order],
    )
