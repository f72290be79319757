"""Import and export. The file of an import waits on disk, not in memory, until all of it is there."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from typing import IO

import grpc
from google.api import httpbody_pb2
from usav.catalog.v1 import transfer_pb2

from catalog_svc.convert.transfer import import_message
from catalog_svc.domain.errors import ImportFileInvalid, invalid
from catalog_svc.operations.importing.run import Import
from catalog_svc.queries.export import export_lines
from catalog_svc.servicers.base import CatalogRpcs

_MAX_FILE_BYTES = 256 * 1024 * 1024
_KEPT_IN_MEMORY = 1024 * 1024
_CHUNK_BYTES = 256 * 1024


class TransferRpcs(CatalogRpcs):
    """ImportCatalog and ExportCatalog."""

    async def ImportCatalog(
        self, requests: AsyncIterator[transfer_pb2.ImportCatalogRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[transfer_pb2.ImportCatalogResponse]:
        """Reads the file, then tells what becomes of it."""
        with tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY) as file:
            dry_run = await _spool(requests, file)
            running = Import(self.db, self.listings, dry_run=dry_run, after_commit=self.feed.poke)
            async for event in running.run(file):
                yield import_message(event)

    async def ExportCatalog(
        self, request: transfer_pb2.ExportCatalogRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """The catalogue as CSV, in pieces."""
        product_id = request.product_id if request.HasField("product_id") else None
        piece = ""
        async for line in export_lines(self.db, self.listings, product_id):
            piece += line
            if len(piece) >= _CHUNK_BYTES:
                yield _csv(piece)
                piece = ""
        yield _csv(piece)


async def _spool(requests: AsyncIterator[transfer_pb2.ImportCatalogRequest], file: IO[bytes]) -> bool:
    """Writes the file's bytes down and answers whether a dry run was asked. Raises ImportFileInvalid when it is too large."""
    dry_run, size = False, 0
    async for request in requests:
        dry_run = dry_run or request.dry_run
        size += len(request.file.data)
        if size > _MAX_FILE_BYTES:
            raise invalid(ImportFileInvalid, "file", f"is larger than {_MAX_FILE_BYTES} bytes; split it by families")
        file.write(request.file.data)
    return dry_run


def _csv(text: str) -> httpbody_pb2.HttpBody:
    return httpbody_pb2.HttpBody(content_type="text/csv; charset=utf-8", data=text.encode())
