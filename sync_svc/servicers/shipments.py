"""The methods on parcels of orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from grpc.aio import ServicerContext
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.sync.v1 import order_pb2, sync_service_pb2

from chassis.clock import now
from chassis.context import current_call
from sync_svc.convert.orders import order_to_proto
from sync_svc.convert.shipments import new_shipment
from sync_svc.domain.order import Order
from sync_svc.operations import ship_orders as operations
from sync_svc.servicers.base import SyncRpcs, bound_channels

Request = (
    sync_service_pb2.ShipOrderRequest | sync_service_pb2.RetryShipmentRequest | sync_service_pb2.WithdrawShipmentRequest
)


class ShipmentRpcs(SyncRpcs):
    """ShipOrder, RetryShipment and WithdrawShipment."""

    async def ShipOrder(self, request: sync_service_pb2.ShipOrderRequest, context: ServicerContext) -> order_pb2.Order:
        """Recorded under the request id; the worker tells the platform."""
        new = new_shipment(request, recorded_by=current_call().principal.username, now=now())
        operations.check_new(new, now())
        return await self._recorded(request, request.id, lambda conn: operations.ship_order(conn, request.id, new))

    async def RetryShipment(
        self, request: sync_service_pb2.RetryShipmentRequest, context: ServicerContext
    ) -> order_pb2.Order:
        """Made due under the request id, then the worker is woken."""
        return await self._recorded(
            request, request.order_id, lambda conn: operations.retry_shipment(conn, request.order_id, request.id)
        )

    async def WithdrawShipment(
        self, request: sync_service_pb2.WithdrawShipmentRequest, context: ServicerContext
    ) -> order_pb2.Order:
        """Taken back under the request id."""
        return await self._recorded(
            request, request.order_id, lambda conn: operations.withdraw_shipment(conn, request.order_id, request.id)
        )

    async def _recorded(
        self, request: Request, order_id: int, change: Callable[[AsyncConnection], Awaitable[Order]]
    ) -> order_pb2.Order:
        bound = bound_channels()

        async def work(conn: AsyncConnection) -> order_pb2.Order:
            await operations.check_reach(conn, order_id, bound)
            return order_to_proto(await change(conn))

        answer = await self.once.run(request, order_pb2.Order, work)
        self.desk.alarms.shipments.of(answer.channel_id).ring_in(0)
        self.desk.alarms.orders.of(answer.channel_id).ring_in(0)
        return answer
