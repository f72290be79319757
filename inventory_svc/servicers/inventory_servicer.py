"""InventoryService as one class; the rpcs stand by subject in the modules beside."""

from __future__ import annotations

from inventory_svc.servicers.after_sale import AfterSaleRpcs
from inventory_svc.servicers.allocations import AllocationRpcs
from inventory_svc.servicers.batches import BatchRpcs
from inventory_svc.servicers.claiming import ClaimingRpcs
from inventory_svc.servicers.counts import CountRpcs
from inventory_svc.servicers.items import ItemRpcs
from inventory_svc.servicers.locations import LocationRpcs
from inventory_svc.servicers.proof import ProofRpcs
from inventory_svc.servicers.receiving import ReceivingRpcs
from inventory_svc.servicers.stock import StockRpcs
from inventory_svc.servicers.transfers import TransferRpcs
from inventory_svc.servicers.watching import WatchingRpcs


class InventoryServicer(
    ItemRpcs,
    ReceivingRpcs,
    ClaimingRpcs,
    AllocationRpcs,
    AfterSaleRpcs,
    BatchRpcs,
    LocationRpcs,
    CountRpcs,
    TransferRpcs,
    StockRpcs,
    ProofRpcs,
    WatchingRpcs,
):
    """All rpcs of InventoryService."""
