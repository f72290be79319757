"""Lets the OAuth endpoints answer with the statuses their RFCs fix.

The transcoder answers 200 to every raw body. The auth service names the status in a header, and this filter, which stands
before the transcoder and so sees the answer after it, puts it into its place. Nothing but Lua may set `:status` in Envoy.
"""

from __future__ import annotations

from typing import Any

STATUS_HEADER = "x-hub-http-status"
_SOURCE = f"""
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get("{STATUS_HEADER}")
  if status ~= nil then
    headers:remove("{STATUS_HEADER}")
    if headers:get(":status") == "200" and (status == "400" or status == "401" or status == "429") then
      headers:replace(":status", status)
    end
  end
end
"""


def oauth_status_options() -> dict[str, Any]:
    """The options of the Lua filter."""
    return {"default_source_code": {"inline_string": _SOURCE}}
