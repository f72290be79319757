"""CatalogService as one class; the rpcs stand by noun in the modules beside."""

from __future__ import annotations

from catalog_svc.servicers.families import FamilyRpcs
from catalog_svc.servicers.finding import FindingRpcs
from catalog_svc.servicers.identities import IdentityRpcs
from catalog_svc.servicers.recipes import RecipeRpcs
from catalog_svc.servicers.registries import RegistryRpcs
from catalog_svc.servicers.transfer import TransferRpcs
from catalog_svc.servicers.variants import VariantRpcs


class CatalogServicer(FamilyRpcs, IdentityRpcs, VariantRpcs, RecipeRpcs, RegistryRpcs, FindingRpcs, TransferRpcs):
    """All rpcs of CatalogService."""
