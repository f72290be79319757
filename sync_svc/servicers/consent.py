"""The methods on consent through the browser."""

from __future__ import annotations

from grpc.aio import ServicerContext
from usav.sync.v1 import channel_pb2, consent_pb2

from chassis.clock import now
from chassis.context import current_call
from sync_svc.channels.consent import Granted
from sync_svc.convert.channels import channel_to_proto
from sync_svc.convert.common import timestamp
from sync_svc.operations import consent as operations
from sync_svc.servicers.base import SyncRpcs


class ConsentRpcs(SyncRpcs):
    """BeginConsent and FinishConsent."""

    async def BeginConsent(
        self, request: consent_pb2.BeginConsentRequest, context: ServicerContext
    ) -> consent_pb2.BeginConsentResponse:
        """Keeps nothing."""
        begun = await operations.begin_consent(
            self.desk,
            request.id,
            request.redirect_uri,
            dict(request.credentials),
            caller=current_call().principal.user_id,
            now=now(),
        )
        return consent_pb2.BeginConsentResponse(
            authorize_url=begun.authorize_url, state=begun.state, expire_time=timestamp(begun.expires_at)
        )

    async def FinishConsent(
        self, request: consent_pb2.FinishConsentRequest, context: ServicerContext
    ) -> channel_pb2.Channel:
        """Stored once the platform has given tokens; the workers start anew."""
        channel = await operations.finish_consent(
            self.desk,
            request.id,
            request.state,
            Granted(request.code, "", dict(request.answers)),
            dict(request.credentials),
            caller=current_call().principal.user_id,
            now=now(),
        )
        self.desk.wake_channel(channel.id)
        return channel_to_proto(channel, self.connection(channel))
