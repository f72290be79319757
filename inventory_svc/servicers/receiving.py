"""Taking units into stock and putting them away."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence

import grpc
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from chassis.errors import InvalidArgument
from inventory_svc.convert.items import item_message
from inventory_svc.convert.receipts import LineReader, line_of_item, lines_of_receipt
from inventory_svc.domain.receipt import MAX_UNITS, ReceiptLine, check_size
from inventory_svc.operations.move_items import move_items
from inventory_svc.operations.receive_items import (
    FieldNames,
    location_fields,
    prepare_receipt,
    receive_items,
    receive_units,
)
from inventory_svc.operations.work import Session, TransactionSession
from inventory_svc.servicers.base import InventoryRpcs, cause_of

_MOST_IN_ONE_ANSWER = 1_000


class ReceivingRpcs(InventoryRpcs):
    """CreateItem, ReceiveItems, BatchReceiveItems, MoveItem."""

    async def CreateItem(self, request: service.CreateItemRequest, context: grpc.aio.ServicerContext) -> item_pb2.Item:
        """One unit."""
        lines, names = [line_of_item(request.item)], FieldNames("item.", "item.{}")
        units = await prepare_receipt(self.variants, lines, names)
        places = location_fields(lines, names)
        cause = cause_of(request)

        async def work(session: TransactionSession) -> item_pb2.Item:
            return item_message((await receive_items(session, units, places, cause))[0])

        return await self.work.in_transaction(request, item_pb2.Item, work)

    async def ReceiveItems(
        self, request: service.ReceiveItemsRequest, context: grpc.aio.ServicerContext
    ) -> service.ReceiveItemsResponse:
        """Units of one SKU."""
        lines = lines_of_receipt(request)
        names = FieldNames("", "serial_numbers[{}]")
        units = await prepare_receipt(self.variants, lines, names, limit=_MOST_IN_ONE_ANSWER)
        places = location_fields(lines, names)
        cause = cause_of(request, request.order_reference)

        async def work(session: TransactionSession) -> service.ReceiveItemsResponse:
            items = await receive_items(session, units, places, cause)
            return service.ReceiveItemsResponse(items=[item_message(item) for item in items])

        return await self.work.in_transaction(request, service.ReceiveItemsResponse, work)

    async def BatchReceiveItems(
        self, requests: AsyncIterator[service.BatchReceiveItemsRequest], context: grpc.aio.ServicerContext
    ) -> service.BatchReceiveItemsResponse:
        """Collects the whole stream first: no transaction is open while the caller is sending."""
        first, lines, digest = await _collect(requests)
        names = FieldNames("lines[{}].", "lines[{}].serial_number")
        units = await prepare_receipt(self.variants, lines, names)
        places = location_fields(lines, names)
        cause = cause_of(first, first.order_reference)

        async def work(session: TransactionSession) -> service.BatchReceiveItemsResponse:
            ids = await receive_units(session, units, places, cause)
            return service.BatchReceiveItemsResponse(received_units=len(ids), item_ids=ids)

        return await self.work.in_transaction(first, service.BatchReceiveItemsResponse, work, body=digest)

    async def MoveItem(self, request: service.MoveItemRequest, context: grpc.aio.ServicerContext) -> item_pb2.Item:
        """One unit to another place."""
        cause, location = cause_of(request), request.location.strip()
        ids = [request.id] if request.id else []
        numbers = [request.serial_number] if request.serial_number else []

        async def work(session: Session) -> item_pb2.Item:
            return item_message((await move_items(session, ids, numbers, location, cause))[0])

        return await self.work.in_transaction(request, item_pb2.Item, work)


async def _collect(
    requests: AsyncIterator[service.BatchReceiveItemsRequest],
) -> tuple[service.BatchReceiveItemsRequest, Sequence[ReceiptLine], bytes]:
    """The first message, the lines of all, and a digest of the lines that does not depend on how they were cut up."""
    first: service.BatchReceiveItemsRequest | None = None
    lines: list[ReceiptLine] = []
    reader = LineReader()
    digest = hashlib.sha256()
    total = 0
    async for request in requests:
        first = first or request
        part = [reader.read(line, len(lines) + place) for place, line in enumerate(request.lines)]
        total += check_size(part, MAX_UNITS - total)
        lines += part
        for line in request.lines:
            digest.update(line.SerializeToString(deterministic=True))
    if first is None or not lines:
        raise InvalidArgument.of("lines", "at least one line must be sent")
    digest.update(f"{first.reason}\0{first.order_reference}".encode())
    return first, lines, digest.digest()
