"""Writes the OpenAPI document and the pages into gen/."""

from __future__ import annotations

import json
from pathlib import Path

from build_tools.descriptors import load
from build_tools.layout import GENERATED
from build_tools.openapi.document import build
from build_tools.openapi.pages import write_pages
from build_tools.roles import load_policies
from build_tools.routes import RouteError
from chassis.access import AccessOptionMissing

REFUSALS = (RouteError, AccessOptionMissing)


def write(folder: Path = GENERATED) -> Path:
    """Writes openapi.json and docs/; gives the path of the former. Raises one of REFUSALS and writes nothing then."""
    text = json.dumps(build(load(), load_policies()), indent=1, ensure_ascii=False)
    document = folder / "openapi.json"
    unfinished = document.with_suffix(".new")
    unfinished.write_text(text + "\n")
    unfinished.replace(document)
    write_pages(folder / "docs")
    return document
