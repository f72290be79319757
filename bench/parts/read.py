"""Reads: a variant by its SKU and a page of variants, over gRPC and as JSON, against an empty handler and raw Postgres.

And what tracing costs a read: recorded always, seldom, and not at all.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

from usav.catalog.v1 import variant_pb2

from bench.children import EmptyServer
from bench.empty_server import PATH as EMPTY_PATH
from bench.parts import SQL
from bench.pgbench import pgbench
from bench.report import Row, Section
from bench.rounds import Contender, Samples, interleave
from bench.seeds import make_variants
from bench.stage import Stage, empty_job
from bench.traced import Traced, look_us, traced_catalogs

POINT_READ_BAR = 0.35
_SERVICE = "/usav.catalog.v1.CatalogService"
_PAGE = 50
_CLIENTS = 16
_TRACED_PERCENTS = (100.0, 1.0)


async def run(stage: Stage) -> Section:
    """Ratios are to the empty handler, per second of the server's CPU time."""
    variants = await make_variants(stage, 1, stage.scale.families)
    skus = [variant.full_sku for variant in variants]
    random.Random(1).shuffle(skus)
    async with EmptyServer() as empty, traced_catalogs(stage, _TRACED_PERCENTS) as traced:
        found = await interleave(_contenders(stage, empty, traced, skus), stage.scale.rounds)
    base, point = found["empty"], found["point"]
    return Section(
        "Reads (ratio: answers per CPU second of the serving process, against the empty handler)",
        [
            _row("empty grpc.aio handler", base),
            _row("GetVariantBySku, gRPC", point, base, POINT_READ_BAR),
            _row("GetVariantBySku, JSON through the gateway", found["point json"], base),
            _row(f"ListVariants, {_PAGE} rows, gRPC", found["list"], base),
            _row(f"ListVariants, {_PAGE} rows, JSON through the gateway", found["list json"], base),
            _row("GetVariantBySku, every call traced (ratio: to none)", found["traced"], point),
            _row("GetVariantBySku, one call in a hundred traced (ratio: to none)", found["seldom traced"], point),
            Row("tracing off: the look whether it is on, once a call served", f"{look_us():.3f} us CPU"),
            Row("the same point read, raw Postgres (pgbench, prepared)", f"{found['raw'].per_second:,.0f}/s"),
        ],
    )


def _contenders(stage: Stage, empty: EmptyServer, traced: Sequence[Traced], skus: list[str]) -> dict[str, Contender]:
    catalog, pid, run_job = stage.hub.addresses["catalog"], stage.pid("catalog"), stage.generator.run
    points = [variant_pb2.GetVariantBySkuRequest(full_sku=sku) for sku in skus]
    pages = [variant_pb2.ListVariantsRequest(page_size=_PAGE)]
    jobs = {
        "empty": (empty_job(empty.address, EMPTY_PATH, stage.scale.seconds), empty.pid),
        "point": (stage.grpc_job(catalog, f"{_SERVICE}/GetVariantBySku", points), pid),
        "point json": (stage.json_job([f"/api/v1/variants/sku/{sku}" for sku in skus]), pid),
        "list": (stage.grpc_job(catalog, f"{_SERVICE}/ListVariants", pages), pid),
        "list json": (stage.json_job([f"/api/v1/variants?page_size={_PAGE}"]), pid),
    }
    for name, one in zip(("traced", "seldom traced"), traced, strict=True):
        # CPU time alone is of interest here, which half the time tells as well.
        half = stage.scale.seconds / 2
        jobs[name] = (stage.grpc_job(one.address, f"{_SERVICE}/GetVariantBySku", points, seconds=half), one.pid)
    contenders = {name: Contender(partial(run_job, job), cost) for name, (job, cost) in jobs.items()}
    raw = partial(
        pgbench,
        stage.hub.database_url,
        SQL / "point_read.sql",
        {"families": stage.scale.families},
        clients=_CLIENTS,
        seconds=stage.scale.seconds,
    )
    return {**contenders, "raw": Contender(raw)}


def _row(what: str, found: Samples, base: Samples | None = None, bar: float | None = None) -> Row:
    measured = f"{found.per_second:,.0f}/s  {found.cpu_us:.0f} us CPU  p50 {found.p50_ms:.1f} p99 {found.p99_ms:.1f} ms"
    return Row(what, measured, found.cpu_ratio(base) if base else None, at_least=bar)
