"""Every alert rule is silent while all is well and fires when its trouble is made on a real hub."""

from __future__ import annotations

import pytest

from tests.e2e.observability.conditions import CONDITIONS
from tests.e2e.observability.stage import Stage, rules
from tests.factories.prometheus.scrape import Series


def test_every_rule_has_its_trouble() -> None:
    assert set(rules()) == set().union(*(alerts for _, alerts in CONDITIONS.values()))


@pytest.mark.parametrize("name", CONDITIONS)
async def test_trouble_is_told(stage: Stage, name: str) -> None:
    condition, alerts = CONDITIONS[name]
    series = Series()
    await stage.look(series)
    assert await stage.firing(series, alerts) == {}
    async with condition(stage):
        await stage.until_firing(series, alerts)


async def test_a_hub_without_trouble_is_silent(stage: Stage) -> None:
    series = Series()
    for _ in range(3):
        await stage.look(series)
    # What was counted stays in the window, and Zoho's quota is learned anew within seconds.
    assert await stage.firing(series, set(rules()) - {"HubQuotaLow"}) == {}


async def test_every_service_keeps_what_it_was_built_of_from_the_garbage_collector(stage: Stage) -> None:
    """Looked through again and again, it would stop every call for 50 ms each time."""
    series = Series()
    await stage.look(series)
    settled = {
        dict(labels)["instance"]: values[-1][1] for labels, values in series.points["hub_settled_objects"].items()
    }
    assert settled.keys() == {"auth", "catalog", "inventory", "sync"}
    assert min(settled.values()) > 50_000, settled
