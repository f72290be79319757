"""The methods on channels."""

from __future__ import annotations

from grpc.aio import ServicerContext
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.sync.v1 import channel_event_pb2, channel_pb2, sync_service_pb2

from chassis.page_tokens import page_size
from sync_svc.convert import channels as convert
from sync_svc.convert.channel_events import channel_event_filter, channel_event_to_proto
from sync_svc.domain.channel import Channel
from sync_svc.operations import channels as operations
from sync_svc.operations.reseal import reseal_credentials
from sync_svc.queries import channels as queries
from sync_svc.queries.channel_events import list_channel_events
from sync_svc.servicers.base import SyncRpcs, bound_channels


class ChannelRpcs(SyncRpcs):
    """ListChannels to ListChannelRuns, ListChannelEvents and GetSyncStatus."""

    async def ListChannels(
        self, request: sync_service_pb2.ListChannelsRequest, context: ServicerContext
    ) -> sync_service_pb2.ListChannelsResponse:
        """One page, by id."""
        page = await queries.list_channels(
            self.desk.db,
            bound_channels(),
            platform=convert.platform_name(request.platform),
            state=convert.state_name(request.state),
            after_id=self.position(request) or 0,
            most=page_size(request.page_size),
        )
        return sync_service_pb2.ListChannelsResponse(
            items=[self._answer(channel) for channel in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1].id),
            total_size=page.total,
        )

    async def GetChannel(
        self, request: sync_service_pb2.GetChannelRequest, context: ServicerContext
    ) -> channel_pb2.Channel:
        """One channel."""
        return self._answer(await queries.get_channel(self.desk.db, request.id, bound_channels()))

    async def CreateChannel(
        self, request: sync_service_pb2.CreateChannelRequest, context: ServicerContext
    ) -> channel_pb2.Channel:
        """Stores it under the request id; the supervisor starts its workers."""
        new = convert.new_channel(request.channel)

        async def work(conn: AsyncConnection) -> channel_pb2.Channel:
            return self._answer(await operations.create_channel(self.desk, conn, new))

        return self._woken(await self.once.run(request, channel_pb2.Channel, work))

    async def UpdateChannel(
        self, request: sync_service_pb2.UpdateChannelRequest, context: ServicerContext
    ) -> channel_pb2.Channel:
        """Stores it under the request id; the workers start anew."""
        wanted = request.channel
        changes = convert.channel_changes(wanted, request.update_mask)

        async def work(conn: AsyncConnection) -> channel_pb2.Channel:
            return self._answer(await operations.update_channel(self.desk, conn, wanted.id, wanted.etag, changes))

        return self._woken(await self.once.run(request, channel_pb2.Channel, work))

    async def TestChannel(
        self, request: sync_service_pb2.TestChannelRequest, context: ServicerContext
    ) -> sync_service_pb2.TestChannelResponse:
        """Speaks with the platform."""
        outcome = await operations.test_channel(self.desk, request.id)
        self.desk.wake_channel(request.id)
        return convert.test_to_proto(outcome)

    async def PauseChannel(
        self, request: sync_service_pb2.PauseChannelRequest, context: ServicerContext
    ) -> channel_pb2.Channel:
        """Stores it under the request id."""

        async def work(conn: AsyncConnection) -> channel_pb2.Channel:
            return self._answer(await operations.pause_channel(self.desk, conn, request.id))

        return self._woken(await self.once.run(request, channel_pb2.Channel, work))

    async def ResumeChannel(
        self, request: sync_service_pb2.ResumeChannelRequest, context: ServicerContext
    ) -> channel_pb2.Channel:
        """Stores it under the request id."""

        async def work(conn: AsyncConnection) -> channel_pb2.Channel:
            return self._answer(await operations.resume_channel(self.desk, conn, request.id))

        return self._woken(await self.once.run(request, channel_pb2.Channel, work))

    async def SyncChannelNow(
        self, request: sync_service_pb2.SyncChannelNowRequest, context: ServicerContext
    ) -> sync_service_pb2.SyncChannelNowResponse:
        """Queues under the request id, then wakes the workers."""

        async def work(conn: AsyncConnection) -> sync_service_pb2.SyncChannelNowResponse:
            queued = await operations.sync_channel_now(self.desk, conn, request.id)
            return sync_service_pb2.SyncChannelNowResponse(queued_count=queued)

        answer = await self.once.run(request, sync_service_pb2.SyncChannelNowResponse, work)
        self.desk.wake_channel(request.id)
        return answer

    async def ResealCredentials(
        self, request: sync_service_pb2.ResealCredentialsRequest, context: ServicerContext
    ) -> sync_service_pb2.ResealCredentialsResponse:
        """All channels in one transaction under the request id."""

        async def work(conn: AsyncConnection) -> sync_service_pb2.ResealCredentialsResponse:
            done = await reseal_credentials(self.desk, conn)
            return sync_service_pb2.ResealCredentialsResponse(
                resealed_count=done.count, unreadable_channel_ids=done.unreadable
            )

        return await self.once.run(request, sync_service_pb2.ResealCredentialsResponse, work)

    async def ListChannelRuns(
        self, request: sync_service_pb2.ListChannelRunsRequest, context: ServicerContext
    ) -> sync_service_pb2.ListChannelRunsResponse:
        """One page, newest first."""
        page = await queries.list_runs(
            self.desk.db,
            request.id,
            bound_channels(),
            kind=convert.run_kind_name(request.kind),
            before_id=self.position(request),
            most=page_size(request.page_size),
        )
        return sync_service_pb2.ListChannelRunsResponse(
            items=[convert.run_to_proto(run) for run in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1].id),
            total_size=page.total,
        )

    async def ListChannelEvents(
        self, request: channel_event_pb2.ListChannelEventsRequest, context: ServicerContext
    ) -> channel_event_pb2.ListChannelEventsResponse:
        """One page of the audit trail, newest first."""
        page = await list_channel_events(
            self.desk.db,
            channel_event_filter(request),
            before_id=self.position(request),
            most=page_size(request.page_size),
        )
        return channel_event_pb2.ListChannelEventsResponse(
            items=[channel_event_to_proto(event_id, event) for event_id, event in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1][0]),
            total_size=page.total,
        )

    async def GetSyncStatus(
        self, request: sync_service_pb2.GetSyncStatusRequest, context: ServicerContext
    ) -> sync_service_pb2.SyncStatus:
        """Every channel."""
        standings = await queries.standings(self.desk.db, self.totals, bound_channels())
        return sync_service_pb2.SyncStatus(channels=[self._standing(standing) for standing in standings])

    def _standing(self, standing: queries.Standing) -> channel_pb2.ChannelStatus:
        channel = standing.channel
        connector = self.desk.connectors.in_use(channel.id)
        quotas = {quota.name: quota for quota in connector.quotas()} if connector else {}
        message = self.desk.connectors.trouble(channel) or channel.block_message
        token_expires_at = connector.token_expires_at() if connector else None
        return convert.standing_to_proto(standing, self.connection(channel), message, quotas, token_expires_at)

    def _answer(self, channel: Channel) -> channel_pb2.Channel:
        return convert.channel_to_proto(channel, self.connection(channel))

    def _woken(self, channel: channel_pb2.Channel) -> channel_pb2.Channel:
        self.desk.wake_channel(channel.id)
        return channel
