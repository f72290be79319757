"""The settings of a whole hub on one machine, from the environment and an optional `.env`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from chassis.setting_values import (
    parse_bool,
    parse_database,
    parse_host,
    parse_key,
    parse_level,
    parse_origins,
    parse_path,
    parse_port,
    parse_secret,
    parse_url,
    seconds,
    whole,
)
from chassis.settings import load, read_dotenv, secret_files, setting

ROOT = Path(__file__).resolve().parent.parent.parent


def _parse_username(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{3,50}", raw):
        raise ValueError("a username has 3 to 50 letters, digits and underscores")
    return raw


@dataclass(frozen=True, kw_only=True)
class HubSettings:
    """One hub. A port of 0 is chosen freely; `replicas`, `skip`, `extra_env` and `postgres_options` are for tests and bench."""

    bind: str = setting("HUB_BIND", "127.0.0.1", "The address the gateway listens on.", parse=parse_host)
    gateway_port: int = setting("HUB_GATEWAY_PORT", 8000, "The port of everything public.", parse=parse_port)
    state_dir: Path = setting(
        "HUB_STATE_DIR", Path(".state"), "Where data, secrets and logs are kept.", parse=parse_path
    )
    admin_user: str = setting("HUB_ADMIN_USER", "admin", "The name of the first admin.", parse=_parse_username)
    admin_password: str = setting(
        "HUB_ADMIN_PASSWORD", "", "The first admin's password.", parse=parse_secret, secret=True
    )
    database_url: str = setting(
        "DATABASE_URL", "", "An administrator of another Postgres 16+.", parse=parse_database, secret=True
    )
    database_pooler_url: str = setting(
        "DATABASE_POOLER_URL",
        "",
        "A PgBouncer in front of it, in transaction mode, through which the services work.",
        parse=parse_database,
        secret=True,
    )
    database_replica_url: str = setting(
        "DATABASE_REPLICA_URL", "", "A standby of it, for reads that take long.", parse=parse_database, secret=True
    )
    auth_port: int = setting("HUB_AUTH_PORT", 0, "Default 50051 or a free one.", parse=parse_port)
    catalog_port: int = setting("HUB_CATALOG_PORT", 0, "Default 50052 or a free one.", parse=parse_port)
    inventory_port: int = setting("HUB_INVENTORY_PORT", 0, "Default 50053 or a free one.", parse=parse_port)
    sync_port: int = setting("HUB_SYNC_PORT", 0, "Default 50054 or a free one.", parse=parse_port)
    sandbox_port: int = setting("HUB_SANDBOX_PORT", 0, "Default 8090 or a free one.", parse=parse_port)
    postgres_port: int = setting("HUB_POSTGRES_PORT", 0, "Default 55432 or a free one.", parse=parse_port)
    envoy_admin_port: int = setting("HUB_ENVOY_ADMIN_PORT", 0, "Default 9901 or a free one.", parse=parse_port)
    log_level: str = setting("HUB_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR.", parse=parse_level)
    cors_origins: tuple[str, ...] = setting(
        "HUB_CORS_ORIGINS", (), "Origins of web pages that may call; * for all.", parse=parse_origins
    )
    trusted_proxies: int = setting(
        "HUB_TRUSTED_PROXIES", 0, "How many proxies stand before the gateway.", parse=whole(0, 20)
    )
    mtls: bool = setting(
        "HUB_MTLS", False, "Whether the hub's processes prove to each other who they are.", parse=parse_bool
    )
    start_seconds: float = setting(
        "HUB_START_SECONDS", 60.0, "How long to wait until the hub is healthy.", parse=seconds(1, 3600)
    )
    metrics: bool = setting(
        "HUB_METRICS", True, "Whether every process serves its metrics, on ports found free.", parse=parse_bool
    )
    role_secret: str = setting(
        "HUB_ROLE_SECRET",
        "",
        "What the database roles' passwords come from; empty: made.",
        parse=parse_key,
        secret=True,
    )
    seal_key: str = setting("HUB_SEAL_KEY", "", "Seals tokens; empty: made.", parse=parse_key, secret=True)
    public_url: str = setting(
        "HUB_PUBLIC_URL", "", "The address under which platforms reach the webhooks.", parse=parse_url
    )
    sandbox_address: str = setting(
        "HUB_SANDBOX_URL", "", "Another sandbox of the marketplaces; empty: the hub's own.", parse=parse_url
    )
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    replicas: Mapping[str, int] = field(default_factory=dict)
    skip: frozenset[str] = frozenset()
    postgres_options: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The state folder as an absolute path."""
        return self.state_dir.expanduser().resolve()


def load_settings(environ: Mapping[str, str], dotenv: Path = ROOT / ".env") -> HubSettings:
    """The settings of `make run`; what they leave open is passed on to the services. Raises SettingsError."""
    values = {**read_dotenv(dotenv), **environ}
    values |= secret_files(values, ("HUB_ROLE_SECRET", "HUB_SEAL_KEY"))
    settings = load(HubSettings, values)
    return replace(settings, environ=values)
