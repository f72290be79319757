"""Writes the software bill of materials, CycloneDX 1.6 as JSON, from the lock of what runs: `make sbom`.

The same lock gives the same file, byte for byte: the serial number comes from the lock, and there is no time in it.
"""

from __future__ import annotations

import json
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

from build_tools.layout import ROOT
from build_tools.locked import LOCKS, Package, packages

TARGET = ROOT / "gen" / "sbom.cdx.json"


def bill_of_materials(lock: Path) -> dict[str, Any]:
    """The document for one lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock.read_text())}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": project["name"],
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
            }
        },
        "components": [_component(package) for package in packages(lock)],
        "dependencies": [{"ref": project["name"], "dependsOn": [one.purl for one in packages(lock)]}],
    }


def _component(package: Package) -> dict[str, Any]:
    """The files that may be installed stand as properties: which of them it will be, the machine decides."""
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "scope": "required",
        "properties": [{"name": "hub:sha256", "value": value} for value in package.hashes],
    }


def main() -> int:
    """Writes to the file given, or to gen/."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    made = bill_of_materials(LOCKS["base"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(made, indent=1) + "\n")
    print(f"{target}: {len(made['components'])} components")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
