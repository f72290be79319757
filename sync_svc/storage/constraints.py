"""What a refusal of the database means, by the constraint's name."""

from __future__ import annotations

from chassis.database_errors import ConstraintDetail, Constraints
from chassis.errors import HubError
from sync_svc.domain.errors import (
    ChannelExists,
    ChannelNotFound,
    ExternalIdTaken,
    OrderNotShippable,
    PlatformSkuTaken,
    ShippedAlready,
    TrackingNumberTaken,
)
from sync_svc.domain.order import OrderStatus


def _channel_exists(_: ConstraintDetail) -> HubError:
    return ChannelExists("The platform has a channel of that account already.")


def _platform_sku_taken(_: ConstraintDetail) -> HubError:
    return PlatformSkuTaken("The channel has a listing with that platform SKU already.")


def _external_id_taken(_: ConstraintDetail) -> HubError:
    return ExternalIdTaken("The channel has a listing with that external id already.")


def _channel_not_found(_: ConstraintDetail) -> HubError:
    return ChannelNotFound("of that id")


def _cancelled_meanwhile(_: ConstraintDetail) -> HubError:
    return OrderNotShippable(0, OrderStatus.CANCELLED.value, "it is cancelled")


def _shipped_already(_: ConstraintDetail) -> HubError:
    return ShippedAlready()


def _tracking_number_taken(_: ConstraintDetail) -> HubError:
    return TrackingNumberTaken("The order has another parcel of that tracking number.")


CONSTRAINTS: Constraints = {
    "shipment_within_order": _shipped_already,
    "shipment_not_cancelled": _cancelled_meanwhile,
    "uq_shipment_order_id_tracking_number": _tracking_number_taken,
    "uq_channel_platform_account": _channel_exists,
    "uq_listing_channel_id_platform_sku": _platform_sku_taken,
    "uq_listing_channel_id_external_id": _external_id_taken,
    "fk_listing_channel_id": _channel_not_found,
}
