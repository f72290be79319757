"""The pages that show the OpenAPI document: Swagger UI and ReDoc with their scripts, fetching nothing from another host."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

DOCUMENT_URL = "/api/v1/openapi.json"
ASSETS_URL = "/api/v1/docs/assets"

# What offapi calls its files, and what they are called here.
_SCRIPTS = {"swagger_bundle.js": "swagger.js", "swagger_style.css": "swagger.css", "redoc.js": "redoc.js"}

# Where ReDoc would get its makers' logo and icons, and send its telemetry; what is asked of these is asked of nobody.
_OUTSIDE = (b"https://cdn.redoc.ly", b"https://cdn.redocly.com", b"https://otel.cloud.redocly.com")
_NOWHERE = b"data:,#"

_ICON = "data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 1 1%22/>"

# The browser itself refuses whatever a script might still want from elsewhere.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
    )
)

_HEAD = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>USAV Inventory Hub</title>
<link rel="icon" href="{_ICON}">
"""

_SWAGGER = (
    _HEAD
    + f"""<link rel="stylesheet" href="{ASSETS_URL}/swagger.css">
</head>
<body>
<div id="ui"></div>
<script src="{ASSETS_URL}/swagger.js"></script>
<script>
SwaggerUIBundle({{
  url: "{DOCUMENT_URL}",
  dom_id: "#ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: true,
  validatorUrl: null,
}});
</script>
</body>
</html>
"""
)

_REDOC = (
    _HEAD
    + f"""<style>body {{ margin: 0; }}</style>
</head>
<body>
<div id="page"></div>
<script type="module">
import {{ init }} from "{ASSETS_URL}/redoc.js";
init("{DOCUMENT_URL}", {{ disableTelemetry: true }}, document.getElementById("page"));
</script>
</body>
</html>
"""
)


def write_pages(folder: Path) -> None:
    """Writes both pages and what they load into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docs.html").write_text(_SWAGGER)
    (folder / "redoc.html").write_text(_REDOC)
    for theirs, name in _SCRIPTS.items():
        (folder / name).write_bytes(_without_outside((files("offapi") / theirs).read_bytes()))


def _without_outside(script: bytes) -> bytes:
    for address in _OUTSIDE:
        script = script.replace(address, _NOWHERE)
    return script
