"""Where things stand in the repository, for every build tool and contract test."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
THIRD_PARTY = PROTOS / "third_party"
GENERATED = ROOT / "gen"
DESCRIPTOR_SET = GENERATED / "hub.binpb"
SERVICE_PACKAGES = ("auth_svc", "catalog_svc", "inventory_svc", "sync_svc")
