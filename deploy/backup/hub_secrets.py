"""The secrets without which the data of a hub cannot be read: what channel credentials and signing keys are sealed with.

They are found where the hub finds them (environment, then state folder), and never made up here. What belongs to a machine
rather than to the data (passwords of database roles, of the database's administrator) is no part of a backup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from chassis.hosts import Hosts
from chassis.settings import secret_files
from deploy.backup.errors import BackupRefused
from deploy.backup.sealing import print_of
from deploy.local.environment import role_url
from deploy.local.migrate import SCHEMAS
from deploy.local.roles import role_of
from deploy.local.secrets import role_password, write_private
from deploy.local.state import StateFolder

# By the names of secrets.json.
VARIABLES = {"seal_key": "HUB_SEAL_KEY", "key_encryption_key": "HUB_KEY_ENCRYPTION_KEY"}
_KEY_VARIABLE, _KEYS_FILE_VARIABLE = "HUB_CREDENTIAL_KEY", "HUB_CREDENTIAL_KEY_FILE"
_IN_FILE = ("seal_key", "credential_key")
_ROLE_VARIABLE = "HUB_ROLE_SECRET"
_FROM_FILES = (*VARIABLES.values(), _ROLE_VARIABLE)
ADMIN_PASSWORD = "admin_password"


@dataclass(frozen=True)
class HubSecrets:
    """`values` by name; `given` are those that the environment gives, which no file can change.

    `proven` ones came with the data that they are for.
    """

    values: Mapping[str, str] = field(repr=False)
    given: frozenset[str] = frozenset()
    role_secret: str = field(default="", repr=False)
    proven: bool = False

    def prints(self) -> dict[str, str]:
        """What tells them apart from others, by name."""
        return {name: print_of(value) for name, value in sorted(self.values.items()) if name != ADMIN_PASSWORD}

    def differing(self, prints: Mapping[str, str]) -> list[str]:
        """The names of those that a backup's data needs and that are other ones here."""
        mine = self.prints()
        return [name for name, told in sorted(prints.items()) if mine.get(name) != told]

    async def belong_to(self, database_url: str) -> bool:
        """Whether they are those of the hub in this database: the password that they give its services opens it."""
        if self.proven or not self.role_secret:
            return self.proven
        role = role_of(SCHEMAS[0])
        try:
            address = role_url(database_url, role, role_password(self.role_secret, role))
            connection = await Hosts(address).connect()
        except (asyncpg.InvalidAuthorizationSpecificationError, OSError):
            return False
        except asyncpg.PostgresError:
            return True  # The password was right; what was refused comes after it.
        await connection.close()
        return True


def variable_of(name: str) -> str:
    """The setting that gives the secret."""
    return {"credential_key": _KEY_VARIABLE, "former_credential_keys": _KEYS_FILE_VARIABLE, **VARIABLES}[name]


def find_secrets(state: StateFolder, environ: Mapping[str, str]) -> HubSecrets:
    """Those of this machine; what is nowhere is left out. Raises BackupRefused on a file that cannot be read, SettingsError."""
    stored = _stored(state.secrets)
    told = {**environ, **secret_files(environ, _FROM_FILES)}
    given = {name: told[variable] for name, variable in VARIABLES.items() if told.get(variable)}
    given |= _credential_keys(told)
    values = {**{name: stored[name] for name in _IN_FILE if stored.get(name)}, **given}
    if values and state.admin_password.exists():
        values[ADMIN_PASSWORD] = state.admin_password.read_text()
    role_secret = told.get(_ROLE_VARIABLE) or stored.get("role_secret", "")
    return HubSecrets(values, frozenset(given), role_secret)


def _credential_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The key that seals, and those that only open, however they are given (the settings of sync tell)."""
    keys = [environ[_KEY_VARIABLE]] if environ.get(_KEY_VARIABLE) else []
    if environ.get(_KEYS_FILE_VARIABLE):
        keys += [line.strip() for line in _read(Path(environ[_KEYS_FILE_VARIABLE])).splitlines() if line.strip()]
    found = {"credential_key": keys[0]} if keys else {}
    return found | ({"former_credential_keys": "\n".join(keys[1:])} if keys[1:] else {})


def take_over(state: StateFolder, restored: Mapping[str, str], backup_id: str) -> None:
    """Makes the state folder's secrets those of a backup; the former file stays beside it. Safe to repeat."""
    stored = _stored(state.secrets)
    changed = {**stored, **{name: restored[name] for name in _IN_FILE if name in restored}}
    if changed != stored:
        state.make()
        if stored:
            write_private(
                state.secrets.with_name(f"secrets.json.before-{backup_id}"), json.dumps(stored, indent=1) + "\n"
            )
        write_private(state.secrets, json.dumps(changed, indent=1) + "\n")
    if ADMIN_PASSWORD in restored:
        write_private(state.admin_password, restored[ADMIN_PASSWORD])


def _stored(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BackupRefused(f"{path} cannot be read ({type(error).__name__})") from None
    return {str(name): str(value) for name, value in found.items()}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise BackupRefused(f"{_KEYS_FILE_VARIABLE}: {path} cannot be read ({error.strerror})") from None
