"""What the parts find in the hub: families with one variant each, made through the hub's own contracts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from usav.catalog.v1 import family_pb2, identity_pb2, variant_pb2

from bench.stage import Stage

T = TypeVar("T")
_AT_ONCE = 24


async def gather_some(work: Iterable[Awaitable[T]]) -> list[T]:
    """Awaits all, a few at a time, and answers in order."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Awaitable[T]) -> T:
        async with gate:
            return await item

    return await asyncio.gather(*(one(item) for item in work))


async def make_variants(stage: Stage, first: int, count: int) -> list[variant_pb2.Variant]:
    """A used variant of each of the families `first`, `first` + 1, and so on."""
    return await gather_some(_make_variant(stage, number) for number in range(first, first + count))


async def _make_variant(stage: Stage, number: int) -> variant_pb2.Variant:
    catalog, signed = stage.stubs["catalog"], {"metadata": stage.credentials}
    family = family_pb2.Family(
        product_id=number, name=f"Bench {number} Home Theater System", description="For measuring."
    )
    await catalog.CreateFamily(family_pb2.CreateFamilyRequest(family=family), **signed)
    identity = identity_pb2.Identity(
        product_id=number,
        type=identity_pb2.Identity.Type.PRODUCT,
        physical_class=identity_pb2.PhysicalClass.Code.E,
        name=family.name,
    )
    made: Any = await catalog.CreateIdentity(identity_pb2.CreateIdentityRequest(identity=identity), **signed)
    variant = variant_pb2.Variant(identity_id=made.id, color_code="BK", name=f"{family.name}, black")
    variant.price.units, variant.price.currency_code = 199, "USD"
    answer: variant_pb2.Variant = await catalog.CreateVariant(
        variant_pb2.CreateVariantRequest(variant=variant), **signed
    )
    return answer
