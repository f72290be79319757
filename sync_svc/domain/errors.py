"""The refusals of the sync service, one class per reason of usav.sync.v1.ErrorReason."""

from __future__ import annotations

from collections.abc import Collection

from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Violation,
)

DOMAIN = "sync.usav"


class ChannelNotFound(NotFound):
    """No channel has that id."""

    reason, domain = "CHANNEL_NOT_FOUND", DOMAIN

    def __init__(self, channel_id: int | str) -> None:
        super().__init__(f"There is no channel {channel_id}.", metadata={"channel_id": str(channel_id)})


class OutsideChannels(PermissionDenied):
    """The caller is bound to other channels."""

    reason, domain = "OUTSIDE_YOUR_CHANNELS", DOMAIN

    def __init__(self, channel_id: int, bound: Collection[int]) -> None:
        own = ", ".join(map(str, sorted(bound)))
        super().__init__(
            f"You are bound to channel {own}, and this belongs to channel {channel_id}. An admin can change what you are"
            " bound to.",
            metadata={"channel_id": str(channel_id), "channel_ids": own},
        )


class ChannelExists(AlreadyExists):
    """The platform has a channel of that account."""

    reason, domain = "CHANNEL_EXISTS", DOMAIN


class NoConnector(FailedPrecondition):
    """The platform has no connector."""

    reason, domain = "NO_CONNECTOR", DOMAIN

    def __init__(self, platform: str, why: str = "it has no connector yet") -> None:
        super().__init__(
            f"{platform} cannot be spoken with, as {why}: its listings are kept, and nothing can be sent.",
            metadata={"platform": platform},
        )


class CredentialsMissing(FailedPrecondition):
    """The channel cannot sign in with what it has."""

    reason, domain = "CREDENTIALS_MISSING", DOMAIN

    def __init__(self, channel_id: int, what: str) -> None:
        super().__init__(
            f"The channel's credentials cannot be used: {what}.",
            metadata={"channel_id": str(channel_id)},
            violations=(Violation("credentials", what),),
        )


class ListingNotFound(NotFound):
    """No listing has that id, or it was deleted."""

    reason, domain = "LISTING_NOT_FOUND", DOMAIN

    def __init__(self, listing_id: int) -> None:
        super().__init__(f"There is no listing {listing_id}.", metadata={"listing_id": str(listing_id)})


class PlatformSkuTaken(AlreadyExists):
    """The channel has a listing with that platform SKU."""

    reason, domain = "PLATFORM_SKU_TAKEN", DOMAIN


class ExternalIdTaken(AlreadyExists):
    """The channel has a listing with that external id."""

    reason, domain = "EXTERNAL_ID_TAKEN", DOMAIN


class VariantUnknown(InvalidArgument):
    """The catalog has no such variant, or it is deleted."""

    reason, domain = "VARIANT_UNKNOWN", DOMAIN

    def __init__(self, field: str, value: int | str) -> None:
        text = f"the catalog has no variant {value}"
        super().__init__(f"{field}: {text}", metadata={"variant": str(value)}, violations=(Violation(field, text),))


class ListingBusy(FailedPrecondition):
    """The listing is being pushed at this moment."""

    reason, domain = "LISTING_BUSY", DOMAIN

    def __init__(self, listing_id: int) -> None:
        super().__init__(
            f"Listing {listing_id} is being pushed at this moment; try again in a moment.",
            metadata={"listing_id": str(listing_id)},
            retry_after_s=1,
        )


class OrderNotFound(NotFound):
    """No order has that id."""

    reason, domain = "ORDER_NOT_FOUND", DOMAIN

    def __init__(self, order_id: int) -> None:
        super().__init__(f"There is no order {order_id}.", metadata={"order_id": str(order_id)})


class OrderNotOpen(FailedPrecondition):
    """The order needs nothing."""

    reason, domain = "ORDER_NOT_OPEN", DOMAIN

    def __init__(self, order_id: int, status: str) -> None:
        super().__init__(
            f"Order {order_id} is {status} and needs nothing.", metadata={"order_id": str(order_id), "status": status}
        )


class OrderLineUnknown(InvalidArgument):
    """The order has no such line."""

    reason, domain = "ORDER_LINE_UNKNOWN", DOMAIN

    def __init__(self, order_id: int, line_id: str, field: str = "mappings") -> None:
        super().__init__(
            f"{field}: order {order_id} has no line {line_id!r}",
            metadata={"order_id": str(order_id), "line_id": line_id},
            violations=(Violation(field, f"the order has no line {line_id!r}"),),
        )


class OrderNotShippable(FailedPrecondition):
    """The order, or a line of it, is in no state to leave the house."""

    reason, domain = "ORDER_NOT_SHIPPABLE", DOMAIN

    def __init__(self, order_id: int, status: str, why: str, line_id: str = "") -> None:
        metadata = {"order_id": str(order_id), "status": status} | ({"line_id": line_id} if line_id else {})
        order = f"Order {order_id}" if order_id else "The order"
        super().__init__(f"{order} cannot be shipped: {why}.", metadata=metadata)


class ShippedAlready(FailedPrecondition):
    """There is less left to ship than the parcel holds."""

    reason, domain = "SHIPPED_ALREADY", DOMAIN

    def __init__(self, order_id: int = 0, line_id: str = "", left: int = 0) -> None:
        order = f"Order {order_id}" if order_id else "The order"
        text = (
            f"{order} has {left} left to ship of line {line_id}." if line_id else f"{order} has nothing left to ship."
        )
        super().__init__(text, metadata={"order_id": str(order_id), "line_id": line_id, "left": str(left)})


class TrackingNumberTaken(AlreadyExists):
    """The order has another parcel of that number."""

    reason, domain = "TRACKING_NUMBER_TAKEN", DOMAIN


class ShipmentNotFound(NotFound):
    """The order has no such shipment."""

    reason, domain = "SHIPMENT_NOT_FOUND", DOMAIN

    def __init__(self, order_id: int, shipment_id: int) -> None:
        super().__init__(
            f"Order {order_id} has no shipment {shipment_id}.",
            metadata={"order_id": str(order_id), "shipment_id": str(shipment_id)},
        )


class ShipmentClosed(FailedPrecondition):
    """The shipment can be neither told nor taken back."""

    reason, domain = "SHIPMENT_CLOSED", DOMAIN

    def __init__(self, shipment_id: int, status: str, why: str) -> None:
        super().__init__(
            f"Shipment {shipment_id} is {status}: {why}.",
            metadata={"shipment_id": str(shipment_id), "status": status},
        )


class ShipmentBusy(Aborted):
    """A parcel of the order is being told."""

    reason, domain = "SHIPMENT_BUSY", DOMAIN

    def __init__(self, order_id: int) -> None:
        super().__init__(
            f"A parcel of order {order_id} is being told to its platform; try again in a moment.",
            metadata={"order_id": str(order_id)},
            retry_after_s=1,
        )


class NoConsentFlow(FailedPrecondition):
    """Accounts of the platform are not let in by a consent in the browser."""

    reason, domain = "NO_CONSENT_FLOW", DOMAIN

    def __init__(self, platform: str) -> None:
        super().__init__(
            f"Accounts of {platform} are not connected through the browser: give the channel its credentials.",
            metadata={"platform": platform},
        )


class ConsentRefused(FailedPrecondition):
    """The platform did not take the code, or the consent is too old."""

    reason, domain = "CONSENT_REFUSED", DOMAIN

    def __init__(self, channel_id: int, why: str) -> None:
        super().__init__(
            f"The consent was not taken: {why} Begin anew.", metadata={"channel_id": str(channel_id), "why": why}
        )


class UnmatchedNotFound(NotFound):
    """No unmatched listing has that id (any more)."""

    reason, domain = "UNMATCHED_NOT_FOUND", DOMAIN

    def __init__(self, unmatched_id: int) -> None:
        super().__init__(
            f"There is no unmatched listing {unmatched_id}; perhaps it was matched meanwhile.",
            metadata={"unmatched_id": str(unmatched_id)},
        )


class WebhookRejected(Unauthenticated):
    """The delivery's signature, age or address does not hold."""

    reason, domain = "WEBHOOK_REFUSED", DOMAIN
