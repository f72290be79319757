"""The client_credentials grant: a service account signs in. It gets no refresh token; its secret serves again."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import ClientWrong, SignInThrottled
from auth_svc.domain.event import EventKind
from auth_svc.domain.service_account import ServiceAccount, subject_of
from auth_svc.domain.throttle import ACCOUNT_AT_ADDRESS, throttle_keys
from auth_svc.operations.audit import record
from auth_svc.operations.runtime import Runtime
from auth_svc.operations.token_mint import Holder, IssuedTokens
from auth_svc.storage.repositories import service_accounts, throttles


async def sign_in_client(runtime: Runtime, client_id: str, client_secret: str, address: str) -> IssuedTokens:
    """Checks the secret and gives an access token. Raises ClientWrong, SignInThrottled. Safe to repeat."""
    at = runtime.clock()
    key = throttle_keys(subject_of(client_id), address).account_at_address

    async def work(conn: AsyncConnection) -> Holder | None:
        counter = (await throttles.find(conn, [key])).get(key)
        if counter is not None and counter.blocked_until > at:
            raise SignInThrottled((counter.blocked_until - at).total_seconds())
        account = await service_accounts.find(conn, client_id)
        secret = account.accepted(client_secret, at) if account else None
        if account is None or secret is None:
            failures = await throttles.count_failure(conn, key, at, at - ACCOUNT_AT_ADDRESS.memory)
            await throttles.block(conn, key, at + ACCOUNT_AT_ADDRESS.delay(failures))
            await _record(conn, EventKind.CLIENT_SIGN_IN_FAILED, account)
            return None
        await throttles.clear(conn, key)
        await service_accounts.mark_used(conn, account.id, secret.id, at)
        await _record(conn, EventKind.CLIENT_SIGNED_IN, account)
        return Holder(account.subject, account.client_id, account.role, secret.session_id)

    async def _record(conn: AsyncConnection, kind: EventKind, account: ServiceAccount | None) -> None:
        subject = (account.subject, account.client_id) if account else ("", "")
        await record(conn, kind, at, subject_id=subject[0], subject_name=subject[1], address=address)

    holder = await runtime.db.run(work)
    if holder is None:
        raise ClientWrong
    return runtime.mint.issue(holder, at)
