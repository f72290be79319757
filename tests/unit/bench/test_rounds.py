"""Interleaved rounds, and what is made of them."""

import os

import pytest

from bench.load import Outcome, percentile
from bench.rounds import Contender, Failed, Sample, Samples, interleave


def samples(*rounds: tuple[int, float]) -> Samples:
    """Answers and CPU seconds of rounds of one second."""
    made = Samples()
    made.rounds = [Sample(Outcome(answered, 0, 1.0, 1.0, 2.0), cpu) for answered, cpu in rounds]
    return made


async def test_contenders_take_turns_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []

    def contender(name: str) -> Contender:
        async def run() -> Outcome:
            order.append(name)
            return Outcome(len(order), 0, 1.0, 1.0, 1.0)

        return Contender(run, os.getpid())

    found = await interleave({"a": contender("a"), "b": contender("b")}, rounds=2)
    assert order == ["a", "b"] * 3
    assert [one.outcome.answered for one in found["a"].rounds] == [3, 5]


@pytest.mark.parametrize("outcome", [Outcome(10, 1, 1.0, 1.0, 1.0), Outcome(0, 0, 1.0, 1.0, 1.0)])
async def test_failed_requests_spoil_the_measurement(outcome: Outcome) -> None:
    async def run() -> Outcome:
        return outcome

    with pytest.raises(Failed, match="reads"):
        await interleave({"reads": Contender(run)}, rounds=1)


def test_ratios_are_the_median_of_the_rounds() -> None:
    base = samples((100, 0.1), (100, 0.1), (100, 0.1))
    found = samples((50, 0.1), (20, 0.1), (90, 0.3))
    assert found.speed_ratio(base) == 0.5
    assert found.cpu_ratio(base) == pytest.approx(0.3)
    assert base.cpu_us == pytest.approx(1000)


def test_percentile_of_none_is_zero() -> None:
    assert percentile([], 0.99) == 0.0
    assert percentile(list(range(100)), 0.99) == 99
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
