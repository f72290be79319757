"""What no foreign key guards, because it crosses from one service's schema into another's: does everything named exist?"""

from __future__ import annotations

from deploy.backup.snapshot import connect

# A count of rows that name something that is not there, by what is wrong with them.
_BROKEN = {
    "units of a variant that the catalogue does not have": """
        SELECT count(*) FROM inventory.item i WHERE NOT EXISTS (SELECT 1 FROM catalog.variant v WHERE v.id = i.variant_id)""",
    "units whose SKU is another one in the catalogue": """
        SELECT count(*) FROM inventory.known_variant k JOIN catalog.variant v ON v.id = k.variant_id WHERE v.full_sku <> k.sku""",
    "allocated lines of a variant that the catalogue does not have": """
        SELECT count(*) FROM inventory.allocation_line l
        WHERE NOT EXISTS (SELECT 1 FROM catalog.variant v WHERE v.id = l.variant_id)""",
    "listings of a variant that the catalogue does not have": """
        SELECT count(*) FROM sync.listing l
        WHERE l.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM catalog.variant v WHERE v.id = l.variant_id)""",
    "order lines of a variant that the catalogue does not have": """
        SELECT count(*) FROM sync.order_line l
        WHERE l.variant_id <> 0 AND NOT EXISTS (SELECT 1 FROM catalog.variant v WHERE v.id = l.variant_id)""",
    "ledger rows of a unit that is not there": """
        SELECT count(*) FROM inventory.movement m WHERE NOT EXISTS (SELECT 1 FROM inventory.item i WHERE i.id = m.item_id)""",
}


async def broken_references(url: str) -> list[str]:
    """What is wrong in the database of the address, in words; none is good."""
    connection = await connect(url)
    try:
        found = {what: await connection.fetchval(query) for what, query in _BROKEN.items()}
    finally:
        await connection.close()
    return [f"{count} {what}" for what, count in found.items() if count]
