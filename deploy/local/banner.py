"""What `make run` prints once the hub is healthy: addresses, the admin, and three commands that work as they stand.

They need nothing that `make run` has not installed.
"""

from __future__ import annotations

import shlex

from deploy.local.hub import Hub
from deploy.local.settings import ROOT


def banner(hub: Hub) -> str:
    """The text, ready to print."""
    url, told = hub.gateway_url, _environment(hub)
    return f"""
The hub is running.

  JSON, gRPC and gRPC-web   {url}
  API documentation         {url}/api/v1/docs
  Marketplace sandbox       {hub.sandbox_url or "none"}
  Logs                      {hub.state.path}/logs
  Admin                     {hub.admin_user}
  Password                  {hub.admin_password}   (as of the first start)

Three commands to try:

  {told}.venv/bin/hubctl sign-in --local
  {told}.venv/bin/hubctl import hubctl/data/sample_catalog.csv
  {told}make demo

Ctrl-C stops everything; the data stays in {hub.state.path}.
"""


def _environment(hub: Hub) -> str:
    """What commands must be told of a hub that is not the one of the project's folder."""
    if hub.state.path == (ROOT / ".state").resolve():
        return ""
    return f"HUB_STATE_DIR={shlex.quote(str(hub.state.path))} "
