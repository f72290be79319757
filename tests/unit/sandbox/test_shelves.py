"""What is shown, since when, and waiting for it."""

import asyncio
import time
from dataclasses import replace

from sandbox.shelves import Shelves, Shown

_LISTING = Shown("EBAY", "USAV", "A", "1", "2", "Title", "9.99", "USD", 3, "ACTIVE")
_KEY = ("EBAY", "USAV", "A")


def test_change_time_moves_with_the_quantity_only() -> None:
    shelves = Shelves()
    shelves.put(_LISTING)
    first = shelves.get(*_KEY)
    shelves.put(replace(_LISTING, price="8.00"))
    second = shelves.get(*_KEY)
    shelves.put(replace(_LISTING, quantity=2))
    third = shelves.get(*_KEY)
    assert first is not None
    assert second is not None
    assert third is not None
    assert second.changed_at == first.changed_at
    assert third.changed_at > first.changed_at
    assert shelves.version == 3


def test_same_listing_again_is_no_change() -> None:
    shelves = Shelves()
    shelves.put(_LISTING)
    shelves.put(_LISTING)
    assert shelves.version == 1


async def test_wait_ends_as_soon_as_the_quantity_is_shown() -> None:
    shelves = Shelves()
    shelves.put(_LISTING)
    waiting = asyncio.create_task(shelves.wait_for(_KEY, 0, 5.0))
    await asyncio.sleep(0)
    shelves.put(replace(_LISTING, quantity=1))
    shelves.put(replace(_LISTING, quantity=0))
    started = time.monotonic()
    shown = await waiting
    assert shown is not None
    assert shown.quantity == 0
    assert time.monotonic() - started < 1


async def test_wait_takes_what_is_shown_already() -> None:
    shelves = Shelves()
    shelves.put(_LISTING)
    assert await shelves.wait_for(_KEY, 3, 0.0) is not None


async def test_wait_gives_up_when_the_time_is_over() -> None:
    shelves = Shelves()
    assert await shelves.wait_for(_KEY, 0, 0.02) is None


def test_find_takes_part_of_sku_or_title() -> None:
    shelves = Shelves()
    shelves.put(_LISTING)
    shelves.put(replace(_LISTING, sku="B", title="Wave radio", account="DRAGON"))
    assert [shown.sku for shown in shelves.find(text="radio")] == ["B"]
    assert [shown.sku for shown in shelves.find("EBAY", "USAV")] == ["A"]
    shelves.remove("EBAY", "DRAGON", "B")
    assert [shown.sku for shown in shelves.find()] == ["A"]
