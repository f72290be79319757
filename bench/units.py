"""Units in stock, by the hub's own batch: what the measurements of writes use up."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Protocol

from usav.inventory.v1 import inventory_service_pb2 as inventory

from bench.stage import Stage

_LINES_PER_MESSAGE = 5_000


class Variant(Protocol):
    """What units are received of."""

    @property
    def id(self) -> int:
        """Its id."""
        ...


def receipt_lines(variants: Iterable[Variant], serials: Iterable[str]) -> Iterator[inventory.ReceiptLine]:
    """A line per serial number, the variants in turn."""
    for variant, serial in zip(itertools.cycle(variants), serials, strict=False):
        line = inventory.ReceiptLine(variant_id=variant.id, serial_number=serial, location="A1-S2")
        line.unit_cost.units, line.unit_cost.currency_code = 80, "USD"
        yield line


def messages(lines: Iterable[inventory.ReceiptLine]) -> Iterator[inventory.BatchReceiveItemsRequest]:
    """The messages of one batch."""
    remaining = iter(lines)
    while part := list(itertools.islice(remaining, _LINES_PER_MESSAGE)):
        yield inventory.BatchReceiveItemsRequest(lines=part, reason="bench")


async def receive(stage: Stage, requests: Iterable[inventory.BatchReceiveItemsRequest]) -> list[int]:
    """The ids of the received units, in order. Raises grpc.RpcError."""
    stub = stage.stubs["inventory"]
    answer = await stub.BatchReceiveItems(iter(requests), metadata=stage.credentials, timeout=300)
    return list(answer.item_ids)
