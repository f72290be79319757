"""Users, sessions, service accounts and the audit trails, as an admin at a terminal looks after them."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from deploy.local.hub import Hub
from tests.e2e.hubctl.conftest import HubctlUser

PASSWORD = "nine purple lanterns"


@pytest.fixture
def name() -> str:
    return f"clerk_{uuid.uuid4().hex[:10]}"


@pytest.fixture
def clerk(user: HubctlUser, hub: Hub, name: str, tmp_path: Path) -> HubctlUser:
    """Another person, signed in, at a terminal of the own."""
    user.ok("users", "create", name, "--role", "warehouse_op", "--password-stdin", given=PASSWORD)
    other = HubctlUser({**user.environment, "HUBCTL_SESSION": str(tmp_path / "session.json")})
    other.ok("--url", hub.gateway_url, "sign-in", name, "--password-stdin", given=PASSWORD)
    return other


def test_a_user_is_bound_and_unbound_shut_out_and_let_in(user: HubctlUser, clerk: HubctlUser, name: str) -> None:
    assert user.json("users", "bind", name, "--warehouse", "EAST", "--channel", "3")[0]["scope"] == {
        "warehouses": ["EAST"],
        "channel_ids": ["3"],
    }
    assert "EAST, channel 3" in user.ok("users", "list").out
    assert user.run("users", "bind", name).status == 2
    assert "scope" not in user.json("users", "unbind", name)[0]
    assert not user.json("users", "deactivate", name.upper())[0]["is_active"]
    assert user.json("users", "activate", name)[0]["is_active"]
    nobody = user.run("users", "bind", "nobody_at_all", "--warehouse", "EAST")
    assert (nobody.status, "nobody_at_all" in nobody.err) == (1, True)


def test_sessions_are_listed_and_ended(user: HubctlUser, clerk: HubctlUser, name: str) -> None:
    (own,) = clerk.json("sessions", "list")
    assert own["is_current"]
    (seen,) = user.json("sessions", "list", "--user", name)
    assert seen["id"] == own["id"]
    user.ok("sessions", "end", own["id"], "--user", name)
    assert user.json("sessions", "list", "--user", name) == []
    user.ok("sessions", "end", "--all", "--user", name)
    assert user.run("sessions", "end").status == 2
    assert user.run("sessions", "end", "--all").status == 2


def test_a_service_account_lives_and_ends(user: HubctlUser) -> None:
    client = f"importer-{uuid.uuid4().hex[:8]}"
    (made,) = user.json("service-accounts", "create", client)
    (rotated,) = user.json("service-accounts", "rotate", client, "--keep-hours", "0")
    assert (made["role"], len(rotated["secrets"])) == ("SYSTEM_BOT", 1)
    assert made["secret"] != rotated["secret"]
    assert client in user.ok("service-accounts", "list").out
    shown = user.ok("service-accounts", "rotate", client).out
    assert "does not show it again" in shown
    user.ok("service-accounts", "delete", client)
    assert user.run("service-accounts", "delete", client).status == 1
    kinds = [event["kind"] for event in user.json("events", "--subject", f"client:{client}")]
    assert kinds == [
        "SERVICE_ACCOUNT_DELETED", "SERVICE_ACCOUNT_ROTATED", "SERVICE_ACCOUNT_ROTATED", "SERVICE_ACCOUNT_CREATED"
    ]  # fmt: skip


def test_the_trails_tell_who_did_what_and_no_secret(user: HubctlUser, clerk: HubctlUser, name: str) -> None:
    created = user.json("events", "--kind", "user_created", "--limit", "5")
    assert name in {event["subject_name"] for event in created}
    told = user.ok("events", "--limit", "3").out
    assert len(told.splitlines()) == 4
    assert PASSWORD not in told
    channels: list[dict[str, Any]] = user.json("channel-events", "--limit", "1000")
    assert {"CREATED"} <= {event["kind"] for event in channels}
    assert "refresh_token" in json.dumps(channels)
    assert user.ok("channel-events", "--channel", channels[-1]["channel_id"]).out.count("CREATED") == 1
    assert clerk.run("events").status == 1
    assert clerk.run("channel-events").status == 1
