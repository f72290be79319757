"""`python -m deploy.containers.secrets FOLDER`: the secrets of a hub in containers, one folder per process.

Makes what is missing and keeps what is there, so it runs before every start. Each process is shown its own folder only: none
could sign in as another. A password that somebody gives is taken only if it is none out of a sample or a book.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chassis.setting_values import PoolMode, parse_pool_mode, parse_word
from chassis.settings import SettingsError, load, setting
from deploy.containers.passwords import parse_password
from deploy.local.environment import CALLERS, account_of, role_url, seeded_accounts
from deploy.local.postgres import ADMIN, DATABASE
from deploy.local.secrets import Secrets, load_admin_password, load_secrets, write_private
from deploy.local.topology import SERVICES

Files = dict[str, str]
_WRONG_USE = 2
# Kept apart from what the processes see.
_KEYS = "keys"
_TOOLS = ("pgadmin_password", "grafana_password")


def _parse_place(raw: str) -> str:
    if not re.fullmatch(r"[^\s/@?]+/[^\s/@?]+(\?[^\s@]+)?", raw):
        raise ValueError("takes host:port/name without a user, as db:5432/hub")
    return raw


@dataclass(frozen=True, kw_only=True)
class SecretSettings:
    """What an operator may give; the rest is made."""

    admin_password: str = setting(
        "HUB_ADMIN_PASSWORD", "", "The first admin's password; empty: one is made.", parse=parse_password, secret=True
    )
    postgres_password: str = setting(
        "POSTGRES_PASSWORD",
        "",
        "Of the database's administrator, before its first start; empty: one is made.",
        parse=parse_password,
        secret=True,
    )
    database_user: str = setting("HUB_DATABASE_ADMIN", ADMIN, "The database's administrator.", parse=parse_word)
    database: str = setting(
        "HUB_DATABASE",
        f"db:5432/{DATABASE}",
        "Where the database is; several hosts with commas between.",
        parse=_parse_place,
    )
    pooler: str = setting(
        "HUB_DATABASE_POOLER",
        "",
        "A PgBouncer in front of it, as pooler:6432/hub.",
        parse=_parse_place,
    )
    pool_mode: PoolMode = setting(
        "HUB_DATABASE_POOL_MODE", PoolMode.SESSION, "transaction with a pooler.", parse=parse_pool_mode
    )

    def __post_init__(self) -> None:
        if self.pooler and self.pool_mode is not PoolMode.TRANSACTION:
            raise SettingsError("HUB_DATABASE_POOL_MODE: HUB_DATABASE_POOLER takes the mode transaction")


def main() -> int:
    """Exits 2, having written nothing, when something given will not do."""
    if len(sys.argv) != 2:
        print("usage: python -m deploy.containers.secrets FOLDER", file=sys.stderr)
        return _WRONG_USE
    folder = Path(sys.argv[1])
    try:
        settings = load(SecretSettings, os.environ)
        write_secrets(folder, settings, os.environ)
    except SettingsError as error:
        print(f"secrets: {error}", file=sys.stderr)
        return _WRONG_USE
    print(f"secrets: complete; the first admin's password is in {folder / 'auth' / 'admin_password'}")
    return 0


def write_secrets(folder: Path, settings: SecretSettings, environ: Mapping[str, str]) -> None:
    """Writes the folders of all processes. Safe to repeat. Raises SettingsError."""
    (folder / _KEYS).mkdir(mode=0o700, parents=True, exist_ok=True)
    secrets = load_secrets(folder / _KEYS / "secrets.json", environ)
    postgres = _kept(folder, "postgres_password", settings.postgres_password, secrets.postgres_password)
    admin = load_admin_password(folder / _KEYS / "admin_password", settings.admin_password)
    url = role_url(_address(settings.database), settings.database_user, postgres)
    processes = {
        "postgres": {"password": postgres},
        "migrate": {"database_url": url, "role_secret": secrets.role_secret},
        "backup": {"database_url": url, **_state(secrets, admin)},
        "tools": {name: secrets.client_secret(name) for name in _TOOLS},
        **{spec.name: _of_service(spec.name, spec.role, settings, secrets) for spec in SERVICES},
    }
    processes["auth"] |= {"admin_password": admin, "service_accounts": seeded_accounts(secrets)}
    processes["sync"]["credential_key"] = secrets.credential_key
    for process, files in processes.items():
        _write(folder / process, files)


def _of_service(name: str, role: str, settings: SecretSettings, secrets: Secrets) -> Files:
    password = secrets.role_password(role)
    files = {
        "database_url": role_url(_address(settings.pooler or settings.database), role, password),
        "direct_url": role_url(_address(settings.database), role, password),
        "seal_key": secrets.seal_key,
    }
    if name in CALLERS:
        files["client_secret"] = secrets.client_secret(account_of(name))
    return files


def _address(place: str) -> str:
    """Without a user."""
    return f"postgresql://@{place}"


def _state(secrets: Secrets, admin_password: str) -> Files:
    """As a state folder has them: backups hold the secrets without which their data cannot be read."""
    return {"secrets.json": json.dumps(dataclasses.asdict(secrets)), "admin-password": admin_password}


def _kept(folder: Path, name: str, given: str, made: str) -> str:
    """The database takes its administrator's password at its first start only, so a later one would shut everybody out."""
    path = folder / _KEYS / name
    stored = path.read_text() if path.exists() else ""
    if stored and given and given != stored:
        raise SettingsError(
            "POSTGRES_PASSWORD is not the one this hub was made with: set that one, or none, or change it in the database, "
            f"and then in {path}"
        )
    if not stored:
        write_private(path, given or made)
    return stored or given or made


def _write(folder: Path, files: Files) -> None:
    """Readable for the process, which may run under another user; the folder, or its volume, is what shuts others out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, secret in files.items():
        write_private(folder / name, secret)
        (folder / name).chmod(0o444)


if __name__ == "__main__":
    raise SystemExit(main())
