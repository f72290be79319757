"""The client_credentials grant: a service account signs in. It gets no refresh token; its secret serves again."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import ClientWrong, SignInThrottled
from auth_svc.domain.event import EventKind
from auth_svc.domain.service_account import ServiceAccount
from auth_svc.domain.throttle import ACCOUNT_AT_ADDRESS, throttle_keys
from auth_svc.operations.audit import record
from auth_svc.operations.runtime import Runtime
from auth_svc.operations.token_mint import Holder, IssuedTokens
from auth_svc.storage.repositories import service_accounts, throttles

# Tells service accounts from users wherever an actor is named.
SUBJECT_PREFIX = "client:"


async def sign_in_client(runtime: Runtime, client_id: str, client_secret: str, address: str) -> IssuedTokens:
    """Checks the secret and gives an access token. Raises ClientWrong, SignInThrottled. Safe to repeat."""
    at = runtime.clock()
    key = throttle_keys(f"{SUBJECT_PREFIX}{client_id}", address).account_at_address

    async def work(conn: AsyncConnection) -> ServiceAccount | None:
        ends = await throttles.blocked_until(conn, [key])
        if key in ends and ends[key] > at:
            raise SignInThrottled((ends[key] - at).total_seconds())
        account = await service_accounts.find(conn, client_id)
        if account is None or not account.accepts(client_secret):
            failures = await throttles.count_failure(conn, key, at, at - ACCOUNT_AT_ADDRESS.memory)
            await throttles.block(conn, key, at + ACCOUNT_AT_ADDRESS.delay(failures))
            name = account.client_id if account else ""
            await record(conn, EventKind.CLIENT_SIGN_IN_FAILED, at, subject_name=name, address=address)
            return None
        await throttles.clear(conn, key)
        await service_accounts.mark_used(conn, account.id, at)
        await record(conn, EventKind.CLIENT_SIGNED_IN, at, subject_name=account.client_id, address=address)
        return account

    account = await runtime.db.run(work)
    if account is None:
        raise ClientWrong
    return runtime.mint.issue(Holder(f"{SUBJECT_PREFIX}{account.client_id}", account.client_id, account.role), at)
