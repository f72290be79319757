"""The settings of the auth service."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from auth_svc.domain.key_schedule import KeyPolicy
from auth_svc.domain.service_account import SeededAccount, read_seeded_accounts
from auth_svc.domain.session import Lifetimes
from chassis.hub_health import SERVICES
from chassis.setting_values import parse_key, parse_path, parse_secret, whole
from chassis.settings import ServiceSettings, setting

_KEYS = KeyPolicy()


def _username(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{3,50}", raw):
        raise ValueError("a username has 3 to 50 letters, digits and underscores")
    return raw


def _span(unit: str, most: int) -> Callable[[str], timedelta]:
    count = whole(1, most)
    return lambda raw: timedelta(**{unit: count(raw)})


def _services(raw: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in raw.split(",") if name.strip())
    if not names or not set(names) <= set(SERVICES):
        raise ValueError(f"takes some of {', '.join(SERVICES)}")
    return names


@dataclass(frozen=True, kw_only=True)
class AuthSettings(ServiceSettings):
    """Read once at start."""

    state_dir: Path = setting(
        "HUB_STATE_DIR", Path(".state"), "Where a generated admin password is kept.", parse=parse_path
    )
    admin_user: str = setting("HUB_ADMIN_USER", "admin", "The first admin, made at the first start.", parse=_username)
    admin_password: str = setting(
        "HUB_ADMIN_PASSWORD", "", "The first admin's password; empty: one is made.", parse=parse_secret, secret=True
    )
    service_accounts: tuple[SeededAccount, ...] = setting(
        "HUB_SERVICE_ACCOUNTS",
        (),
        "Accounts of the hub's own services: client_id:secret:ROLE, separated by commas.",
        parse=read_seeded_accounts,
        secret=True,
    )
    key_encryption_key: str = setting(
        "HUB_KEY_ENCRYPTION_KEY",
        "",
        "Seals the signing keys in the database; empty: HUB_SEAL_KEY does.",
        parse=parse_key,
        secret=True,
    )
    key_rotation: timedelta = setting(
        "HUB_KEY_DAYS", _KEYS.rotation, "Days until another signing key takes over.", parse=_span("days", 3650)
    )
    key_lead: timedelta = setting(
        "HUB_KEY_LEAD_SECONDS",
        _KEYS.lead,
        "Seconds a new signing key is published before it signs; more than anybody keeps the JWKS.",
        parse=_span("seconds", 86_400),
    )
    access_lifetime: timedelta = setting(
        "HUB_ACCESS_TOKEN_MINUTES", Lifetimes.access, "Minutes an access token lives.", parse=_span("minutes", 1440)
    )
    refresh_lifetime: timedelta = setting(
        "HUB_REFRESH_TOKEN_DAYS", Lifetimes.refresh, "Days an unused refresh token lives.", parse=_span("days", 3650)
    )
    session_lifetime: timedelta = setting(
        "HUB_SESSION_DAYS",
        Lifetimes.session,
        "Days until one has to sign in anew in any case.",
        parse=_span("days", 3650),
    )
    password_workers: int = setting(
        "HUB_PASSWORD_WORKERS", 2, "Passwords checked at the same time; 32 MiB each.", parse=whole(1, 64)
    )

    health_services: tuple[str, ...] = setting(
        "HUB_HEALTH_SERVICES", SERVICES, "The services that /health asks, separated by commas.", parse=_services
    )

    @property
    def lifetimes(self) -> Lifetimes:
        """How long tokens and sessions live."""
        return Lifetimes(self.access_lifetime, self.refresh_lifetime, self.session_lifetime)

    @property
    def key_policy(self) -> KeyPolicy:
        """How often signing keys change."""
        return KeyPolicy(self.key_rotation, self.key_lead, self.access_lifetime)

    @property
    def signing_key_secret(self) -> str:
        """What the private signing keys are sealed with."""
        return self.key_encryption_key or self.seal_key
