"""Identities."""

from __future__ import annotations

import grpc
from usav.catalog.v1 import identity_pb2

from catalog_svc.convert import requests
from catalog_svc.convert.messages import identity_message
from catalog_svc.domain.changes import Kind
from catalog_svc.domain.identifiers import parse_hex_signature, parse_upis_h
from catalog_svc.domain.row import Row
from catalog_svc.operations import identities
from catalog_svc.queries.lists import IDENTITIES
from catalog_svc.servicers.base import CatalogRpcs, given, optional


class IdentityRpcs(CatalogRpcs):
    """ListIdentities, GetIdentity and its lookups, CreateIdentity, UpdateIdentity."""

    async def ListIdentities(
        self, request: identity_pb2.ListIdentitiesRequest, context: grpc.aio.ServicerContext
    ) -> identity_pb2.ListIdentitiesResponse:
        """One page, by id."""
        filters = given(
            product_id=optional(request, "product_id"),
            type=requests.type_name(request.type),
            physical_class=requests.class_name(request.physical_class),
        )
        answer = identity_pb2.ListIdentitiesResponse
        return await self.list_page(request, IDENTITIES, filters, answer, identity_message)

    async def GetIdentity(
        self, request: identity_pb2.GetIdentityRequest, context: grpc.aio.ServicerContext
    ) -> identity_pb2.Identity:
        """One identity and its variants, by id."""
        return await self._whole(await self.lookups.get(Kind.IDENTITY, request.id))

    async def GetIdentityByUpisH(
        self, request: identity_pb2.GetIdentityByUpisHRequest, context: grpc.aio.ServicerContext
    ) -> identity_pb2.Identity:
        """One identity and its variants, by hierarchical name."""
        name = parse_upis_h(request.upis_h)
        return await self._whole(await self.lookups.identity_by_name(name, "upis_h", name.upis_h))

    async def GetIdentityByHexSignature(
        self, request: identity_pb2.GetIdentityByHexSignatureRequest, context: grpc.aio.ServicerContext
    ) -> identity_pb2.Identity:
        """One identity and its variants, by signature."""
        name = parse_hex_signature(request.hex_signature)
        return await self._whole(await self.lookups.identity_by_name(name, "hex_signature", name.hex_signature))

    async def CreateIdentity(
        self, request: identity_pb2.CreateIdentityRequest, context: grpc.aio.ServicerContext
    ) -> identity_pb2.Identity:
        """A new identity."""
        new = requests.new_identity(request.identity)
        return await self.write(
            request, identity_pb2.Identity, lambda conn: identities.create_identity(conn, new), identity_message
        )

    async def UpdateIdentity(
        self, request: identity_pb2.UpdateIdentityRequest, context: grpc.aio.ServicerContext
    ) -> identity_pb2.Identity:
        """The class and the texts of an identity."""
        asked, key = requests.identity_edit(request), request.identity.id
        return await self.write(
            request, identity_pb2.Identity, lambda conn: identities.update_identity(conn, key, asked), identity_message
        )

    async def _whole(self, row: Row) -> identity_pb2.Identity:
        return identity_message(row, await self.lookups.variants_of(row["id"]))
