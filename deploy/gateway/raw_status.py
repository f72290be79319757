"""Lets raw answers carry the HTTP status their standards fix, as the OAuth endpoints' 400 and 401 are.

The transcoder answers 200 to every raw body. The service names the status in a header, and this filter, which stands before
the transcoder and so sees the answer after it, puts it into its place. Nothing but Lua may set `:status` in Envoy; only the
routes of rpcs with raw answers run it.
"""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]

FILTER = "envoy.filters.http.lua"
STATUS_HEADER = "x-hub-http-status"
_SOURCE = f"""
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get("{STATUS_HEADER}")
  if status ~= nil then
    headers:remove("{STATUS_HEADER}")
    if headers:get(":status") == "200" and string.match(status, "^4%d%d$") then
      headers:replace(":status", status)
    end
  end
end
"""


def on_route() -> Config:
    """What switches the filter on for one route."""
    return {
        FILTER: {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute",
            "source_code": {"inline_string": _SOURCE},
        }
    }
