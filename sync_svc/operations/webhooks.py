"""Takes webhooks in: check the signature, keep the hint, answer; the work comes after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import HubError, Unavailable
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelError, Hint, HintKind, WebhookRefused
from sync_svc.domain.channel import Channel
from sync_svc.domain.errors import ChannelNotFound, CredentialsMissing, NoConnector, WebhookRejected
from sync_svc.operations.channels import webhook_endpoint
from sync_svc.operations.desk import Desk
from sync_svc.storage.deliveries import accept_hints, queue_orders

MOST_BODY_BYTES = 256 * 1024
_REFUSED = "The delivery is refused: its address or its signature does not hold."


async def receive_webhook(desk: Desk, platform: str, channel_id: int, headers: Mapping[str, str], body: bytes) -> int:
    """Keep what a delivery points at; answers how many orders it newly points at. Safe to repeat.

    Raises WebhookRejected, and Unavailable when the signature cannot be checked now.
    """
    channel, connector = await _addressee(desk, platform, channel_id)
    if len(body) > MOST_BODY_BYTES:
        raise WebhookRejected(_REFUSED)
    try:
        hints = await _verified(connector, headers, body)
    except WebhookRejected:
        # Its secrets may be newer than what is remembered of the channel.
        renewed, connector = await _addressee(desk, platform, channel_id, afresh=True)
        if renewed.version == channel.version:
            raise
        hints = await _verified(connector, headers, body)
    queued = await keep_hints(desk.db, channel_id, hints)
    if queued:
        desk.alarms.orders.of(channel_id).ring_in(0)
    return queued


async def keep_hints(db: Database, channel_id: int, hints: Sequence[Hint]) -> int:
    """Keep hints and queue the orders they point at; answers how many are newly pointed at. Safe to repeat."""
    # The hub's own pushes come back as hints about listings, several for each sale; they cost nothing here.
    about_orders = [hint for hint in hints if hint.kind is HintKind.ORDER]
    if not about_orders:
        return 0

    async def work(conn: AsyncConnection) -> list[str]:
        external_order_ids = await accept_hints(conn, channel_id, about_orders)
        if external_order_ids:
            await queue_orders(conn, channel_id, external_order_ids)
        return external_order_ids

    return len(await db.run(work))


async def answer_challenge(desk: Desk, platform: str, channel_id: int, challenge_code: str) -> bytes:
    """The JSON a platform wants to see at its webhook address. Raises WebhookRejected."""
    channel, connector = await _addressee(desk, platform, channel_id)
    endpoint = desk.connectors.webhook_secrets(channel).get("endpoint") or webhook_endpoint(desk.public_url, channel)
    try:
        return connector.answer_challenge(endpoint, challenge_code)
    except WebhookRefused as error:
        raise WebhookRejected(_REFUSED) from error


async def _addressee(desk: Desk, platform: str, channel_id: int, *, afresh: bool = False) -> tuple[Channel, Connector]:
    """The channel and its connector; a wrong address is told apart from a forged delivery by nobody."""
    try:
        channel = await desk.recent.get(channel_id, afresh=afresh)
        connector = desk.connectors.of(channel)
    except (ChannelNotFound, NoConnector, CredentialsMissing) as error:
        raise WebhookRejected(_REFUSED) from error
    if channel.platform.lower() != platform.lower():
        raise WebhookRejected(_REFUSED)
    return channel, connector


async def _verified(connector: Connector, headers: Mapping[str, str], body: bytes) -> list[Hint]:
    try:
        return await connector.verify_webhook(headers, body)
    except WebhookRefused as error:
        raise WebhookRejected(_REFUSED) from error
    except ChannelError as error:
        raise _unchecked(error) from error


def _unchecked(error: ChannelError) -> HubError:
    return Unavailable(
        "The delivery's signature cannot be checked just now; send it again later.", retry_after_s=error.retry_after_s
    )
