"""Listings over gRPC: making, finding, changing, marking, and bringing many in at once."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money
from usav.sync.v1 import channel_pb2, listing_pb2, sync_service_pb2

from sync_svc.domain.channel import Channel
from tests.factories.sync.engine import Engine
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import Refused, SyncApi

Listing = listing_pb2.Listing
Result = listing_pb2.ListingUpsertResult


@pytest.fixture
async def ebay(engine: Engine, hub: FakeHub) -> Channel:
    hub.add(1, "00845-N", 3)
    hub.add(2, "00846", 1)
    return await engine.add_channel()


def _create(channel: Channel, **values: Any) -> sync_service_pb2.CreateListingRequest:
    listing = Listing(**{"channel_id": channel.id, "variant_id": 1, "platform_sku": "SHOP-1", **values})
    return sync_service_pb2.CreateListingRequest(listing=listing)


async def _refused(api: SyncApi, method: str, request: Any, role: str = "ADMIN") -> Refused:
    with pytest.raises(Refused) as caught:
        await api.call(method, request, role)
    return caught.value


async def test_listing_by_sku_gets_the_catalogs_id(api: SyncApi, ebay: Channel) -> None:
    made = await api.call("CreateListing", _create(ebay, variant_id=0, sku="00845-n"), "SALES_REP")
    assert (made.variant_id, made.sku, made.status, made.account) == (1, "00845-N", Listing.PENDING, "MEKONG")
    assert await api.call("GetListing", sync_service_pb2.GetListingRequest(id=made.id)) == made


async def test_unknown_variant_and_taken_sku_are_refused(api: SyncApi, ebay: Channel) -> None:
    refused = await _refused(api, "CreateListing", _create(ebay, variant_id=99))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "VARIANT_UNKNOWN")
    await api.call("CreateListing", _create(ebay))
    refused = await _refused(api, "CreateListing", _create(ebay, variant_id=2))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "PLATFORM_SKU_TAKEN")
    refused = await _refused(api, "CreateListing", _create(ebay, channel_id=99))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "CHANNEL_NOT_FOUND")


async def test_catalog_down_is_unavailable(api: SyncApi, ebay: Channel, hub: FakeHub) -> None:
    hub.is_down = True
    assert (await _refused(api, "CreateListing", _create(ebay))).code == grpc.StatusCode.UNAVAILABLE


async def test_external_id_belongs_to_one_listing(api: SyncApi, ebay: Channel) -> None:
    await api.call("CreateListing", _create(ebay, external_id="L-1"))
    refused = await _refused(api, "CreateListing", _create(ebay, platform_sku="SHOP-2", external_id="L-1"))
    assert refused.reason == "EXTERNAL_ID_TAKEN"


async def test_update_changes_price_and_queues(api: SyncApi, ebay: Channel, engine: Engine) -> None:
    made = await api.call("CreateListing", _create(ebay))
    change = Listing(id=made.id, price=Money(currency_code="USD", units=12, nanos=500_000_000), etag=made.etag)
    changed = await api.call("UpdateListing", sync_service_pb2.UpdateListingRequest(listing=change))
    assert (changed.price.units, changed.desired_generation) == (12, made.desired_generation + 1)
    refused = await _refused(api, "UpdateListing", sync_service_pb2.UpdateListingRequest(listing=change))
    assert refused.reason == "ETAG_MISMATCH"


async def test_deleted_listing_is_gone_and_can_be_made_again(api: SyncApi, ebay: Channel) -> None:
    made = await api.call("CreateListing", _create(ebay))
    deleted = await api.call("DeleteListing", sync_service_pb2.DeleteListingRequest(id=made.id))
    assert deleted.HasField("delete_time")
    row = await api.engine.row(made.id)
    assert row.next_attempt_at is None, "what was never pushed is not the hub's to end"
    assert (
        await _refused(api, "GetListing", sync_service_pb2.GetListingRequest(id=made.id))
    ).reason == "LISTING_NOT_FOUND"
    again = await api.call("CreateListing", _create(ebay, variant_id=2))
    assert (again.id, again.variant_id, again.status, again.HasField("delete_time")) == (
        made.id,
        2,
        Listing.PENDING,
        False,
    )


async def test_marks_move_between_the_lists(api: SyncApi, ebay: Channel) -> None:
    made = await api.call("CreateListing", _create(ebay))
    failed = sync_service_pb2.MarkListingErrorRequest(id=made.id, message="Category is gone", code="25005")
    marked = await api.call("MarkListingError", failed, "SYSTEM_BOT")
    assert (marked.status, marked.error.error_class, marked.error.code) == (Listing.ERROR, Listing.PERMANENT, "25005")
    assert len((await api.call("ListErrorListings", sync_service_pb2.ListErrorListingsRequest())).items) == 1
    assert len((await api.call("ListPendingListings", sync_service_pb2.ListPendingListingsRequest())).items) == 0
    retried = await api.call("RetryListing", sync_service_pb2.RetryListingRequest(id=made.id))
    assert retried.status == Listing.PENDING
    synced = sync_service_pb2.MarkListingSyncedRequest(id=made.id, external_id="L-7")
    marked = await api.call("MarkListingSynced", synced)
    assert (marked.status, marked.external_id) == (Listing.SYNCED, "L-7")


async def test_mark_of_an_older_generation_leaves_it_dirty(api: SyncApi, ebay: Channel) -> None:
    made = await api.call("CreateListing", _create(ebay))
    await api.call("RetryListing", sync_service_pb2.RetryListingRequest(id=made.id))
    request = sync_service_pb2.MarkListingSyncedRequest(id=made.id, generation=made.desired_generation)
    assert (await api.call("MarkListingSynced", request)).status == Listing.DIRTY


async def test_lists_filter_and_page(api: SyncApi, ebay: Channel, engine: Engine) -> None:
    other = await engine.add_channel(account="USAV")
    for number in range(5):
        await engine.add_listing(ebay, 1, "00845-N", f"M-{number}")
        await engine.add_listing(other, 2, "00846", f"U-{number}")
    request = sync_service_pb2.ListListingsRequest(channel="usav", page_size=2)
    seen = []
    while True:
        page = await api.call("ListListings", request, "WAREHOUSE_OP")
        assert page.total_size == 5
        seen += [item.platform_sku for item in page.items]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert seen == [f"U-{number}" for number in range(5)]
    by_sku = await api.call("ListListings", sync_service_pb2.ListListingsRequest(sku="M-3"))
    assert [item.platform_sku for item in by_sku.items] == ["M-3"]
    by_variant = await api.call("ListListings", sync_service_pb2.ListListingsRequest(variant_id=2))
    assert by_variant.total_size == 5
    request.channel = "MEKONG"
    request.page_token = "x"
    assert (await _refused(api, "ListListings", request)).reason == "PAGE_TOKEN_INVALID"
    assert (await _refused(api, "ListListings", sync_service_pb2.ListListingsRequest(page_size=-1))).fields == [
        "page_size"
    ]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"price": Money(currency_code="USD", units=-1)}, "listing.price"),
        ({"price": Money(currency_code="USD", units=10**15)}, "listing.price"),
        ({"price": Money(currency_code="usd", units=1)}, "listing.price.currency_code"),
        ({"price": Money(currency_code="USD", units=1, nanos=1)}, "listing.price"),
        ({"platform_sku": ""}, "listing.platform_sku"),
        ({"platform_sku": "x" * 101}, "listing.platform_sku"),
        ({"name": "a\0b"}, "listing.name"),
        ({"name": "x" * 1_000_000}, "listing.name"),
        ({"variant_id": -5}, "listing.variant_id"),
        ({"state": 77}, "listing.state"),
    ],
)
async def test_bad_input_names_the_field(api: SyncApi, ebay: Channel, values: dict[str, Any], field: str) -> None:
    refused = await _refused(api, "CreateListing", _create(ebay, **values))
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert any(name.startswith(field) for name in refused.fields), refused.fields


def _row(number: int, **values: Any) -> listing_pb2.ListingUpsert:
    given = {
        "variant_id": number,
        "sku": f"{number:05}",
        "platform": channel_pb2.Channel.AMAZON,
        "platform_sku": f"AMZ-{number}",
        "name": f"Item {number}",
        "asin": "B000TEST",
    }
    return listing_pb2.ListingUpsert(**{**given, **values})


async def _upsert(api: SyncApi, rows: list[listing_pb2.ListingUpsert], *, dry: bool = False) -> list[Any]:
    request = sync_service_pb2.BatchUpsertListingsRequest(listings=rows, validate_only=dry)
    return list((await api.call("BatchUpsertListings", request, "SYSTEM_BOT")).results)


async def test_import_makes_the_channel_and_a_second_one_changes_nothing(api: SyncApi) -> None:
    rows = [_row(number) for number in range(1, 6)]
    assert {result.status for result in await _upsert(api, rows, dry=True)} == {Result.CREATED}
    assert (await api.call("ListChannels", sync_service_pb2.ListChannelsRequest())).total_size == 0
    first = await _upsert(api, rows)
    assert [(result.index, result.status) for result in first] == [(place, Result.CREATED) for place in range(5)]
    assert [result.listing_id for result in first] == [result.listing_id for result in await _upsert(api, rows)]
    assert {result.status for result in await _upsert(api, rows)} == {Result.UNCHANGED}
    (made,) = (await api.call("ListChannels", sync_service_pb2.ListChannelsRequest())).items
    assert (made.account, made.state, made.connection) == (
        "MAIN",
        channel_pb2.Channel.PAUSED,
        channel_pb2.Channel.NO_CONNECTOR,
    )


async def test_import_reports_conflicts_by_row(api: SyncApi) -> None:
    await _upsert(api, [_row(1, external_id="X-1")])
    results = await _upsert(
        api,
        [
            _row(2, platform_sku="AMZ-1"),
            _row(3, external_id="X-1"),
            _row(4),
            _row(5, platform_sku="AMZ-4"),
            _row(4),
            _row(1, description="Filled in"),
        ],
    )
    assert [(result.status, result.reason) for result in results] == [
        (Result.CONFLICT, "PLATFORM_SKU_TAKEN"),
        (Result.CONFLICT, "EXTERNAL_ID_TAKEN"),
        (Result.CREATED, ""),
        (Result.CONFLICT, "PLATFORM_SKU_TAKEN"),
        (Result.UNCHANGED, ""),
        (Result.UPDATED, ""),
    ]
    assert results[4].listing_id == results[2].listing_id


async def test_import_keeps_what_a_person_has_set(api: SyncApi) -> None:
    (made,) = await _upsert(api, [_row(1)])
    change = Listing(id=made.listing_id, name="Better words")
    await api.call("UpdateListing", sync_service_pb2.UpdateListingRequest(listing=change))
    (again,) = await _upsert(api, [_row(1)])
    assert again.status == Result.UNCHANGED
    kept = await api.call("GetListing", sync_service_pb2.GetListingRequest(id=made.listing_id))
    assert kept.name == "Better words"


async def test_two_imports_at_once_make_each_listing_once(api: SyncApi) -> None:
    rows = [_row(number) for number in range(1, 201)]
    both = await asyncio.gather(_upsert(api, rows), _upsert(api, list(reversed(rows))))
    counts = [sum(result.status == Result.CREATED for result in results) for results in both]
    assert sum(counts) == 200
    assert all(result.status in (Result.CREATED, Result.UNCHANGED) for results in both for result in results)
    assert (await api.call("ListListings", sync_service_pb2.ListListingsRequest())).total_size == 200
