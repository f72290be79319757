"""The gateway: Envoy, configured from the same protos that the services are built from."""

from deploy.gateway.render import render
from deploy.gateway.settings import GatewaySettings

__all__ = ["GatewaySettings", "render"]
