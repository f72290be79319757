"""Costs of goods sold, and the outcome of a verification, to protos."""

from __future__ import annotations

from usav.inventory.v1 import proof_pb2

from inventory_svc.convert.items import STATUS_VALUE
from inventory_svc.convert.values import to_money_message
from inventory_svc.domain.item import Status
from inventory_svc.domain.ledger import ChainBreak
from inventory_svc.domain.money import Money
from inventory_svc.queries.value import Sold, SoldPart
from inventory_svc.queries.verification import Tally


def sold_message(sold: Sold) -> proof_pb2.CostOfGoodsSold:
    """The costs in all and divided."""
    return proof_pb2.CostOfGoodsSold(
        total=_sold_part(sold.total),
        by_family=[_sold_part(part, product_id=int(part.key)) for part in sold.by_family],
        by_condition=[_sold_part(part, condition_code=str(part.key)) for part in sold.by_condition],
    )


def _sold_part(part: SoldPart, *, product_id: int = 0, condition_code: str = "") -> proof_pb2.CostOfGoodsSoldPart:
    return proof_pb2.CostOfGoodsSoldPart(
        product_id=product_id,
        condition_code=condition_code,
        sold_units=part.sold_units,
        returned_units=part.returned_units,
        units_without_cost=part.units_without_cost,
        costs=[to_money_message(Money(amount, currency)) for amount, currency in part.costs],
    )


def finding_response(found: ChainBreak) -> proof_pb2.VerifyLedgerResponse:
    """Something that is wrong."""
    finding = proof_pb2.LedgerFinding(
        item_id=found.item_id, movement_id=found.movement_id, sequence=found.sequence, what=found.what
    )
    return proof_pb2.VerifyLedgerResponse(finding=finding)


def progress_response(tally: Tally) -> proof_pb2.VerifyLedgerResponse:
    """How far it has come."""
    progress = proof_pb2.LedgerProgress(units=tally.units, movements=tally.movements)
    return proof_pb2.VerifyLedgerResponse(progress=progress)


def summary_response(tally: Tally) -> proof_pb2.VerifyLedgerResponse:
    """The end."""
    counts = [
        proof_pb2.LedgerCount(
            status=STATUS_VALUE[status], ledger_units=tally.by_ledger[status], present_units=tally.present[status]
        )
        for status in Status
    ]
    return proof_pb2.VerifyLedgerResponse(
        summary=proof_pb2.LedgerSummary(
            units=tally.units, movements=tally.movements, findings=tally.findings, counts=counts
        )
    )
