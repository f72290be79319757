"""The events of an import as messages."""

from __future__ import annotations

from usav.catalog.v1 import transfer_pb2

from catalog_svc.operations.importing.report import RowResult, RowStatus
from catalog_svc.operations.importing.run import Event, Outcome, Progress

_STATUS = transfer_pb2.ImportRowResult.Status.Value


def import_message(event: Event) -> transfer_pb2.ImportCatalogResponse:
    """One part of the report."""
    if isinstance(event, Progress):
        progress = transfer_pb2.ImportProgress(stage=event.stage, done=event.done, total=event.total)
        return transfer_pb2.ImportCatalogResponse(progress=progress)
    if isinstance(event, Outcome):
        return transfer_pb2.ImportCatalogResponse(summary=_summary(event))
    return transfer_pb2.ImportCatalogResponse(rows=[_row(result) for result in event])


def _row(result: RowResult) -> transfer_pb2.ImportRowResult:
    message = transfer_pb2.ImportRowResult(
        line=result.line, status=_STATUS(result.status.value), full_sku=result.full_sku, notes=result.notes
    )
    if result.problem is not None:
        message.field = result.problem.column
        message.reason = result.problem.reason
        message.message = result.problem.message
    return message


def _summary(outcome: Outcome) -> transfer_pb2.ImportSummary:
    made, ended = outcome.report.made, outcome.summary.by_status
    return transfer_pb2.ImportSummary(
        rows=outcome.report.rows,
        created_rows=ended[RowStatus.CREATED],
        updated_rows=ended[RowStatus.UPDATED],
        unchanged_rows=ended[RowStatus.UNCHANGED],
        reported_rows=ended[RowStatus.REPORTED],
        created_families=made["family"],
        created_identities=made["identity"],
        created_variants=made["variant"],
        created_recipe_lines=made["bundle_component"],
        created_colors=made["color"],
        created_listings=made["listing"],
        dry_run=outcome.report.dry_run,
        reported_by_reason=outcome.summary.by_reason,
    )
