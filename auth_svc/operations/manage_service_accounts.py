"""Creating and deleting service accounts, and changing their secrets. Each runs in the transaction of its caller."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import ServiceAccountNotFound
from auth_svc.domain.event import EventKind
from auth_svc.domain.service_account import AccountSecret, ServiceAccount, hash_secret, subject_of
from auth_svc.domain.user import Role
from auth_svc.operations.audit import record
from auth_svc.storage.repositories import announcements, service_accounts

_NOTHING: Mapping[str, Any] = MappingProxyType({})
# The prefix lets secret scanners find one that was left lying in a file.
_PREFIX, _SECRET_BYTES = "usav_cs_", 32


def new_secret() -> str:
    """A secret that nobody guesses."""
    return _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


async def create_service_account(
    conn: AsyncConnection, client_id: str, role: Role, secret: str, at: datetime
) -> ServiceAccount:
    """Adds an account with one secret. Raises ClientIdTaken."""
    account_id = await service_accounts.add(conn, client_id, role, at)
    await service_accounts.add_secret(conn, account_id, hash_secret(secret), at)
    await _record(conn, EventKind.SERVICE_ACCOUNT_CREATED, client_id, at, after={"role": role.value})
    return await _lock(conn, account_id)


async def rotate_secret(
    conn: AsyncConnection, account_id: int, secret: str, keep_former: timedelta, at: datetime
) -> ServiceAccount:
    """Adds a secret; the former ones work for `keep_former`, or end now with the access tokens got with them.

    Raises ServiceAccountNotFound, AccountFromSettings, TooManySecrets.
    """
    account = await _lock(conn, account_id)
    account.check_not_from_settings()
    if keep_former:
        account.check_room(at)
        await service_accounts.end_secrets(conn, account_id, at + keep_former)
    else:
        await remove_secrets(conn, account.secrets, at)
    await service_accounts.add_secret(conn, account_id, hash_secret(secret), at)
    after = {"former_secrets_end": (at + keep_former).isoformat()}
    await _record(conn, EventKind.SERVICE_ACCOUNT_ROTATED, account.client_id, at, after=after)
    return await _lock(conn, account_id)


async def delete_service_account(conn: AsyncConnection, account_id: int, at: datetime) -> None:
    """Deletes the account; its access tokens end. Raises ServiceAccountNotFound, AccountFromSettings."""
    account = await _lock(conn, account_id)
    account.check_not_from_settings()
    await remove_secrets(conn, account.secrets, at)
    await service_accounts.remove(conn, account_id)
    before = {"role": account.role.value}
    await _record(conn, EventKind.SERVICE_ACCOUNT_DELETED, account.client_id, at, before=before)


async def remove_secrets(conn: AsyncConnection, gone: Sequence[AccountSecret], at: datetime) -> None:
    """Deletes secrets and tells every service that the access tokens got with them are void."""
    await service_accounts.remove_secrets(conn, gone)
    await announcements.sessions_ended(conn, [secret.session_id for secret in gone], at)


async def _lock(conn: AsyncConnection, account_id: int) -> ServiceAccount:
    account = await service_accounts.lock(conn, account_id)
    if account is None:
        raise ServiceAccountNotFound(account_id)
    return account


async def _record(
    conn: AsyncConnection,
    kind: EventKind,
    client_id: str,
    at: datetime,
    *,
    before: Mapping[str, Any] = _NOTHING,
    after: Mapping[str, Any] = _NOTHING,
) -> None:
    subject = subject_of(client_id)
    await record(conn, kind, at, subject_id=subject, subject_name=client_id, before=before, after=after)
