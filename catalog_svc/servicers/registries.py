"""The registries: brands, colours, conditions, sizes and component definitions. All work alike; `_Registry` says how
they differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from usav.catalog.v1 import registry_pb2

from catalog_svc.convert import requests
from catalog_svc.convert.messages import entry_message
from catalog_svc.domain.changes import Kind
from catalog_svc.domain.drafts import Edit
from catalog_svc.domain.row import Row
from catalog_svc.operations import registries
from catalog_svc.queries.lists import REGISTRIES, contains_pattern
from catalog_svc.servicers.base import CatalogRpcs, given, optional

E = TypeVar("E", bound=Message)
P = TypeVar("P", bound=Message)


@dataclass(frozen=True)
class _Registry(Generic[E, P]):
    kind: Kind
    message: type[E]
    page: Callable[..., P]
    fields: tuple[str, ...]

    def shown(self, row: Row) -> E:
        return entry_message(self.message(), row, self.fields)


_CODED = ("code", "name")
_BRANDS = _Registry(Kind.BRAND, registry_pb2.Brand, registry_pb2.ListBrandsResponse, ("id", "name"))
_COLORS = _Registry(Kind.COLOR, registry_pb2.Color, registry_pb2.ListColorsResponse, _CODED)
_CONDITIONS = _Registry(Kind.CONDITION, registry_pb2.Condition, registry_pb2.ListConditionsResponse, _CODED)
_SIZES = _Registry(Kind.SIZE, registry_pb2.Size, registry_pb2.ListSizesResponse, _CODED)
_LCI_DEFINITIONS = _Registry(
    Kind.LCI_DEFINITION,
    registry_pb2.LciDefinition,
    registry_pb2.ListLciDefinitionsResponse,
    ("id", "product_id", "component_index", "name"),
)


class _Shared(CatalogRpcs):
    """The five rpcs that every registry has."""

    async def _list(self, request: Any, registry: _Registry[E, P], **filters: Any) -> P:
        listing = REGISTRIES[registry.kind]
        return await self.list_page(request, listing, given(**filters), registry.page, registry.shown)

    async def _get(self, registry: _Registry[E, P], key: Any) -> E:
        return registry.shown(await self.lookups.get(registry.kind, key))

    async def _create(self, request: Any, registry: _Registry[E, P], values: dict[str, Any]) -> E:
        return await self.write(
            request,
            registry.message,
            lambda conn: registries.create_entry(conn, registry.kind, values),
            registry.shown,
        )

    async def _update(self, request: Any, registry: _Registry[E, P], key: Any, asked: Edit) -> E:
        return await self.write(
            request,
            registry.message,
            lambda conn: registries.update_entry(conn, registry.kind, key, asked),
            registry.shown,
        )

    async def _delete(self, request: Any, registry: _Registry[E, P], key: Any) -> Empty:
        return await self.erase(request, lambda conn: registries.delete_entry(conn, registry.kind, key, request.etag))


def _code(text: str) -> str:
    return text.strip().upper()


class BrandRpcs(_Shared):
    """Brands."""

    async def ListBrands(
        self, request: registry_pb2.ListBrandsRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.ListBrandsResponse:
        """One page, by id."""
        return await self._list(request, _BRANDS, q=contains_pattern(request.q) if request.q.strip() else None)

    async def GetBrand(
        self, request: registry_pb2.GetBrandRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Brand:
        """A brand."""
        return await self._get(_BRANDS, request.id)

    async def CreateBrand(
        self, request: registry_pb2.CreateBrandRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Brand:
        """A brand to register."""
        return await self._create(request, _BRANDS, requests.new_brand(request.brand))

    async def UpdateBrand(
        self, request: registry_pb2.UpdateBrandRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Brand:
        """Another name."""
        asked = requests.entry_edit(request.brand, request.update_mask, "brand")
        return await self._update(request, _BRANDS, request.brand.id, asked)

    async def DeleteBrand(self, request: registry_pb2.DeleteBrandRequest, context: grpc.aio.ServicerContext) -> Empty:
        """A brand that nothing uses."""
        return await self._delete(request, _BRANDS, request.id)


class ColorRpcs(_Shared):
    """Colours."""

    async def ListColors(
        self, request: registry_pb2.ListColorsRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.ListColorsResponse:
        """One page, by code."""
        return await self._list(request, _COLORS)

    async def GetColor(
        self, request: registry_pb2.GetColorRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Color:
        """A color."""
        return await self._get(_COLORS, _code(request.code))

    async def CreateColor(
        self, request: registry_pb2.CreateColorRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Color:
        """A color to register."""
        return await self._create(request, _COLORS, requests.new_code("color", request.color))

    async def UpdateColor(
        self, request: registry_pb2.UpdateColorRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Color:
        """Another name."""
        asked = requests.entry_edit(request.color, request.update_mask, "color")
        return await self._update(request, _COLORS, _code(request.color.code), asked)

    async def DeleteColor(self, request: registry_pb2.DeleteColorRequest, context: grpc.aio.ServicerContext) -> Empty:
        """A color that nothing uses."""
        return await self._delete(request, _COLORS, _code(request.code))


class ConditionRpcs(_Shared):
    """Conditions."""

    async def ListConditions(
        self, request: registry_pb2.ListConditionsRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.ListConditionsResponse:
        """One page, by code."""
        return await self._list(request, _CONDITIONS)

    async def GetCondition(
        self, request: registry_pb2.GetConditionRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Condition:
        """A condition."""
        return await self._get(_CONDITIONS, _code(request.code))

    async def CreateCondition(
        self, request: registry_pb2.CreateConditionRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Condition:
        """A condition to register."""
        return await self._create(request, _CONDITIONS, requests.new_code("condition", request.condition))

    async def UpdateCondition(
        self, request: registry_pb2.UpdateConditionRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Condition:
        """Another name."""
        asked = requests.entry_edit(request.condition, request.update_mask, "condition")
        return await self._update(request, _CONDITIONS, _code(request.condition.code), asked)

    async def DeleteCondition(
        self, request: registry_pb2.DeleteConditionRequest, context: grpc.aio.ServicerContext
    ) -> Empty:
        """A condition that nothing uses."""
        return await self._delete(request, _CONDITIONS, _code(request.code))


class SizeRpcs(_Shared):
    """Sizes."""

    async def ListSizes(
        self, request: registry_pb2.ListSizesRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.ListSizesResponse:
        """One page, by code."""
        return await self._list(request, _SIZES)

    async def GetSize(
        self, request: registry_pb2.GetSizeRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Size:
        """A size."""
        return await self._get(_SIZES, _code(request.code))

    async def CreateSize(
        self, request: registry_pb2.CreateSizeRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Size:
        """A size to register."""
        return await self._create(request, _SIZES, requests.new_code("size", request.size))

    async def UpdateSize(
        self, request: registry_pb2.UpdateSizeRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.Size:
        """Another name."""
        asked = requests.entry_edit(request.size, request.update_mask, "size")
        return await self._update(request, _SIZES, _code(request.size.code), asked)

    async def DeleteSize(self, request: registry_pb2.DeleteSizeRequest, context: grpc.aio.ServicerContext) -> Empty:
        """A size that nothing uses."""
        return await self._delete(request, _SIZES, _code(request.code))


class LciDefinitionRpcs(_Shared):
    """Component definitions."""

    async def ListLciDefinitions(
        self, request: registry_pb2.ListLciDefinitionsRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.ListLciDefinitionsResponse:
        """One page, by id."""
        return await self._list(request, _LCI_DEFINITIONS, product_id=optional(request, "product_id"))

    async def GetLciDefinition(
        self, request: registry_pb2.GetLciDefinitionRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.LciDefinition:
        """A component definition."""
        return await self._get(_LCI_DEFINITIONS, request.id)

    async def CreateLciDefinition(
        self, request: registry_pb2.CreateLciDefinitionRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.LciDefinition:
        """A component definition to register."""
        return await self._create(request, _LCI_DEFINITIONS, requests.new_lci_definition(request.lci_definition))

    async def UpdateLciDefinition(
        self, request: registry_pb2.UpdateLciDefinitionRequest, context: grpc.aio.ServicerContext
    ) -> registry_pb2.LciDefinition:
        """Another name."""
        asked = requests.entry_edit(request.lci_definition, request.update_mask, "lci_definition")
        return await self._update(request, _LCI_DEFINITIONS, request.lci_definition.id, asked)

    async def DeleteLciDefinition(
        self, request: registry_pb2.DeleteLciDefinitionRequest, context: grpc.aio.ServicerContext
    ) -> Empty:
        """A component definition that nothing uses."""
        return await self._delete(request, _LCI_DEFINITIONS, request.id)


class RegistryRpcs(BrandRpcs, ColorRpcs, ConditionRpcs, SizeRpcs, LciDefinitionRpcs):
    """All registries."""
