"""The methods on orders and webhooks, and the stream of progress."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.sync.v1 import order_pb2, sync_service_pb2

from chassis.page_tokens import page_size
from sync_svc.channels.base import TOKEN_HEADER
from sync_svc.convert import orders as convert
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.operations import resolve_orders, webhooks
from sync_svc.progress import Event, ListingPushed
from sync_svc.queries import orders as queries
from sync_svc.servicers.base import SyncRpcs, bound_channels

HEARTBEAT_S = 15.0


class OrderRpcs(SyncRpcs):
    """ListOrders, GetOrder, ResolveOrder, ReceiveWebhook, AnswerWebhookChallenge and WatchSync."""

    async def ListOrders(
        self, request: sync_service_pb2.ListOrdersRequest, context: ServicerContext
    ) -> sync_service_pb2.ListOrdersResponse:
        """One page, newest first."""
        page = await queries.list_orders(
            self.desk.db,
            replace(convert.filter_of(request), inside=bound_channels()),
            before_id=self.position(request),
            most=page_size(request.page_size),
        )
        return sync_service_pb2.ListOrdersResponse(
            items=[convert.order_to_proto(order) for order in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1].id),
            total_size=page.total,
        )

    async def GetOrder(self, request: sync_service_pb2.GetOrderRequest, context: ServicerContext) -> order_pb2.Order:
        """One order."""
        order = await queries.get_order(self.desk.db, request.id, bound_channels())
        return convert.order_to_proto(order)

    async def ResolveOrder(
        self, request: sync_service_pb2.ResolveOrderRequest, context: ServicerContext
    ) -> order_pb2.Order:
        """Keeps the mapping under the request id, then tries the order; a repeat answers the order as it is then."""
        skus = {mapping.line_id: mapping.sku for mapping in request.mappings}
        bound = bound_channels()
        variants = await resolve_orders.find_variants(self.desk, skus)

        async def work(conn: AsyncConnection) -> order_pb2.Order:
            return convert.order_to_proto(await resolve_orders.map_lines(conn, request.id, variants, bound))

        await self.once.run(request, order_pb2.Order, work)
        order = await resolve_orders.apply_again(self.desk, request.id, bound)
        self.desk.wake_channel(order.channel_id)
        return convert.order_to_proto(order)

    async def ReceiveWebhook(
        self, request: sync_service_pb2.ReceiveWebhookRequest, context: ServicerContext
    ) -> HttpBody:
        """Trusted by its signature alone."""
        headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        headers[TOKEN_HEADER] = request.token
        await webhooks.receive_webhook(self.desk, request.platform, request.channel_id, headers, request.delivery.data)
        return HttpBody(content_type="application/json", data=b"{}")

    async def AnswerWebhookChallenge(
        self, request: sync_service_pb2.AnswerWebhookChallengeRequest, context: ServicerContext
    ) -> HttpBody:
        """The platform's test of the address."""
        answer = await webhooks.answer_challenge(
            self.desk, request.platform, request.channel_id, request.challenge_code
        )
        return HttpBody(content_type="application/json", data=answer)

    async def WatchSync(
        self, request: sync_service_pb2.WatchSyncRequest, context: ServicerContext
    ) -> AsyncIterator[sync_service_pb2.WatchSyncResponse]:
        """What happens from now on; a heartbeat first, so that the watcher knows that it watches."""
        bound = bound_channels()
        if request.channel_id:
            check_channel(bound, request.channel_id)
        with self.progress.watch() as watcher:
            yield convert.event_to_proto(None)
            async for event in watcher.events(HEARTBEAT_S):
                if event is None or _is_wanted(event, request, bound):
                    yield convert.event_to_proto(event)


def _is_wanted(event: Event, request: sync_service_pb2.WatchSyncRequest, bound: Channels) -> bool:
    if bound is not None and event.channel_id not in bound:
        return False
    if request.channel_id and event.channel_id != request.channel_id:
        return False
    return not request.sku or (isinstance(event, ListingPushed) and event.sku == request.sku.upper())
