"""How channels and variants stand, read through partial indexes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from usav.sync.v1 import listing_pb2, sync_service_pb2

from chassis.clock import now
from sync_svc.queries.channels import _STANDINGS, ListingTotals
from tests.factories.sync.engine import Engine
from tests.integration.sync.harness import SyncApi

Listing = listing_pb2.Listing


async def _three(engine: Engine, platform: str) -> Any:
    made = await engine.add_channel(platform, "BOOKS")
    await engine.add_listing(made, 1, "00841")
    await engine.add_listing(made, 2, "00842", desired_generation=2, synced_generation=1, external_id="4600")
    await engine.add_listing(made, 3, "00843", error_class="PERMANENT", error_message="No such tax.")
    await engine.add_listing(made, 4, "00844", synced_generation=1, last_synced_at=now(), external_id="4601")
    await engine.add_listing(made, 5, "00845", deleted_at=now())
    return made


async def test_zoho_does_not_show_what_is_pending_dirty_or_failed(api: SyncApi, engine: Engine) -> None:
    await _three(engine, "ZOHO")
    await engine.add_listing(await engine.add_channel(), 1, "00841")
    request = sync_service_pb2.ListVariantsPendingZohoRequest(page_size=2)
    first = await api.call("ListVariantsPendingZoho", request, "WAREHOUSE_OP")
    request.page_token = first.next_page_token
    rest = await api.call("ListVariantsPendingZoho", request, "WAREHOUSE_OP")
    items = [*first.items, *rest.items]
    assert [(one.sku, one.status) for one in items] == [
        ("00841", Listing.PENDING),
        ("00842", Listing.DIRTY),
        ("00843", Listing.ERROR),
    ]
    assert (first.total_size, items[1].item_id, items[2].error.message) == (3, "4600", "No such tax.")
    failed = sync_service_pb2.ListVariantsPendingZohoRequest(status=Listing.ERROR, channel="books")
    assert [one.variant_id for one in (await api.call("ListVariantsPendingZoho", failed)).items] == [3]


async def test_one_variant_tells_its_item_and_when_it_was_synced(api: SyncApi, engine: Engine) -> None:
    await _three(engine, "ZOHO")
    request = sync_service_pb2.GetVariantZohoSyncRequest(variant_id=4)
    (one,) = (await api.call("GetVariantZohoSync", request)).items
    assert (one.status, one.item_id, one.account) == (Listing.SYNCED, "4601", "BOOKS")
    assert one.HasField("last_synced_time")
    absent = sync_service_pb2.GetVariantZohoSyncRequest(variant_id=99)
    assert list((await api.call("GetVariantZohoSync", absent)).items) == []


async def test_status_counts(api: SyncApi, engine: Engine) -> None:
    await _three(engine, "EBAY")
    await engine.add_channel(account="EMPTY")
    one, empty = (await api.call("GetSyncStatus", sync_service_pb2.GetSyncStatusRequest())).channels
    assert (one.listing_count, one.pending_count, one.dirty_count, one.error_count) == (4, 1, 1, 1)
    assert one.HasField("oldest_pending_time")
    assert (empty.listing_count, empty.pending_count, empty.HasField("oldest_pending_time")) == (0, 0, False)


async def test_status_does_not_read_the_listings(engine: Engine) -> None:
    made = await engine.add_channel()
    many = """
    INSERT INTO sync.listing (channel_id, variant_id, sku, platform_sku, synced_generation)
    SELECT :channel_id, n, n::text, n::text, CASE WHEN n % 1000 = 0 THEN 0 ELSE 1 END FROM generate_series(1, 20000) n
    """
    async with engine.db.transaction() as conn:
        await conn.execute(text(many), {"channel_id": made.id})
    async with engine.db.read.connect() as conn:
        plan = "\n".join((await conn.execute(text(f"EXPLAIN {_STANDINGS.text}"))).scalars())
    assert "Seq Scan on listing" not in plan
    assert "ix_listing_unsynced" in plan


async def test_totals_are_counted_again_only_after_a_while(engine: Engine) -> None:
    made = await engine.add_channel()
    ticks = iter([0.0, 1.0, 50.0, 102.0, 103.0])
    totals = ListingTotals(engine.db, clock=lambda: next(ticks))
    assert await totals.get() == {}
    await engine.add_listing(made, 1, "00841")
    assert await totals.get() == {}
    assert await totals.get() == {made.id: 1}
