"""`hubctl doctor` finds nothing on a hub that is well, and on one with troubles names each with what to do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hubctl.conftest import HubctlUser, Ran
from tests.e2e.observability.conditions import (
    Condition,
    a_channel_has_troubles,
    a_channel_is_refused,
    a_transaction_stays_open,
    auth_is_gone,
    catalog_is_gone,
    keys_and_passwords_are_in_danger,
    migrations_are_behind,
)
from tests.e2e.observability.stage import Stage

TROUBLES: list[tuple[Condition, dict[str, tuple[str, str]]]] = [
    (
        a_channel_has_troubles,
        {
            "channel ECWID USAV: waiting listings": ("FAIL", "HubListingsStuck"),
            "channel ECWID USAV: refused listings": ("WARN", "listings retry"),
            "channel ECWID USAV: orders to resolve": ("FAIL", "orders resolve"),
            "drift": ("FAIL", "drift list"),
        },
    ),
    (a_channel_is_refused, {"channel AMAZON MAIN": ("FAIL", "HubChannelBlocked")}),
    (
        migrations_are_behind,
        {"migrations of catalog": ("FAIL", "make migrate"), "health": ("FAIL", "HubServiceNotReady")},
    ),
    (a_transaction_stays_open, {"inventory: hub_outbox_unsettled_seconds inventory": ("WARN", "HubFeedStuck")}),
    (
        keys_and_passwords_are_in_danger,
        {"signing key": ("WARN", "keys rotate"), "auth: hub_sign_in_alarms": ("WARN", "Alarm")},
    ),
    (catalog_is_gone, {"health": ("FAIL", "log"), "metrics of catalog": ("FAIL", "Mend")}),
    (auth_is_gone, {"catalog: hub_trust_following": ("WARN", "HubTrustLost")}),
]


@pytest.fixture(scope="module")
def operator(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> HubctlUser:
    session = tmp_path_factory.mktemp("doctor") / "session.json"
    user = HubctlUser({"HUB_STATE_DIR": str(stage.hub.settings.state), "HUBCTL_SESSION": str(session)})
    user.ok("sign-in", "--local")
    return user


async def test_a_hub_that_is_well(stage: Stage, operator: HubctlUser) -> None:
    await stage.unit()
    ran = await doctor(operator)
    assert ran.status == 0, ran
    found = {one["check"]: one for one in ran.objects}
    for check in (
        *("health", "clock", "certificate", "drift", "ledger", "Postgres version", "Postgres durability"),
        *("migrations of auth", "migrations of sync", "connections", "long transactions", "transaction ids", "indexes"),
        *("disk", "private files", "processes", "backups", "gateway configuration", "signing key", "channel EBAY USAV"),
        *("auth: room", "catalog: room", "inventory: room", "sync: room"),
    ):
        assert found.get(check, {}).get("state") in {"OK", "WARN"}, check
    assert all(one["todo"] for one in found.values() if one["state"] in {"WARN", "FAIL"})


@pytest.mark.parametrize(("condition", "wanted"), TROUBLES, ids=[" ".join(wanted)[:40] for _, wanted in TROUBLES])
async def test_a_trouble_is_named_with_what_to_do(
    stage: Stage, operator: HubctlUser, condition: Condition, wanted: dict[str, tuple[str, str]]
) -> None:
    async with condition(stage):
        for _ in range(20):
            ran = await doctor(operator)
            found: dict[str, Any] = {one["check"]: one for one in ran.objects}
            if all(found.get(check, {}).get("state") == state for check, (state, _) in wanted.items()):
                break
            await asyncio.sleep(0.3)
    for check, (state, todo) in wanted.items():
        assert found[check]["state"] == state, found
        assert todo in found[check]["todo"], found[check]
    assert ran.status == (1 if any(one["state"] == "FAIL" for one in found.values()) else 0)


async def test_a_secret_that_others_may_read(stage: Stage, operator: HubctlUser) -> None:
    secrets = Path(stage.hub.settings.state) / "secrets.json"
    secrets.chmod(0o644)
    try:
        ran = await doctor(operator)
    finally:
        secrets.chmod(0o600)
    found = next(one for one in ran.objects if one["check"] == "private files")
    assert (found["state"], ran.status) == ("FAIL", 1)
    assert str(secrets) in found["seen"]


async def test_what_cannot_be_seen_from_elsewhere_is_said(stage: Stage, operator: HubctlUser, tmp_path: Path) -> None:
    elsewhere = HubctlUser({**operator.environment, "HUB_STATE_DIR": str(tmp_path)})
    ran = await asyncio.to_thread(elsewhere.run, "--url", stage.hub.gateway_url, "--json", "doctor")
    skipped = {one["check"] for one in ran.objects if one["state"] == "SKIPPED"}
    assert skipped >= {"metrics", "database", "machine"}
    assert next(one for one in ran.objects if one["check"] == "health")["state"] == "OK"


async def test_people_get_a_table_of_what_is_not_well(stage: Stage, operator: HubctlUser) -> None:
    ran = await asyncio.to_thread(operator.run, "doctor")
    assert "the log is not archived" in ran.out
    assert "docs/operations.md" in ran.out
    assert ran.out.rstrip().splitlines()[-1].endswith("OK")
    assert "transaction ids" not in ran.out
    assert "transaction ids" in (await asyncio.to_thread(operator.run, "doctor", "--all")).out


async def doctor(user: HubctlUser) -> Ran:
    """Asked from another thread: the trouble may be made by this one."""
    return await asyncio.to_thread(user.run, "--json", "doctor")
