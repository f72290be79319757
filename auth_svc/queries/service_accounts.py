"""Service accounts as admins look at them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import BigInteger, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from auth_svc.domain.service_account import AccountSecret, ServiceAccount
from auth_svc.domain.user import Role
from auth_svc.storage.tables import service_account_secrets, service_accounts
from chassis.database import Database, Statement


@dataclass(frozen=True, slots=True)
class ServiceAccountPage:
    """One page, whether more follow, and how many there are over all pages."""

    items: list[ServiceAccount]
    is_last: bool
    total: int


_a, _s = service_accounts.c, service_account_secrets.c
_PAGE = Statement(
    select(_a.id, _a.client_id, _a.role, _a.is_active, _a.created_at, _a.last_used_at)
    .where(_a.id > bindparam("after_id"))
    .order_by(_a.id)
    .limit(bindparam("most"))
)
_SECRETS = Statement(
    select(_s.account_id, _s.id, _s.secret_hash, _s.is_from_settings, _s.created_at, _s.expires_at, _s.last_used_at)
    .where(_s.account_id == any_(bindparam("account_ids", type_=ARRAY(BigInteger))))
    .order_by(_s.id.desc())
)
_COUNT = Statement(select(func.count()).select_from(service_accounts))


async def list_service_accounts(db: Database, after_id: int, most: int) -> ServiceAccountPage:
    """At most `most` accounts behind `after_id`, by id."""
    rows = await db.fetch(_PAGE, after_id=after_id, most=most + 1)
    secrets: dict[int, list[AccountSecret]] = defaultdict(list)
    for row in await db.fetch(_SECRETS, account_ids=[row["id"] for row in rows[:most]]):
        secrets[row["account_id"]].append(AccountSecret(*list(row.values())[1:]))
    items = [
        ServiceAccount(**{**row, "role": Role(row["role"]), "secrets": tuple(secrets[row["id"]])})
        for row in rows[:most]
    ]
    return ServiceAccountPage(items, len(rows) <= most, int(await db.fetchval(_COUNT)))
