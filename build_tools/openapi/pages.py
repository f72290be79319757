"""The pages that show the OpenAPI document: Swagger UI and ReDoc with their scripts, fetching nothing from another host."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

DOCUMENT_URL = "/api/v1/openapi.json"
ASSETS_URL = "/api/v1/docs/assets"

# What offapi calls its files, and what they are called here.
_SCRIPTS = {"swagger_bundle.js": "swagger.js", "swagger_style.css": "swagger.css", "redoc.js": "redoc.js"}

_ICON = "data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 1 1%22/>"

_HEAD = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
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

# ReDoc's own fonts come from another host unless others are named.
_REDOC = (
    _HEAD
    + f"""<style>body {{ margin: 0; }}</style>
</head>
<body>
<div id="page"></div>
<script src="{ASSETS_URL}/redoc.js"></script>
<script>
Redoc.init("{DOCUMENT_URL}", {{
  hideDownloadButton: false,
  disableSearch: false,
  theme: {{
    typography: {{
      fontFamily: "system-ui, sans-serif",
      headings: {{ fontFamily: "system-ui, sans-serif" }},
      code: {{ fontFamily: "ui-monospace, monospace" }},
    }},
  }},
}}, document.getElementById("page"));
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
        (folder / name).write_bytes((files("offapi") / theirs).read_bytes())
