"""The service usav.sync.v1.SyncService."""

from __future__ import annotations

from usav.sync.v1 import sync_service_pb2_grpc

from sync_svc.servicers.channels import ChannelRpcs
from sync_svc.servicers.consent import ConsentRpcs
from sync_svc.servicers.drift import DriftRpcs
from sync_svc.servicers.listings import ListingRpcs
from sync_svc.servicers.orders import OrderRpcs
from sync_svc.servicers.shipments import ShipmentRpcs
from sync_svc.servicers.unmatched import UnmatchedRpcs


class SyncServicer(
    ChannelRpcs,
    ConsentRpcs,
    ListingRpcs,
    UnmatchedRpcs,
    DriftRpcs,
    OrderRpcs,
    ShipmentRpcs,
    sync_service_pb2_grpc.SyncServiceServicer,
):
    """Each method translates, calls one operation or query, and translates back."""
