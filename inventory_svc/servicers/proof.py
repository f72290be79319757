"""What the ledger proves: value, costs, and that it is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import proof_pb2

from chassis.errors import InvalidArgument
from inventory_svc.convert.proof import finding_response, progress_response, sold_message, summary_response
from inventory_svc.convert.stock import value_filter, value_message
from inventory_svc.convert.values import to_moment
from inventory_svc.queries.value import cost_of_goods_sold, stock_value
from inventory_svc.queries.verification import Tally, verify
from inventory_svc.servicers.base import InventoryRpcs


class ProofRpcs(InventoryRpcs):
    """GetStockValue, GetCostOfGoodsSold, VerifyLedger."""

    async def GetStockValue(
        self, request: service.GetStockValueRequest, context: grpc.aio.ServicerContext
    ) -> service.StockValue:
        """The stock on hand at cost, now or then."""
        return value_message(await stock_value(self.work.reports, value_filter(request)))

    async def GetCostOfGoodsSold(
        self, request: proof_pb2.GetCostOfGoodsSoldRequest, context: grpc.aio.ServicerContext
    ) -> proof_pb2.CostOfGoodsSold:
        """What was sold between two times."""
        start, until = to_moment(request.start_time, "start_time"), to_moment(request.end_time, "end_time")
        if until <= start:
            raise InvalidArgument.of("end_time", "must be after start_time")
        return sold_message(await cost_of_goods_sold(self.work.reports, start, until))

    async def VerifyLedger(
        self, request: proof_pb2.VerifyLedgerRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[proof_pb2.VerifyLedgerResponse]:
        """Every unit and every row."""
        tally = Tally()
        async for findings in verify(self.work.reports, request.item_id, tally):
            for found in findings:
                yield finding_response(found)
            yield progress_response(tally)
        yield summary_response(tally)
