"""Imports of a generated catalogue, the size of the real one and a large one: seconds, and the catalog service's memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from google.api import httpbody_pb2
from usav.catalog.v1 import transfer_pb2

from bench.catalogue import as_csv
from bench.meter import forget_peak, memory_mb
from bench.report import Row, Section
from bench.stage import Stage

REAL_BAR_SECONDS = 5.0
LARGE_BAR_SECONDS = 90.0
# What the service may grow by for a file forty times the size of the real one.
MEMORY_BAR_MB = 60.0
_PIECE = 128 * 1024
_TIMEOUT_SECONDS = 600.0


class ImportBroken(Exception):
    """An import ended without its summary, or reported rows of a file that has nothing wrong in it."""


@dataclass(frozen=True)
class _Run:
    seconds: float
    grown_mb: float
    peak_mb: float


async def run(stage: Stage) -> Section:
    """No ratios: the bars are seconds and megabytes."""
    small, large = stage.scale.real_rows, stage.scale.large_rows
    first, again = await _import(stage, small), await _import(stage, small)
    big = await _import(stage, large)
    return Section(
        "Imports of a generated catalogue (gRPC, listings included)",
        [
            _row(f"{small:,} rows", first, REAL_BAR_SECONDS),
            _row(f"{small:,} rows again, nothing to change", again, REAL_BAR_SECONDS),
            _row(f"{large:,} rows", big, LARGE_BAR_SECONDS),
            Row(
                f"memory of catalog_svc, {large:,} rows against {small:,}",
                f"peak {big.peak_mb:.0f} MB against {first.peak_mb:.0f} MB",
                value=big.peak_mb - first.peak_mb,
                at_most=MEMORY_BAR_MB,
                unit=" MB",
            ),
        ],
    )


async def _import(stage: Stage, rows: int) -> _Run:
    data = as_csv(rows)
    pid = stage.pid("catalog")
    forget_peak(pid)
    before, _ = memory_mb(pid)
    began = time.perf_counter()
    summary = transfer_pb2.ImportSummary()
    call = stage.stubs["catalog"].ImportCatalog(_requests(data), metadata=stage.credentials, timeout=_TIMEOUT_SECONDS)
    async for answer in call:
        if answer.HasField("summary"):
            summary = answer.summary
    seconds = time.perf_counter() - began
    if summary.rows != rows or summary.reported_rows:
        raise ImportBroken(f"{rows} rows were sent; the summary says: {summary}")
    _, peak = memory_mb(pid)
    return _Run(seconds, peak - before, peak)


def _requests(data: bytes) -> Iterator[transfer_pb2.ImportCatalogRequest]:
    for start in range(0, len(data), _PIECE):
        yield transfer_pb2.ImportCatalogRequest(file=httpbody_pb2.HttpBody(data=data[start : start + _PIECE]))


def _row(what: str, found: _Run, bar: float) -> Row:
    measured = f"{found.seconds:.1f} s, memory grew by {found.grown_mb:.0f} MB"
    return Row(what, measured, value=found.seconds, at_most=bar, unit=" s")
