"""What the demo asks the hub and has it do: listings, prices, units."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from usav.catalog.v1 import variant_pb2
from usav.inventory.v1 import inventory_service_pb2 as inventory_pb
from usav.inventory.v1 import item_pb2, location_pb2
from usav.sync.v1 import channel_pb2, listing_pb2
from usav.sync.v1 import sync_service_pb2 as sync_pb

from hubctl.catalog import set_price
from hubctl.client import Hub, new_request_id
from hubctl.demo.choice import invented_price
from hubctl.demo.shelves import Place
from hubctl.output import parse_money

_PAGE = 1000
_SHELF = "DEMO-SHELF"
_platform = channel_pb2.Channel.Platform.Name


def listings(hub: Hub) -> Iterator[tuple[str, Place]]:
    """SKU and place of every listing that is offered."""
    token = ""
    while True:
        page = hub.sync.ListListings(sync_pb.ListListingsRequest(page_size=_PAGE, page_token=token))
        for item in page.items:
            if item.state == listing_pb2.Listing.ACTIVE:
                yield item.sku, (_platform(item.platform), item.account, item.platform_sku)
        token = page.next_page_token
        if not token:
            return


def free_units(hub: Hub, skus: Sequence[str]) -> dict[str, int]:
    """How many units of each SKU may be promised now."""
    found: dict[str, int] = {}
    for start in range(0, len(skus), _PAGE):
        request = inventory_pb.BatchGetAvailabilityRequest(skus=skus[start : start + _PAGE])
        found.update((item.sku, item.free_units) for item in hub.inventory.BatchGetAvailability(request).items)
    return found


def put_prices(hub: Hub, skus: Sequence[str]) -> int:
    """Invents a price for those that have none, as nothing is listed without one. Answers for how many."""
    variants = hub.catalog.BatchGetVariants(variant_pb2.BatchGetVariantsRequest(skus=skus)).items
    without = [variant.full_sku for variant in variants if not variant.HasField("price")]
    for sku in without:
        set_price(hub, sku, parse_money(invented_price(sku)))
    return len(without)


def receive(hub: Hub, units: Mapping[str, int]) -> dict[str, list[str]]:
    """Takes units into stock, all at once, under serial numbers never used before. Answers those by SKU."""
    run = format(time.time_ns() // 1_000_000, "X")
    numbers = iter(range(1, sum(units.values()) + 1))
    serials = {sku: [f"DEMO-{run}-{next(numbers):03}" for _ in range(count)] for sku, count in units.items()}
    _make_shelf(hub)
    lines = [
        inventory_pb.ReceiptLine(sku=sku, serial_number=serial, location=_SHELF, unit_cost=parse_money("20.00"))
        for sku, mine in serials.items()
        for serial in mine
    ]
    request = inventory_pb.BatchReceiveItemsRequest(request_id=new_request_id(), lines=lines, order_reference="DEMO")
    hub.inventory.BatchReceiveItems(iter([request]))
    return serials


def _make_shelf(hub: Hub) -> None:
    """The place of the demo's units, unless an earlier run made it."""
    asked = location_pb2.ListLocationsRequest(code_prefix=_SHELF)
    if not hub.inventory.ListLocations(asked).items:
        made = location_pb2.Location(code=_SHELF, name="Units the demo made up")
        hub.inventory.CreateLocation(location_pb2.CreateLocationRequest(location=made, request_id=new_request_id()))


def sold_unit(hub: Hub, sku: str, order_part: str) -> item_pb2.Item | None:
    """The unit that went to an order; None while there is none."""
    audit = hub.inventory.AuditStock(inventory_pb.AuditStockRequest(sku_or_serial=sku, page_size=_PAGE))
    sold = (item for item in audit.items if item.status == item_pb2.Item.SOLD and order_part in item.order_reference)
    return next(sold, None)


def trouble(hub: Hub, sku: str) -> str:
    """What the hub says of the listings of a SKU, for a person to see why nothing happens."""
    found = hub.sync.ListListings(sync_pb.ListListingsRequest(page_size=50, sku=sku)).items
    lines = [
        f"  {_platform(one.platform)} {one.account} {one.platform_sku}: "
        f"{listing_pb2.Listing.Status.Name(one.status)} {one.error.message}".rstrip()
        for one in found
    ]
    return "\n".join([*lines, f"  See `hubctl status` and `hubctl listings list --sku {sku}`, and the log sync.log."])
