"""The documentation pages, answered by the gateway itself from the files that build_tools.openapi writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.gateway.settings import GatewaySettings

Config = dict[str, Any]

# Nothing on these pages comes from, or goes to, any other host.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_KINDS = {
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".js": "application/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


def page_routes(settings: GatewaySettings) -> list[Config]:
    """One route per file, as far as the files are there."""
    files = {"/api/v1/openapi.json": settings.openapi, **_documentation(settings.docs)}
    return [_page(path, file) for path, file in files.items() if file.exists()] + [_front_door()]


def _documentation(folder: Path) -> dict[str, Path]:
    """`docs.html` and `redoc.html` are pages, everything else is what they load."""
    if not folder.is_dir():
        return {}
    return {_path_of(file): file for file in sorted(folder.iterdir()) if file.suffix in _KINDS}


def _path_of(file: Path) -> str:
    return f"/api/v1/{file.stem}" if file.suffix == ".html" else f"/api/v1/docs/assets/{file.name}"


def _page(path: str, file: Path) -> Config:
    headers = {"content-type": _KINDS[file.suffix], "cache-control": "no-cache"}
    if file.suffix == ".html":
        headers["content-security-policy"] = _POLICY
    return {
        "match": {"path": path, "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        "direct_response": {"status": 200, "body": {"filename": str(file.resolve())}},
        "response_headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }


def _front_door() -> Config:
    return {"match": {"path": "/"}, "redirect": {"path_redirect": "/api/v1/docs", "response_code": "FOUND"}}
