"""The feed: every change once, in order, with the variant as it was left; resumable anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google.type.money_pb2 import Money
from usav.catalog.v1 import registry_pb2, variant_pb2, watch_pb2

from tests.integration.catalog.harness import CatalogHub, refusal

Change = watch_pb2.CatalogChange


@asynccontextmanager
async def watching(hub: CatalogHub, token: str = "") -> AsyncIterator[Any]:
    """An open watch whose first checkpoint has arrived."""
    stream = hub.caller("SYSTEM_BOT").WatchCatalog(watch_pb2.WatchCatalogRequest(resume_token=token))
    first = await stream.read()
    assert first.WhichOneof("event") == "checkpoint"
    yield stream
    stream.cancel()


async def next_changes(stream: Any, count: int) -> list[watch_pb2.WatchCatalogResponse]:
    """The next changes, checkpoints left out."""
    taken: list[watch_pb2.WatchCatalogResponse] = []
    async with asyncio.timeout(10):
        while len(taken) < count:
            message = await stream.read()
            if message.HasField("change"):
                taken.append(message)
    return taken


async def test_life_of_a_variant_is_told(hub: CatalogHub) -> None:
    identity = await hub.identity()
    async with watching(hub) as stream:
        made = await hub.variant(identity_id=identity.id, price=Money(units=9, nanos=990_000_000))
        wanted = variant_pb2.Variant(id=made.id, name="New name", price=Money(units=8))
        changed = await hub.admin.UpdateVariant(variant_pb2.UpdateVariantRequest(variant=wanted))
        gone = await hub.admin.DeleteVariant(variant_pb2.DeleteVariantRequest(id=made.id))
        back = await hub.admin.UndeleteVariant(variant_pb2.UndeleteVariantRequest(id=made.id))
        told = [item.change for item in await next_changes(stream, 4)]
    assert [item.action for item in told] == [Change.CREATED, Change.UPDATED, Change.DELETED, Change.UPDATED]
    assert [item.variant for item in told] == [made, changed, gone, back]
    assert [list(item.changed_fields) for item in told] == [[], ["name", "price"], [], ["delete_time"]]
    assert {(item.kind, item.id, item.natural_key) for item in told} == {(Change.VARIANT, made.id, made.full_sku)}


async def test_every_kind_is_told_by_its_natural_key(hub: CatalogHub) -> None:
    async with watching(hub) as stream:
        bundle = await hub.identity("BUNDLE")
        part = await hub.identity("PART", product_id=bundle.product_id)
        line = await hub.component(bundle.id, part.id)
        await hub.admin.CreateColor(registry_pb2.CreateColorRequest(color=registry_pb2.Color(code="TL")))
        lci = registry_pb2.LciDefinition(product_id=bundle.product_id, name="Foot")
        await hub.admin.CreateLciDefinition(registry_pb2.CreateLciDefinitionRequest(lci_definition=lci))
        told = [item.change for item in await next_changes(stream, 6)]
    assert [(item.kind, item.id, item.natural_key) for item in told] == [
        (Change.FAMILY, bundle.product_id, f"{bundle.product_id:05d}"),
        (Change.IDENTITY, bundle.id, bundle.upis_h),
        (Change.IDENTITY, part.id, part.upis_h),
        (Change.BUNDLE_COMPONENT, line.id, bundle.upis_h),
        (Change.COLOR, 0, "TL"),
        (Change.LCI_DEFINITION, told[5].id, f"{bundle.product_id:05d}-P-2"),
    ]


async def test_reader_goes_on_behind_the_last_message(hub: CatalogHub) -> None:
    identity = await hub.identity()
    async with watching(hub) as stream:
        made = [await hub.variant(identity_id=identity.id, color_code=color) for color in ("BK", "WY", "SV", "GR")]
        all_told = await next_changes(stream, 4)
    assert len({item.resume_token for item in all_told}) == 4
    for place, told in enumerate(all_told[:-1]):
        async with watching(hub, told.resume_token) as stream:
            rest = await next_changes(stream, 3 - place)
        assert [item.change.variant for item in rest] == made[place + 1 :]


async def test_foreign_token_is_out_of_range(hub: CatalogHub) -> None:
    stream = hub.admin.WatchCatalog(watch_pb2.WatchCatalogRequest(resume_token="not one of ours"))
    refused = await refusal(stream.read())
    assert (refused.code, refused.reason) == ("OUT_OF_RANGE", "RESUME_TOKEN_EXPIRED")


async def test_change_of_nothing_is_not_told(hub: CatalogHub) -> None:
    made = await hub.variant(name="Same")
    async with watching(hub) as stream:
        same = variant_pb2.Variant(id=made.id, name="Same")
        await hub.admin.UpdateVariant(variant_pb2.UpdateVariantRequest(variant=same))
        other = await hub.variant(identity_id=made.identity_id, color_code="BK")
        told = await next_changes(stream, 1)
    assert told[0].change.natural_key == other.full_sku
