"""What `make run` prints once the hub is healthy: addresses, the admin, and three commands that work as they stand."""

from __future__ import annotations

from deploy.local.hub import Hub

_FIND_TOKEN = r"""sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"""


def banner(hub: Hub) -> str:
    """The text, ready to print."""
    url = hub.gateway_url
    return f"""
The hub is running.

  JSON, gRPC and gRPC-web   {url}
  API documentation         {url}/api/v1/docs
  Marketplace sandbox       {hub.sandbox_url or "none"}
  Logs                      {hub.state.path}/logs
  Admin                     {hub.admin_user}
  Password                  {hub.admin_password}   (as of the first start)

Three commands to try:

  curl -H "Authorization: Bearer $({_token_command(hub)})" {url}/api/v1/families

  grpcurl -plaintext {url.removeprefix("http://")} list

  make demo

Ctrl-C stops everything; the data stays in {hub.state.path}.
"""


def _token_command(hub: Hub) -> str:
    form = f"-d grant_type=password -d username={hub.admin_user} --data-urlencode password@{hub.state.admin_password}"
    return f"curl -s {hub.gateway_url}/api/v1/auth/token {form} | {_FIND_TOKEN}"
