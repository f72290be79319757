"""Reservations: 64 callers, each unit once, against the bare statement that leaves the same rows behind."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from usav.inventory.v1 import inventory_service_pb2 as inventory

from bench.children import RawLoad
from bench.load import Outcome
from bench.parts import SQL
from bench.pgbench import pgbench_each
from bench.raw_load import RawJob
from bench.report import Row, Section
from bench.rounds import Contender, Samples, interleave
from bench.seeds import make_variants
from bench.stage import Stage
from bench.units import messages, receipt_lines, receive

RESERVE_BAR = 0.5
_METHOD = "/usav.inventory.v1.InventoryService/ReserveItem"
_CALLERS = 64
# As many as the service's own pool has.
_CONNECTIONS = 10
_FIRST_FAMILY = 20_001


@dataclass(frozen=True)
class _Units:
    """Reserves `share` units a round, each unit once."""

    stage: Stage
    raw: RawLoad
    share: int
    ids: itertools.chain[int]

    def _next(self) -> list[int]:
        return list(itertools.islice(self.ids, self.share))

    async def by_hub(self) -> Outcome:
        """Through the service, signed in."""
        requests = [inventory.ReserveItemRequest(id=item, order_reference="bench") for item in self._next()]
        job = self.stage.grpc_job(self.stage.hub.addresses["inventory"], _METHOD, requests, once=True)
        return await self.stage.generator.run(job)

    async def by_asyncpg(self) -> Outcome:
        """The bare statement from Python."""
        sql = (SQL / "reserve.sql").read_text().replace(":item", "$1")
        url = self.stage.hub.database_url
        job = RawJob(url=url, sql=sql, values=self._next(), callers=_CALLERS, connections=_CONNECTIONS)
        return await self.raw.run(job)

    async def by_pgbench(self) -> Outcome:
        """The bare statement from C, a connection per caller."""
        each = self.share // _CALLERS
        scripts = (SQL / "reserve_next.sql").read_text() + (SQL / "reserve.sql").read_text()
        script = self.stage.scratch / "reserve.sql"
        script.write_text(scripts)
        variables = {"first": self._next()[0], "share": each, "place": -1}
        return await pgbench_each(self.stage.hub.database_url, script, variables, clients=_CALLERS, transactions=each)


async def run(stage: Stage) -> Section:
    """Ratios are answers per second of time against the bare statement by asyncpg."""
    scale = stage.scale
    variants = await make_variants(stage, _FIRST_FAMILY, 20)
    share = max(1, scale.units // _CALLERS) * _CALLERS
    total = share * 3 * (scale.rounds + 1)
    serials = (f"R{number:07}" for number in range(total))
    # One batch: the ids of its units follow one another, which pgbench relies on.
    ids = await receive(stage, messages(receipt_lines(variants, serials)))
    async with RawLoad() as raw:
        units = _Units(stage, raw, share, itertools.chain(ids))
        contenders = {
            "hub": Contender(units.by_hub, stage.pid("inventory")),
            "asyncpg": Contender(units.by_asyncpg, raw.pid),
            "pgbench": Contender(units.by_pgbench),
        }
        found = await interleave(contenders, scale.rounds)
    base = found["asyncpg"]
    return Section(
        f"Reservations of distinct units, {_CALLERS} callers (ratio: per second, against the bare statement by asyncpg)",
        [
            _row("ReserveItem, gRPC", found["hub"], base, RESERVE_BAR),
            _row(f"the bare statement, asyncpg, {_CONNECTIONS} connections", base),
            Row(
                f"the bare statement, pgbench, {_CALLERS} connections",
                f"{found['pgbench'].per_second:,.0f}/s",
                found["pgbench"].speed_ratio(base),
            ),
        ],
    )


def _row(what: str, found: Samples, base: Samples | None = None, bar: float | None = None) -> Row:
    measured = f"{found.per_second:,.0f}/s  {found.cpu_us:.0f} us CPU  p50 {found.p50_ms:.1f} p99 {found.p99_ms:.1f} ms"
    return Row(what, measured, found.speed_ratio(base) if base else None, at_least=bar)
