"""Channels, their runs and standing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from usav.sync.v1 import channel_pb2, sync_service_pb2

from chassis.clock import now
from chassis.errors import InvalidArgument
from chassis.etags import etag
from chassis.field_masks import changes
from sync_svc.channels.base import Quota
from sync_svc.convert.common import object_from_proto, object_to_proto, timestamp
from sync_svc.convert.rules import rules_from_proto, rules_to_proto
from sync_svc.domain.channel import Channel, Connection, Platform
from sync_svc.operations.channels import NewChannel, TestOutcome
from sync_svc.queries.channels import Run, Standing

UPDATABLE = (
    "display_name",
    "site",
    "api_base_url",
    "token_url",
    "credentials",
    "webhook_secrets",
    "options",
    "rules",
)
_IGNORED = (
    "id",
    "platform",
    "account",
    "state",
    "connection",
    "credential_names",
    "blocked_until",
    "blocked_message",
    "create_time",
    "update_time",
    "etag",
)
_Platform = channel_pb2.Channel.Platform
_TEXTS = frozenset({"display_name", "site", "api_base_url", "token_url"})


def platform_name(value: int) -> str:
    """A platform's name; empty when unspecified."""
    return _Platform.Name(value) if value else ""  # type: ignore[arg-type]  # an enum value off the wire


def state_name(value: int) -> str:
    """A state's name; empty when unspecified."""
    return channel_pb2.Channel.State.Name(value) if value else ""  # type: ignore[arg-type]  # an enum value off the wire


def run_kind_name(value: int) -> str:
    """A kind's name; empty when unspecified."""
    return channel_pb2.ChannelRun.Kind.Name(value) if value else ""  # type: ignore[arg-type]  # an enum value off the wire


def new_channel(message: channel_pb2.Channel) -> NewChannel:
    """A channel to be made. Raises InvalidArgument."""
    if not message.platform:
        raise InvalidArgument.of("channel.platform", "is required")
    return NewChannel(
        platform=Platform(platform_name(message.platform)),
        account=message.account,
        display_name=message.display_name,
        site=message.site,
        api_base_url=message.api_base_url,
        token_url=message.token_url,
        credentials=dict(message.credentials),
        webhook_secrets=dict(message.webhook_secrets),
        options=object_from_proto(message.options, "channel.options"),
        rules=rules_from_proto(message.rules),
    )


def channel_changes(message: channel_pb2.Channel, mask: FieldMask) -> dict[str, Any]:
    """What an update changes, by column; secrets under their own names. Raises UpdateMaskInvalid, InvalidArgument."""
    values = changes(message, mask, updatable=UPDATABLE, ignored=_IGNORED)
    changed: dict[str, Any] = {name: values[name] or "" for name in _TEXTS & values.keys()}
    for name in ("credentials", "webhook_secrets"):
        if name in values:
            changed[name] = dict(values[name])
    if "options" in values:
        changed["options"] = object_from_proto(message.options, "channel.options")
    if "rules" in values:
        changed |= rules_from_proto(message.rules)
    return changed


def channel_to_proto(channel: Channel, connection: Connection) -> channel_pb2.Channel:
    """A channel as it is answered: without its secrets."""
    blocked = connection in (Connection.AUTH_REFUSED, Connection.THROTTLED)
    return channel_pb2.Channel(
        id=channel.id,
        platform=_Platform.Value(channel.platform),
        account=channel.account,
        display_name=channel.display_name,
        site=channel.site,
        api_base_url=channel.api_base_url,
        token_url=channel.token_url,
        options=object_to_proto(channel.options),
        rules=rules_to_proto(channel.rules),
        state=channel_pb2.Channel.State.Value(channel.state),
        connection=channel_pb2.Channel.Connection.Value(connection),
        credential_names=channel.credential_names,
        blocked_until=timestamp(channel.blocked_until) if blocked else None,
        blocked_message=channel.block_message if blocked else "",
        create_time=timestamp(channel.created_at),
        update_time=timestamp(channel.updated_at),
        etag=etag(channel.version),
    )


def run_to_proto(run: Run) -> channel_pb2.ChannelRun:
    """One run."""
    return channel_pb2.ChannelRun(
        id=run.id,
        channel_id=run.channel_id,
        kind=channel_pb2.ChannelRun.Kind.Value(run.kind),
        start_time=timestamp(run.started_at),
        duration_ms=run.duration_ms,
        item_count=run.item_count,
        failed_count=run.failed_count,
        message=run.message,
    )


def test_to_proto(outcome: TestOutcome) -> sync_service_pb2.TestChannelResponse:
    """How a test went."""
    return sync_service_pb2.TestChannelResponse(
        ok=outcome.ok,
        message=outcome.message,
        account_name=outcome.account_name,
        consent_expire_time=timestamp(outcome.consent_expires_at),
        duration_ms=outcome.duration_ms,
    )


def standing_to_proto(
    standing: Standing,
    connection: Connection,
    message: str,
    quotas: Mapping[str, Quota],
    token_expires_at: datetime | None,
) -> channel_pb2.ChannelStatus:
    """How one channel stands."""
    channel = standing.channel
    return channel_pb2.ChannelStatus(
        channel_id=channel.id,
        platform=_Platform.Value(channel.platform),
        account=channel.account,
        state=channel_pb2.Channel.State.Value(channel.state),
        connection=channel_pb2.Channel.Connection.Value(connection),
        message=message,
        listing_count=standing.listings,
        pending_count=standing.pending,
        dirty_count=standing.dirty,
        error_count=standing.failed,
        oldest_pending_time=timestamp(standing.oldest_pending_at),
        quotas=[_quota(quota) for quota in quotas.values()],
        last_order_time=timestamp(standing.last_order_at),
        last_poll_time=timestamp(standing.last_poll_at),
        attention_count=standing.attention,
        token_expire_time=timestamp(token_expires_at),
        consent_expire_time=timestamp(channel.consent_expires_at),
        warnings=[*channel.warnings(connection, now()), *_parcel_warning(standing.refused_shipments)],
        refused_shipment_count=standing.refused_shipments,
    )


def _parcel_warning(count: int) -> list[str]:
    if not count:
        return []
    text = "1 parcel is" if count == 1 else f"{count} parcels are"
    return [f"{text} refused by the platform: look at the orders, and try again or withdraw."]


def _quota(quota: Quota) -> channel_pb2.ChannelStatus.Quota:
    return channel_pb2.ChannelStatus.Quota(
        name=quota.name, limit=quota.limit, remaining=quota.remaining, reset_time=timestamp(quota.reset_at)
    )
