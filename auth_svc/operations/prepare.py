"""What is done at every start, by as many replicas as start: signing key, first admin, the hub's own service accounts.

Nothing that exists is overwritten, but for the secrets that the settings name.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import PasswordRefused
from auth_svc.domain.event import EventKind
from auth_svc.domain.password import LONGEST, SHORTEST, check_new_password
from auth_svc.domain.service_account import SeededAccount, hash_secret, subject_of
from auth_svc.domain.user import NewUser, Role
from auth_svc.operations.audit import record
from auth_svc.operations.manage_service_accounts import remove_secrets
from auth_svc.operations.manage_users import create_user
from auth_svc.operations.runtime import Runtime
from auth_svc.storage.repositories import service_accounts, users
from chassis.settings import SettingsError

log = logging.getLogger(__name__)

PASSWORD_FILE = "admin-password"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('auth.prepare'))")


async def ensure_first_admin(runtime: Runtime, username: str, password: str, state_dir: Path) -> None:
    """Makes the first admin when there is no user yet. Without a password one is made and kept in a file only its owner reads.

    Raises SettingsError for a password that is too short. Safe to repeat.
    """
    async with runtime.db.translated(), runtime.db.read.connect() as conn:
        if await users.is_any(conn):
            return
    _check_password(password, username)
    chosen = password or secrets.token_urlsafe(18)
    password_hash = await runtime.hasher.hash(chosen)
    new = NewUser(username=username, full_name="", role=Role.ADMIN, is_active=True, password_hash=password_hash)

    async def work(conn: AsyncConnection) -> bool:
        await conn.execute(_LOCK)
        if await users.is_any(conn):
            return False
        await create_user(conn, new, runtime.clock())
        if not password:
            _write_password(state_dir / PASSWORD_FILE, chosen)
        return True

    if await runtime.db.run(work):
        log.info("made the first admin", extra={"username": username})


async def seed_service_accounts(runtime: Runtime, accounts: Sequence[SeededAccount]) -> None:
    """Gives the accounts of the settings their role and secret. Safe to repeat.

    An account that the settings name no more goes on working, and admins may delete it from then on.
    """

    async def work(conn: AsyncConnection) -> None:
        await conn.execute(_LOCK)
        for account in accounts:
            await _seed(conn, runtime, account)
        if await service_accounts.release_others(conn, [account.client_id for account in accounts]):
            log.warning("there are service accounts that the settings name no more; delete those that are not needed")

    await runtime.db.run(work)


async def _seed(conn: AsyncConnection, runtime: Runtime, account: SeededAccount) -> None:
    present = await service_accounts.find(conn, account.client_id)
    at = runtime.clock()
    former = [secret for secret in present.secrets if secret.is_from_settings] if present else []
    accepted = present.accepted(account.secret, at) if present else None
    if present and present.role is account.role and accepted in former:
        return
    account_id = await service_accounts.seed(conn, account.client_id, account.role, at)
    # With the former secret its access tokens end, which carry the former role.
    await remove_secrets(conn, former, at)
    await service_accounts.add_secret(conn, account_id, hash_secret(account.secret), at, is_from_settings=True)
    before = {"role": present.role.value} if present else {}
    await record(
        conn,
        EventKind.SERVICE_ACCOUNT_SEEDED,
        at,
        subject_id=subject_of(account.client_id),
        subject_name=account.client_id,
        before=before,
        after={"role": account.role.value},
    )


def _check_password(password: str, username: str) -> None:
    if not password:
        return
    if not SHORTEST <= len(password) <= LONGEST:
        raise SettingsError(f"HUB_ADMIN_PASSWORD takes {SHORTEST} to {LONGEST} characters")
    try:
        check_new_password(password, username, "HUB_ADMIN_PASSWORD")
    except PasswordRefused:
        # Whoever sets this holds every key of the hub anyway; a hub that does not start helps nobody.
        log.warning("HUB_ADMIN_PASSWORD is easy to guess; change it after the first sign-in")


def _write_password(path: Path, password: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(password + "\n")
