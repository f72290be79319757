"""Interleaved measuring: every contender once a round, so that whatever else the machine does strikes all alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

from bench.load import Outcome
from bench.meter import cpu_seconds

Run = Callable[[], Awaitable[Outcome]]


class Failed(Exception):
    """Some requests of a measurement were not answered as they should be; its numbers would mean nothing."""


@dataclass(frozen=True)
class Contender:
    """Something to measure, and the process whose CPU time it costs (none: only its speed is of interest)."""

    run: Run
    pid: int | None = None


@dataclass(frozen=True)
class Sample:
    """One round of one contender."""

    outcome: Outcome
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Answers a second of time."""
        return self.outcome.per_second

    @property
    def per_cpu_second(self) -> float:
        """Answers a second of the process's CPU time."""
        return self.outcome.answered / self.cpu_seconds if self.cpu_seconds else 0.0


class Samples:
    """All rounds of one contender."""

    def __init__(self) -> None:
        self.rounds: list[Sample] = []

    @property
    def per_second(self) -> float:
        """The median of answers a second."""
        return median(one.per_second for one in self.rounds)

    @property
    def cpu_us(self) -> float:
        """The median of the process's CPU time for one answer, in microseconds; 0 without a process."""
        return median(1e6 * one.cpu_seconds / one.outcome.answered for one in self.rounds)

    @property
    def p50_ms(self) -> float:
        """The median latency, in milliseconds."""
        return median(one.outcome.p50_ms for one in self.rounds)

    @property
    def p99_ms(self) -> float:
        """The latency that 99 of 100 did not exceed, in milliseconds; the median of the rounds."""
        return median(one.outcome.p99_ms for one in self.rounds)

    def cpu_ratio(self, base: Samples) -> float:
        """Answers per CPU second against those of `base`, round by round; the median."""
        return median(a.per_cpu_second / b.per_cpu_second for a, b in zip(self.rounds, base.rounds, strict=True))

    def speed_ratio(self, base: Samples) -> float:
        """Answers per second against those of `base`, round by round; the median."""
        return median(a.per_second / b.per_second for a, b in zip(self.rounds, base.rounds, strict=True))


async def interleave(contenders: Mapping[str, Contender], rounds: int, warm_up: int = 1) -> dict[str, Samples]:
    """Runs every contender in turn, `rounds` times after the warm-up. Raises Failed when any request failed."""
    found = {name: Samples() for name in contenders}
    for number in range(warm_up + rounds):
        for name, contender in contenders.items():
            sample = await _measure(name, contender)
            if number >= warm_up:
                found[name].rounds.append(sample)
    return found


async def _measure(name: str, contender: Contender) -> Sample:
    pids = [] if contender.pid is None else [contender.pid]
    before = cpu_seconds(pids)
    outcome = await contender.run()
    spent = cpu_seconds(pids) - before
    if outcome.failed or not outcome.answered:
        raise Failed(f"{name}: {outcome.failed} requests failed, {outcome.answered} were answered")
    return Sample(outcome, spent)
