"""The methods on drift."""

from __future__ import annotations

from grpc.aio import ServicerContext
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.sync.v1 import drift_pb2

from chassis.page_tokens import page_size
from sync_svc.convert import drift as convert
from sync_svc.operations.reconcile import reconcile
from sync_svc.queries import drift as queries
from sync_svc.servicers.base import SyncRpcs


class DriftRpcs(SyncRpcs):
    """ListDrift and Reconcile."""

    async def ListDrift(
        self, request: drift_pb2.ListDriftRequest, context: ServicerContext
    ) -> drift_pb2.ListDriftResponse:
        """One page, newest first, with the sums over all pages."""
        wanted = convert.filter_of(request)
        page = await queries.list_drift(
            self.desk.db, wanted, before_id=self.position(request), most=page_size(request.page_size)
        )
        answer = drift_pb2.ListDriftResponse(
            items=[convert.drift_to_proto(drift) for drift in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1].id),
            total_size=page.total,
            passes=[convert.pass_to_proto(one) for one in await queries.passes(self.desk.db)],
        )
        convert.add_risk(answer, await queries.risk(self.desk.db, wanted))
        return answer

    async def Reconcile(
        self, request: drift_pb2.ReconcileRequest, context: ServicerContext
    ) -> drift_pb2.ReconcileResponse:
        """Plans under the request id, then wakes the workers."""

        async def work(conn: AsyncConnection) -> drift_pb2.ReconcileResponse:
            return drift_pb2.ReconcileResponse(channel_ids=await reconcile(self.desk, conn, request.channel.strip()))

        answer = await self.once.run(request, drift_pb2.ReconcileResponse, work)
        for channel_id in answer.channel_ids:
            self.desk.alarms.reconciles.of(channel_id).ring_in(0)
        return answer
