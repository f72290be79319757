"""`python -m deploy.gateway`: prints Envoy's configuration for a gateway that runs elsewhere, as in a container."""

from __future__ import annotations

import json
import os
import sys

from chassis.settings import SettingsError, load
from deploy.gateway.environment import GatewayEnvironment, edge_settings
from deploy.gateway.render import render
from deploy.gateway.settings import GatewaySettings


def main() -> int:
    """Exits 2 on a wrong setting."""
    try:
        found = load(GatewayEnvironment, os.environ)
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
