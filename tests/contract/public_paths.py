"""The JSON paths that the hub's users know. They are a promise: a path may be added here, none may go or change."""

from __future__ import annotations

AUTH = """
POST /api/v1/auth/token
GET /api/v1/auth/me
POST /api/v1/auth/me/change-password
GET /api/v1/auth/users
POST /api/v1/auth/users
GET /api/v1/auth/users/{id}
PATCH /api/v1/auth/users/{id}
DELETE /api/v1/auth/users/{id}
POST /api/v1/auth/users/{id}/activate
POST /api/v1/auth/users/{id}/deactivate
GET /api/v1/auth/me/sessions
DELETE /api/v1/auth/me/sessions/{id}
GET /api/v1/auth/users/{id}/sessions
DELETE /api/v1/auth/users/{id}/sessions
DELETE /api/v1/auth/users/{id}/sessions/{id}
GET /api/v1/auth/events
POST /api/v1/auth/keys/rotate
GET /api/v1/auth/service-accounts
POST /api/v1/auth/service-accounts
DELETE /api/v1/auth/service-accounts/{id}
POST /api/v1/auth/service-accounts/{id}/rotate
GET /.well-known/jwks.json
GET /health
"""

CATALOG = """
GET /api/v1/families
POST /api/v1/families
GET /api/v1/families/{product_id}
PATCH /api/v1/families/{product_id}
DELETE /api/v1/families/{product_id}
GET /api/v1/identities
POST /api/v1/identities
GET /api/v1/identities/{id}
PATCH /api/v1/identities/{id}
GET /api/v1/identities/upis/{upis_h}
GET /api/v1/identities/hex/{hex_signature}
GET /api/v1/variants
POST /api/v1/variants
GET /api/v1/variants/{id}
PATCH /api/v1/variants/{id}
DELETE /api/v1/variants/{id}
POST /api/v1/variants/{id}/undelete
GET /api/v1/variants/sku/{full_sku}
GET /api/v1/bundles
POST /api/v1/bundles
PATCH /api/v1/bundles/{id}
DELETE /api/v1/bundles/{id}
GET /api/v1/bundles/parent/{id}/components
GET /api/v1/bundles/child/{id}/bundles
GET /api/v1/bundles/parent/{id}/bom
GET /api/v1/catalog/search
POST /api/v1/catalog/import
GET /api/v1/catalog/export
"""

# Registry and the field that names its rows.
REGISTRIES = {"brands": "id", "colors": "code", "conditions": "code", "sizes": "code", "lci-definitions": "id"}

INVENTORY = """
GET /api/v1/inventory
POST /api/v1/inventory
GET /api/v1/inventory/{id}
PATCH /api/v1/inventory/{id}
DELETE /api/v1/inventory/{id}
GET /api/v1/inventory/serial/{serial_number}
POST /api/v1/inventory/receive
POST /api/v1/inventory/receive/batch
POST /api/v1/inventory/move
POST /api/v1/inventory/move/batch
POST /api/v1/inventory/{id}/reserve
POST /api/v1/inventory/{id}/release
POST /api/v1/inventory/{id}/sell
POST /api/v1/inventory/{id}/return
POST /api/v1/inventory/{id}/inspect
POST /api/v1/inventory/{id}/restock
POST /api/v1/inventory/{id}/damage
POST /api/v1/inventory/{id}/repair
POST /api/v1/inventory/{id}/write-off
POST /api/v1/inventory/reserve/batch
POST /api/v1/inventory/release/batch
POST /api/v1/inventory/sell/batch
POST /api/v1/inventory/return/batch
POST /api/v1/inventory/write-off/batch
GET /api/v1/inventory/locations
POST /api/v1/inventory/locations
GET /api/v1/inventory/locations/{id}
PATCH /api/v1/inventory/locations/{id}
DELETE /api/v1/inventory/locations/{id}
GET /api/v1/inventory/transfers
POST /api/v1/inventory/transfers
GET /api/v1/inventory/transfers/{id}
POST /api/v1/inventory/transfers/{id}/receive
GET /api/v1/inventory/counts
POST /api/v1/inventory/counts
GET /api/v1/inventory/counts/{id}
POST /api/v1/inventory/counts/{id}/scan
POST /api/v1/inventory/counts/{id}/close
POST /api/v1/inventory/counts/{id}/approve
GET /api/v1/inventory/summary
GET /api/v1/inventory/summary/{variant_id}
GET /api/v1/inventory/availability
GET /api/v1/inventory/value/total
GET /api/v1/inventory/audit/{sku_or_serial}
GET /api/v1/inventory/{id}/history
GET /api/v1/inventory/movements
"""

SYNC = """
GET /api/v1/listings
POST /api/v1/listings
GET /api/v1/listings/{id}
PATCH /api/v1/listings/{id}
DELETE /api/v1/listings/{id}
GET /api/v1/listings/pending
GET /api/v1/listings/errors
POST /api/v1/listings/{id}/mark-synced
POST /api/v1/listings/{id}/mark-error
POST /api/v1/listings/{id}/retry
GET /api/v1/variants/pending-sync/zoho
GET /api/v1/sync/status
GET /api/v1/sync/drift
POST /api/v1/sync/reconcile
GET /api/v1/channels
POST /api/v1/channels
GET /api/v1/channels/{id}
PATCH /api/v1/channels/{id}
"""


def promised() -> list[str]:
    """Every promised verb and path, "GET /api/v1/families"."""
    lines = "".join((AUTH, CATALOG, INVENTORY, SYNC)).split("\n")
    return [line for line in lines if line] + list(_registry_paths())


def _registry_paths() -> list[str]:
    found = []
    for noun, key in REGISTRIES.items():
        one = f"/api/v1/{noun}/{{{key}}}"
        found += [f"GET /api/v1/{noun}", f"POST /api/v1/{noun}", f"PATCH {one}", f"DELETE {one}"]
    return found
