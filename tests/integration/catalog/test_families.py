"""Families: numbers are given out once, also to many at a time; empty ones can go."""

from __future__ import annotations

import asyncio

from google.protobuf.field_mask_pb2 import FieldMask
from usav.catalog.v1 import family_pb2, registry_pb2

from tests.integration.catalog.harness import CatalogHub, refusal


def creating(**fields: object) -> family_pb2.CreateFamilyRequest:
    return family_pb2.CreateFamilyRequest(family=family_pb2.Family(**fields))  # type: ignore[arg-type]  # names as in the proto


def updating(mask: list[str] | None = None, **fields: object) -> family_pb2.UpdateFamilyRequest:
    family = family_pb2.Family(**fields)  # type: ignore[arg-type]  # names as in the proto
    return family_pb2.UpdateFamilyRequest(family=family, update_mask=FieldMask(paths=mask or []))


async def test_family_is_created_and_read_back(hub: CatalogHub) -> None:
    brand = await hub.admin.CreateBrand(registry_pb2.CreateBrandRequest(brand=registry_pb2.Brand(name="Bose")))
    made = await hub.admin.CreateFamily(creating(product_id=845, name=" VCS-10 ", brand_id=brand.id))
    read = await hub.caller("WAREHOUSE_OP").GetFamily(family_pb2.GetFamilyRequest(product_id=845))
    assert made == read
    assert (read.product_id, read.name, read.brand_name) == (845, "VCS-10", "Bose")
    assert read.etag
    assert read.create_time.seconds > 1_700_000_000


async def test_taken_number_is_refused(hub: CatalogHub) -> None:
    taken = (await hub.family()).product_id
    refused = await refusal(hub.admin.CreateFamily(creating(product_id=taken, name="Another")))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "FAMILY_EXISTS")
    assert refused.metadata == {"product_id": str(taken)}


async def test_numbers_given_at_once_are_all_different(hub: CatalogHub) -> None:
    made = await asyncio.gather(*(hub.family() for _ in range(40)))
    assert len({family.product_id for family in made}) == 40


async def test_number_taken_by_hand_is_stepped_over(hub: CatalogHub) -> None:
    last = (await hub.family()).product_id
    await hub.family(product_id=last + 1)
    assert (await hub.family()).product_id == last + 2


async def test_number_of_a_deleted_family_is_not_given_out_again(hub: CatalogHub) -> None:
    gone = (await hub.family()).product_id
    await hub.admin.DeleteFamily(family_pb2.DeleteFamilyRequest(product_id=gone))
    assert (await hub.family()).product_id != gone


async def test_last_number_is_followed_by_the_gaps(hub: CatalogHub) -> None:
    await hub.rows("UPDATE catalog.product_id_counter SET next_product_id = 99999")
    assert (await hub.family()).product_id == 99999
    assert (await hub.family()).product_id == 0


async def test_family_with_an_identity_stays(hub: CatalogHub) -> None:
    identity = await hub.identity()
    refused = await refusal(hub.admin.DeleteFamily(family_pb2.DeleteFamilyRequest(product_id=identity.product_id)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "FAMILY_NOT_EMPTY")


async def test_update_changes_what_is_populated_only(hub: CatalogHub) -> None:
    made = await hub.family(name="Before", description="stays")
    changed = await hub.admin.UpdateFamily(updating(product_id=made.product_id, name="After", etag=made.etag))
    assert (changed.name, changed.description) == ("After", "stays")
    assert changed.etag != made.etag


async def test_update_by_mask_clears_what_is_not_given(hub: CatalogHub) -> None:
    made = await hub.family(description="goes")
    changed = await hub.admin.UpdateFamily(updating(["description"], product_id=made.product_id))
    assert changed.description == ""


async def test_update_with_a_stale_etag_is_aborted(hub: CatalogHub) -> None:
    made = await hub.family()
    await hub.admin.UpdateFamily(updating(product_id=made.product_id, name="Quicker"))
    refused = await refusal(hub.admin.UpdateFamily(updating(product_id=made.product_id, name="Late", etag=made.etag)))
    assert (refused.code, refused.reason) == ("ABORTED", "ETAG_MISMATCH")


async def test_update_to_what_is_so_already_leaves_the_etag(hub: CatalogHub) -> None:
    made = await hub.family(name="Same")
    again = await hub.admin.UpdateFamily(updating(product_id=made.product_id, name="Same"))
    assert again.etag == made.etag


async def test_unknown_brand_is_named(hub: CatalogHub) -> None:
    refused = await refusal(hub.admin.CreateFamily(creating(name="Fine", brand_id=10**9)))
    assert (refused.code, refused.reason, refused.fields) == ("NOT_FOUND", "CODE_NOT_FOUND", ("family.brand_id",))


async def test_list_is_filtered_paged_and_counted(hub: CatalogHub) -> None:
    for number in range(5):
        await hub.family(name=f"Paged 100% {number}")
    first = await hub.admin.ListFamilies(family_pb2.ListFamiliesRequest(q="paged 100%", page_size=3))
    second = await hub.admin.ListFamilies(
        family_pb2.ListFamiliesRequest(q="paged 100%", page_size=3, page_token=first.next_page_token)
    )
    assert [len(first.items), len(second.items)] == [3, 2]
    assert (first.total_size, second.total_size, second.next_page_token) == (5, 5, "")
    assert len({item.product_id for item in (*first.items, *second.items)}) == 5


async def test_page_token_of_another_query_is_refused(hub: CatalogHub) -> None:
    await asyncio.gather(hub.family(), hub.family())
    first = await hub.admin.ListFamilies(family_pb2.ListFamiliesRequest(page_size=1))
    foreign = family_pb2.ListFamiliesRequest(q="other", page_size=1, page_token=first.next_page_token)
    refused = await refusal(hub.admin.ListFamilies(foreign))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")


async def test_same_request_id_makes_one_family(hub: CatalogHub) -> None:
    request = creating(name="Once")
    request.request_id = "create-once"
    first, second = await asyncio.gather(hub.admin.CreateFamily(request), hub.admin.CreateFamily(request))
    assert first == second


async def test_sales_may_not_write_families(hub: CatalogHub) -> None:
    refused = await refusal(hub.caller("SALES_REP").CreateFamily(creating(name="No")))
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED")
