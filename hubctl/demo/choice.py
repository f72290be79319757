"""Which SKU the demo sells, and which others it puts on the shelves beside it. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from hubctl.demo.shelves import Place

SELLING_PLATFORM = "EBAY"
_OTHERS = 12
_MOST_LISTINGS = 12
# Bundles have no units of their own, so none are received for them.
_BUNDLE = re.compile(r"\d{5}-[BKS](-|$)")


@dataclass(frozen=True)
class Candidate:
    """A SKU with its listings on channels that are kept up to date."""

    sku: str
    places: tuple[Place, ...] = field(default=())

    @property
    def channels(self) -> int:
        """On how many channels it is listed."""
        return len({place[:2] for place in self.places})

    @property
    def channel_names(self) -> list[str]:
        """The channels, for people."""
        return sorted({f"{platform} {account}" for platform, account, _ in self.places})

    @property
    def can_be_sold(self) -> bool:
        """Whether the demo can sell it on one channel and watch another."""
        return self.channels > 1 and any(place[0] == SELLING_PLATFORM for place in self.places)


def candidates(listings: Iterable[tuple[str, Place]], channels: Collection[tuple[str, str]]) -> list[Candidate]:
    """What is listed on `channels`, the widest spread first. `listings` gives SKU and place."""
    places: dict[str, list[Place]] = {}
    for sku, place in listings:
        if place[:2] in channels and not _BUNDLE.match(sku):
            places.setdefault(sku, []).append(place)
    found = [Candidate(sku, tuple(sorted(mine))) for sku, mine in places.items() if len(mine) <= _MOST_LISTINGS]
    return sorted(found, key=lambda one: (-one.channels, len(one.places), one.sku))


def choose_star(found: Iterable[Candidate], free_units: Mapping[str, int]) -> Candidate | None:
    """The SKU to sell: listed on eBay and elsewhere, with one unit to sell or none yet. None when there is no such SKU."""
    return next((one for one in found if one.can_be_sold and free_units.get(one.sku, 0) <= 1), None)


def choose_others(found: Iterable[Candidate], star: Candidate, free_units: Mapping[str, int]) -> dict[str, int]:
    """Units to receive by SKU, so that the shelves are not bare; SKUs that have stock are left as they are."""
    empty = [one.sku for one in found if one != star and not free_units.get(one.sku, 0)]
    return {sku: 1 + index % 3 for index, sku in enumerate(empty[:_OTHERS])}


def invented_price(sku: str) -> str:
    """A price for a SKU that has none; the same each time."""
    return f"{39 + zlib.crc32(sku.encode()) % 360}.99"
