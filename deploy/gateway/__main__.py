"""`python -m deploy.gateway`: prints Envoy's configuration for a gateway that runs elsewhere, as in a container."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from chassis.settings import SettingsError, load, parse_port, setting
from deploy.gateway.environment import edge_settings
from deploy.gateway.render import render
from deploy.gateway.settings import GatewaySettings

Hosts = tuple[tuple[str, int], ...]


def parse_hosts(raw: str) -> Hosts:
    """`host:port`, several separated by commas. Raises ValueError."""
    pairs = [part.strip().rpartition(":") for part in raw.removeprefix("ipv4:").split(",")]
    if not all(host and port for host, _, port in pairs):
        raise ValueError("takes host:port, several separated by commas")
    return tuple((host, parse_port(port)) for host, _, port in pairs)


def _parse_list(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


@dataclass(frozen=True, kw_only=True)
class _Environment:
    """The same variables that the services read."""

    bind: str = setting("HUB_BIND", "127.0.0.1", "The address to listen on.")
    port: int = setting("HUB_GATEWAY_PORT", 8000, "The port of everything public.", parse=parse_port)
    admin_port: int = setting("HUB_ENVOY_ADMIN_PORT", 9901, "Envoy's own statistics; on loopback.", parse=parse_port)
    auth: Hosts = setting("HUB_AUTH_ADDRESS", (("127.0.0.1", 50051),), "Replicas of auth.", parse=parse_hosts)
    catalog: Hosts = setting("HUB_CATALOG_ADDRESS", (("127.0.0.1", 50052),), "Of catalog.", parse=parse_hosts)
    inventory: Hosts = setting("HUB_INVENTORY_ADDRESS", (("127.0.0.1", 50053),), "Of inventory.", parse=parse_hosts)
    sync: Hosts = setting("HUB_SYNC_ADDRESS", (("127.0.0.1", 50054),), "Of sync.", parse=parse_hosts)
    cors_origins: tuple[str, ...] = setting("HUB_CORS_ORIGINS", (), "Origins that may call.", parse=_parse_list)
    trusted_proxies: int = setting("HUB_TRUSTED_PROXIES", 0, "Proxies before the gateway.")
    access_log: Path = setting("HUB_ACCESS_LOG", Path("/dev/stdout"), "Where refused requests are logged.")


def main() -> int:
    """Exits 2 on a wrong setting."""
    try:
        found = load(_Environment, os.environ)
        edge = edge_settings(os.environ)
    except SettingsError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 2
    settings = GatewaySettings(
        bind=found.bind,
        port=found.port,
        admin_port=found.admin_port,
        endpoints={"auth": found.auth, "catalog": found.catalog, "inventory": found.inventory, "sync": found.sync},
        cors_origins=found.cors_origins,
        trusted_proxies=found.trusted_proxies,
        access_log=found.access_log,
        **edge,
    )
    print(json.dumps(render(settings), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
