"""Delivers webhooks: signs each attempt, retries as the platform does in shortened time, and lets them go astray on demand.

Only loopback addresses are called. Pending messages live in memory and end with the process.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from sandbox.faults import FaultRule, Switchboard
from sandbox.wire import Json

_MAX_PENDING = 20_000
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Writing:
    """How one attempt is to be written."""

    attempt: int = 1
    age_s: float = 0.0
    forged: bool = False


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message. `write` gives body and headers of an attempt; `waits_s` are the pauses before the retries.

    A forgery goes to `forged_url`, where the address itself is the secret that the forger does not know.
    """

    platform: str
    account: str
    event: str
    url: str
    write: Callable[[Writing], tuple[bytes, dict[str, str]]]
    waits_s: tuple[float, ...]
    accepted: frozenset[int]
    forged_url: str = ""

    def address(self, writing: Writing) -> str:
        """Where an attempt goes."""
        return self.forged_url if writing.forged and self.forged_url else self.url


def is_loopback_url(url: str) -> bool:
    """Whether the URL leads to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in {"http", "https"} and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


class Courier:
    """Sends parcels side by side, at most 32 at once."""

    def __init__(self, faults: Switchboard) -> None:
        self._faults = faults
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._sent = asyncio.Event()
        self.time_scale: Callable[[], float] = lambda: 1.0
        self.deliveries: deque[Json] = deque(maxlen=5000)
        self.counts: Counter[str] = Counter()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The client for outgoing calls; connecting may take 3 s, the whole answer 10 s."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=10, sock_connect=3)
            self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        return self._session

    def send(self, parcel: Parcel) -> None:
        """Takes a parcel for delivery; returns at once."""
        if len(self._tasks) >= _MAX_PENDING:
            self.counts["overflowed"] += 1
            return
        rule = self._faults.pick_webhook(parcel.platform, parcel.account, parcel.event)
        if rule is None:
            self._start(parcel, Writing())
        else:
            self._start_faulty(parcel, rule)

    async def idle(self) -> None:
        """Returns when nothing is under way, retries included."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """Drops what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _start(self, parcel: Parcel, writing: Writing, wait_s: float = 0.0, hold: bool = False) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(parcel, writing, wait_s, hold))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _start_faulty(self, parcel: Parcel, rule: FaultRule) -> None:
        if rule.kind == "dropped":
            self._note(parcel, Writing(), 0, "dropped")
        elif rule.kind == "late":
            self._start(parcel, Writing(age_s=rule.age_s), wait_s=rule.wait_s(0.0))
        elif rule.kind == "doubled":
            for _ in range(rule.times):
                self._start(parcel, Writing())
        elif rule.kind == "forged":
            self._start(parcel, Writing(forged=True))
            self._start(parcel, Writing())
        else:
            self._start(parcel, Writing(), wait_s=rule.wait_s(1.0), hold=True)

    async def _deliver(self, parcel: Parcel, writing: Writing, wait_s: float, hold: bool) -> None:
        await (self._until_overtaken(wait_s) if hold else asyncio.sleep(wait_s))
        waits = parcel.waits_s if not writing.forged else ()
        for attempt, pause_s in enumerate((0.0, *waits), 1):
            if pause_s:
                await asyncio.sleep(pause_s * self.time_scale())
            written = Writing(attempt, writing.age_s, writing.forged)
            if await self._attempt(parcel, written):
                break
        else:
            self.counts["given_up"] += 1
        self._overtake()

    async def _until_overtaken(self, timeout_s: float) -> None:
        try:
            await asyncio.wait_for(self._sent.wait(), timeout_s)
        except TimeoutError:
            return

    def _overtake(self) -> None:
        self._sent.set()
        self._sent = asyncio.Event()

    async def _attempt(self, parcel: Parcel, writing: Writing) -> bool:
        body, headers = parcel.write(writing)
        async with self._slots:
            status = await self._post(parcel.address(writing), body, headers)
        accepted = status in parcel.accepted
        self._note(parcel, writing, status, "accepted" if accepted else "refused")
        return accepted

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        try:
            async with self.session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await response.read()
                return response.status
        except (TimeoutError, aiohttp.ClientError, OSError):
            return 0

    def _note(self, parcel: Parcel, writing: Writing, status: int, outcome: str) -> None:
        self.counts["forged" if writing.forged else outcome] += 1
        self.deliveries.append(
            {
                "time": time.time(),
                "platform": parcel.platform,
                "account": parcel.account,
                "event": parcel.event,
                "url": parcel.address(writing),
                "attempt": writing.attempt,
                "forged": writing.forged,
                "status": status,
                "outcome": outcome,
            }
        )
