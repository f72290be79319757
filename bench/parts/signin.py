"""What it costs to be safe: a token on a warm call, a sign-in beside its hash, the end of a session until it is refused."""

from __future__ import annotations

import asyncio
import base64
import statistics
import time
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
from usav.auth.v1 import auth_service_pb2, auth_service_pb2_grpc, user_pb2
from usav.catalog.v1 import registry_pb2, variant_pb2
from usav.inventory.v1 import location_pb2
from usav.sync.v1 import sync_service_pb2

from bench.children import GuardedServer, RawArgon2
from bench.guarded_server import GUARDED, OPEN
from bench.load import Job, percentile
from bench.raw_argon2 import ArgonJob
from bench.report import Row, Section
from bench.rounds import Contender, Samples, interleave
from bench.seeds import make_variants
from bench.stage import Stage, empty_job
from bench.wire import grpc_message

COST_BAR, SIGN_IN_BAR, REVOCATION_BAR_MS = 5.0, 0.8, 2000.0
_FIRST_FAMILY = 60_001
_PASSWORD = "nine purple lanterns"
# Each user signs in under a lock of its own row, as people do.
_USERS = 16
# As many as the service hashes at a time.
_THREADS = 2
_POLL_SECONDS = 0.005


async def run(stage: Stage) -> Section:
    """All three."""
    async with grpc.aio.insecure_channel(stage.hub.addresses["auth"]) as channel:
        auth: Any = auth_service_pb2_grpc.AuthServiceStub(channel)
        users = [await _new_user(stage, auth, number) for number in range(_USERS)]
        return Section(
            "Signing in (cost in CPU time of the serving process; sign-ins per second of time against argon2 alone)",
            [
                *await _cost_of_a_token(stage),
                *await _sign_ins(stage, users),
                *await _revocations(stage, auth, users),
            ],
        )


async def _new_user(stage: Stage, auth: Any, number: int) -> str:
    username = f"bench_{number}"
    new = user_pb2.NewUser(username=username, password=_PASSWORD, role=user_pb2.User.SALES_REP)
    await auth.CreateUser(auth_service_pb2.CreateUserRequest(user=new), metadata=stage.credentials, timeout=30)
    return username


async def _cost_of_a_token(stage: Stage) -> list[Row]:
    """A handler that does nothing, without a token at the open door and with one at the guarded, beside a point read."""
    variants = await make_variants(stage, _FIRST_FAMILY, stage.scale.families)
    points = [variant_pb2.GetVariantBySkuRequest(full_sku=variant.full_sku) for variant in variants]
    catalog = stage.grpc_job(stage.hub.addresses["catalog"], "/usav.catalog.v1.CatalogService/GetVariantBySku", points)
    async with GuardedServer() as server:
        guarded = replace(
            empty_job(server.address, GUARDED, stage.scale.seconds),
            secret=[("authorization", f"Bearer {server.token}")],
        )
        jobs: dict[str, tuple[Job, int]] = {
            "open": (empty_job(server.address, OPEN, stage.scale.seconds), server.pid),
            "guarded": (guarded, server.pid),
            "point": (catalog, stage.pid("catalog")),
        }
        run_job = stage.generator.run
        contenders = {name: Contender(partial(run_job, job), pid) for name, (job, pid) in jobs.items()}
        # The difference of two alike needs more rounds than either.
        rounds = stage.scale.rounds * 3 if stage.scale.rounds > 1 else 1
        found = await interleave(contenders, rounds)
    share = _share(found["open"], found["guarded"], found["point"])
    measured = (
        f"{found['guarded'].cpu_us - found['open'].cpu_us:.0f} us of {found['point'].cpu_us:.0f} us CPU"
        f" ({found['open'].cpu_us:.0f} us without, {found['guarded'].cpu_us:.0f} us with a token)"
    )
    return [Row("a token on a warm call, of a point read", measured, value=share, at_most=COST_BAR, unit=" %")]


def _share(without: Samples, with_token: Samples, point: Samples) -> float:
    """The median over the rounds of what the token adds, in percent of a point read."""
    rounds = zip(without.rounds, with_token.rounds, point.rounds, strict=True)
    return 100 * statistics.median(
        (1 / guarded.per_cpu_second - 1 / opened.per_cpu_second) * read.per_cpu_second
        for opened, guarded, read in rounds
    )


async def _sign_ins(stage: Stage, users: list[str]) -> list[Row]:
    requests = [
        auth_service_pb2.IssueTokenRequest(grant_type="password", username=name, password=_PASSWORD) for name in users
    ]
    job = replace(
        empty_job(stage.hub.addresses["auth"], "/usav.auth.v1.AuthService/IssueToken", stage.scale.seconds * 2),
        bodies=[base64.b64encode(grpc_message(one.SerializeToString())).decode() for one in requests],
        connections=2,
        streams=_USERS // 2,
    )
    async with RawArgon2() as raw:
        contenders = {
            "hub": Contender(partial(stage.generator.run, job), stage.pid("auth")),
            "raw": Contender(partial(raw.run, ArgonJob(_THREADS, job.seconds)), raw.pid),
        }
        found = await interleave(contenders, stage.scale.rounds)
    hub, base = found["hub"], found["raw"]
    return [
        Row("sign-ins, gRPC", _rate(hub), hub.speed_ratio(base), at_least=SIGN_IN_BAR),
        Row(f"argon2 alone, {_THREADS} threads", _rate(base)),
    ]


def _rate(found: Samples) -> str:
    return (
        f"{found.per_second:.1f}/s  {found.cpu_us / 1000:.1f} ms CPU  p50 {found.p50_ms:.0f} p99 {found.p99_ms:.0f} ms"
    )


async def _revocations(stage: Stage, auth: Any, users: list[str]) -> list[Row]:
    took = [
        await _until_refused_everywhere(stage, auth, users[number % len(users)])
        for number in range(stage.scale.revocations)
    ]
    p50, p99 = (percentile(took, share) * 1000 for share in (0.5, 0.99))
    measured = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms of {len(took)}"
    what = "from the end of a session to its last service's refusal"
    return [Row(what, measured, value=p99, at_most=REVOCATION_BAR_MS, unit=" ms p99")]


async def _until_refused_everywhere(stage: Stage, auth: Any, username: str) -> float:
    """Seconds from the answer that the session has ended until all four services refuse its token."""
    grant = auth_service_pb2.IssueTokenRequest(grant_type="password", username=username, password=_PASSWORD)
    tokens = await auth.IssueToken(grant, timeout=30)
    signed = (("authorization", f"Bearer {tokens.access_token}"),)
    calls = {
        "auth": partial(auth.GetMe, auth_service_pb2.GetMeRequest()),
        "catalog": partial(stage.stubs["catalog"].ListColors, registry_pb2.ListColorsRequest(page_size=1)),
        "inventory": partial(stage.stubs["inventory"].ListLocations, location_pb2.ListLocationsRequest(page_size=1)),
        "sync": partial(stage.stubs["sync"].ListChannels, sync_service_pb2.ListChannelsRequest(page_size=1)),
    }
    for call in calls.values():
        await call(metadata=signed, timeout=30)
    (session,) = (
        one
        for one in (await auth.ListMySessions(auth_service_pb2.ListMySessionsRequest(), metadata=signed)).items
        if one.is_current
    )
    await auth.EndMySession(auth_service_pb2.EndMySessionRequest(id=session.id), metadata=signed, timeout=30)
    began = time.perf_counter()
    return max(await asyncio.gather(*(_refused_after(call, signed, began) for call in calls.values())))


async def _refused_after(call: Any, signed: tuple[tuple[str, str], ...], began: float) -> float:
    while True:
        asked = time.perf_counter()
        try:
            await call(metadata=signed, timeout=30)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                raise
            return asked - began
        await asyncio.sleep(_POLL_SECONDS)
