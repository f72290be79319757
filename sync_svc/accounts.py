"""One account as all its processes share it: quotas and access tokens kept in the database, the tokens sealed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from chassis.database import Database
from chassis.errors import HubError
from sync_svc.channels.limits import Limit
from sync_svc.channels.sharing import Draw, KeptToken, NotShared, Uses
from sync_svc.domain.channel import Channel
from sync_svc.storage.access_tokens import StoredToken, TokenRecords
from sync_svc.storage.quotas import QuotaRecords
from sync_svc.vault import SecretsUnreadable, Vault

_USE = "token"
_CLAIM_S = 20.0


@asynccontextmanager
async def _sharing() -> AsyncIterator[None]:
    try:
        yield
    except HubError as error:
        raise NotShared(error.message) from error


@dataclass(frozen=True, slots=True)
class _Seals:
    """Seals the account's tokens and names the credentials they were fetched with: a token of others is none."""

    vault: Vault
    platform: str
    account: str
    of: str

    def seal(self, value: str) -> bytes:
        secrets = {"value": value, "of": self.of}
        return self.vault.seal(secrets, platform=self.platform, account=self.account, use=_USE)

    def open(self, sealed: bytes) -> str:
        try:
            opened = self.vault.open(sealed, platform=self.platform, account=self.account, use=_USE)
        except SecretsUnreadable:
            return ""
        return opened["value"] if opened.get("of") == self.of else ""


class StoredAccount:
    """See SharedAccount."""

    def __init__(self, quotas: QuotaRecords, tokens: TokenRecords, seals: _Seals) -> None:
        self._quotas = quotas
        self._tokens = tokens
        self._seals = seals

    async def draw_calls(self, bucket: str, limit: Limit, *, needed: int, extra: int, patience_s: float) -> Draw:
        """See SharedAccount."""
        async with _sharing():
            return await self._quotas.draw(bucket, limit, needed=needed, extra=extra, patience_s=patience_s)

    async def tell(self, *, pause_s: float, drained: Sequence[str], rates: Mapping[str, float]) -> None:
        """See SharedAccount."""
        async with _sharing():
            if pause_s > 0:
                await self._quotas.silence(pause_s)
            if drained:
                await self._quotas.drain(drained)
            if rates:
                await self._quotas.set_rates(rates)

    async def draw_uses(self, subject: str, day: int, wanted: Mapping[str, int], limit: int) -> dict[str, Uses]:
        """See SharedAccount."""
        async with _sharing():
            return await self._quotas.draw_uses(subject, day, wanted, limit)

    async def give_uses_back(self, subject: str, day: int, unused: Mapping[str, int]) -> None:
        """See SharedAccount."""
        async with _sharing():
            await self._quotas.give_uses_back(subject, day, unused)

    async def token(self, name: str) -> KeptToken | None:
        """See SharedAccount."""
        async with _sharing():
            stored = await self._tokens.read(name)
        value = self._seals.open(stored.sealed) if stored else ""
        return KeptToken(value, stored.expires_in_s, stored.renew_in_s) if stored and value else None

    async def claim_token(self, name: str) -> bool:
        """See SharedAccount."""
        async with _sharing():
            return await self._tokens.claim(name, _CLAIM_S)

    async def keep_token(self, name: str, token: KeptToken | None) -> None:
        """See SharedAccount."""
        async with _sharing():
            if token is None:
                await self._tokens.end_claim(name)
            else:
                sealed = self._seals.seal(token.value)
                await self._tokens.keep(name, StoredToken(sealed, token.expires_in_s, token.renew_in_s))


def stored_account(
    db: Database,
    vault: Vault,
    channel: Channel,
    credentials: Mapping[str, str],
    new_lease: Callable[[], UUID] = uuid4,
) -> StoredAccount:
    """A channel's account; makes no call."""
    digest = hashlib.sha256(json.dumps(dict(credentials), sort_keys=True).encode()).hexdigest()
    seals = _Seals(vault, channel.platform, channel.account, digest)
    return StoredAccount(QuotaRecords(db, channel.id), TokenRecords(db, channel.id, new_lease()), seals)
