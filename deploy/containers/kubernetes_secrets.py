"""`python -m deploy.containers.kubernetes_secrets FOLDER`: prints what deploy.containers.secrets wrote there as Secrets.

For `kubectl --namespace usav-hub apply --filename -`. One per process, so that a pod can mount its own and no other.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_PROCESSES = ("auth", "catalog", "inventory", "sync", "migrate", "backup")
# CloudNativePG's name for the administrator.
_SUPERUSER = "postgres"


def main() -> int:
    """Exits 2 without a folder that holds them."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "migrate").is_dir():
        print("usage: python -m deploy.containers.kubernetes_secrets FOLDER", file=sys.stderr)
        return 2
    print(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests(Path(sys.argv[1]))}, indent=1))
    return 0


def manifests(folder: Path) -> list[dict[str, Any]]:
    """The Secrets, without a namespace."""
    made = [_secret(f"hub-{process}", _files(folder / process)) for process in _PROCESSES]
    login = {"username": _SUPERUSER, "password": (folder / "postgres" / "password").read_text()}
    return [*made, {**_secret("hub-db-superuser", login), "type": "kubernetes.io/basic-auth"}]


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def _secret(name: str, content: dict[str, str]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "usav-hub"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": labels},
        "type": "Opaque",
        "stringData": content,
    }


if __name__ == "__main__":
    raise SystemExit(main())
