"""Secrets are made once, stay the same, and are nobody else's to read."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

from deploy.local.secrets import load_admin_password, load_secrets, role_password


def test_secrets_stay_the_same(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = load_secrets(file, {})
    assert load_secrets(file, {}) == made
    assert len(base64.b64decode(made.credential_key)) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_secret_that_a_later_version_adds_is_added(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = load_secrets(file, {})
    stored = json.loads(file.read_text())
    del stored["seal_key"]
    file.write_text(json.dumps(stored))
    again = load_secrets(file, {})
    assert again.role_secret == made.role_secret
    assert again.seal_key not in {"", made.seal_key}


def test_the_environment_wins_and_is_not_stored(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    assert load_secrets(file, {"HUB_SEAL_KEY": "given"}).seal_key == "given"
    assert load_secrets(file, {}).seal_key != "given"


def test_roles_and_clients_have_different_passwords(tmp_path: Path) -> None:
    made = load_secrets(tmp_path / "secrets.json", {})
    passwords = {made.role_password("hub_auth"), made.role_password("hub_sync"), made.client_secret("hub_auth")}
    assert len(passwords) == 3
    assert made.role_password("hub_auth") == role_password(made.role_secret, "hub_auth")


def test_secrets_do_not_show_in_logs(tmp_path: Path) -> None:
    made = load_secrets(tmp_path / "secrets.json", {})
    assert made.seal_key not in repr(made)


def test_the_admins_password_is_kept_from_its_first_use(tmp_path: Path) -> None:
    file = tmp_path / "admin-password"
    made = load_admin_password(file, "")
    assert len(made) >= 12
    assert load_admin_password(file, "") == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_given_password_is_used(tmp_path: Path) -> None:
    file = tmp_path / "admin-password"
    assert load_admin_password(file, "correct horse battery") == "correct horse battery"
    assert load_admin_password(file, "") == "correct horse battery"
