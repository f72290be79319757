"""Signing in and out, users, and what hubctl says when it may not or cannot."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from uuid import uuid4

from deploy.local.hub import Hub
from tests.e2e.catalog.importing import ROOT
from tests.e2e.hubctl.conftest import HubctlUser

PASSWORD = "lantern gravel outpost seven"
NOBODY = "http://127.0.0.1:9"


def test_the_local_admin_signs_in_works_and_signs_out(stranger: HubctlUser, hub: Hub) -> None:
    ran = stranger.ok("sign-in", "--local")
    assert ran.out == f"Signed in to {hub.gateway_url} as {hub.admin_user}.\n"
    session = Path(stranger.environment["HUBCTL_SESSION"])
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    assert (stranger.json("whoami"))[0]["username"] == hub.admin_user
    stranger.ok("sign-out")
    assert not session.exists()
    refused = stranger.run("whoami")
    assert refused.status == 1
    assert "sign-in --local" in refused.err


def test_a_wrong_password_is_told_as_one(stranger: HubctlUser) -> None:
    ran = stranger.run("sign-in", "admin", "--password-stdin", given="not the password\n")
    assert ran.status == 1
    assert ran.err == "Error: The username or the password is wrong.\n"


def test_a_new_user_signs_in_with_the_role_given(user: HubctlUser, stranger: HubctlUser) -> None:
    name = f"user_{uuid4().hex[:8]}"
    made = user.json("users", "create", name, "--role", "warehouse_op", "--password-stdin", given=f"{PASSWORD}\n")
    assert made[0]["role"] == "WAREHOUSE_OP"
    assert name in (user.ok("users", "list")).out
    stranger.ok("sign-in", name, "--password-stdin", given=f"{PASSWORD}\n")
    refused = stranger.run("users", "list")
    assert refused.status == 1
    assert "ADMIN" in refused.err


def test_a_password_that_is_too_short_is_refused_with_the_reason(user: HubctlUser) -> None:
    ran = user.run("users", "create", "shorty", "--role", "ADMIN", "--password-stdin", given="short\n")
    assert ran.status == 2
    assert "12 characters" in ran.err


def test_an_access_token_that_has_run_out_is_renewed_unseen(user: HubctlUser, stranger: HubctlUser) -> None:
    stranger.ok("sign-in", "--local")
    session = Path(stranger.environment["HUBCTL_SESSION"])
    kept = json.loads(session.read_text())
    session.write_text(json.dumps({**kept, "access_token": "worn out", "expires_at": 0}))
    stranger.ok("whoami")
    assert json.loads(session.read_text())["refresh_token"] != kept["refresh_token"]


def test_an_ended_session_says_to_sign_in_again(stranger: HubctlUser) -> None:
    stranger.ok("sign-in", "--local")
    session = Path(stranger.environment["HUBCTL_SESSION"])
    kept = json.loads(session.read_text())
    session.write_text(json.dumps({**kept, "refresh_token": "gone", "expires_at": 0}))
    ran = stranger.run("status")
    assert ran.status == 1
    assert "sign in again" in ran.err
    assert "hubctl sign-in" in ran.err


def test_a_hub_that_does_not_run_is_told_with_its_address(stranger: HubctlUser) -> None:
    ran = stranger.run("--url", NOBODY, "sign-in", "admin", "--password-stdin", given="x\n")
    assert ran.status == 3
    assert NOBODY in ran.err


def test_a_folder_without_a_hub_says_how_to_start_one(tmp_path: Path) -> None:
    ran = HubctlUser({"HUB_STATE_DIR": str(tmp_path)}).run("sign-in", "--local")
    assert ran.status == 3
    assert "make run" in ran.err


def test_the_launcher_works_from_any_folder_and_takes_nothing_from_it(user: HubctlUser, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise SystemExit('taken from the wrong folder')")
    launcher = ROOT / ".venv" / "bin" / "hubctl"
    assert launcher.exists(), "scripts/setup makes it"
    environment = {**os.environ, **user.environment}
    ran = subprocess.run(
        [launcher, "whoami"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "ADMIN" in ran.stdout
