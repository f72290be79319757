"""The rows of a running import in their staging table: put in by COPY, taken out by families or by lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter

from sqlalchemy import Integer, Text, any_, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from catalog_svc.domain.import_rows import CatalogRow, RowKind
from catalog_svc.storage.tables import import_row
from chassis.database import Database, Statement

_T = import_row.c
_MINE = _T.import_id == bindparam("import_id", type_=Text)
_OF_FAMILIES = Statement(
    select(_T.content)
    .where(_MINE, _T.family_line == any_(bindparam("family_lines", type_=ARRAY(Integer))))
    .order_by(_T.line)
)
_AFTER_LINE = Statement(
    select(_T.content)
    .where(_MINE, _T.line > bindparam("line", type_=Integer))
    .order_by(_T.line)
    .limit(bindparam("most", type_=Integer))
)
_BUNDLE_FAMILIES = Statement(select(_T.family_line).where(_MINE, _T.is_bundle).distinct().order_by(_T.family_line))
_FIELDS = tuple(field.name for field in fields(CatalogRow))
# `dataclasses.asdict` copies every value deeply, which costs more than reading the row did.
_values = attrgetter(*_FIELDS)
_SWEEP = Statement(delete(import_row).where(_MINE | (_T.created_at < func.now() - text("interval '1 day'"))))


class StagedRows:
    """The rows of one import."""

    def __init__(self, db: Database, import_id: str) -> None:
        self._db = db
        self._import_id = import_id

    async def add(self, rows: Sequence[tuple[int, CatalogRow]]) -> None:
        """Puts rows in, each with the line its family began on."""
        records = [
            (
                self._import_id,
                row.line,
                family_line,
                json.dumps(dict(zip(_FIELDS, _values(row), strict=True))),
                row.kind is RowKind.BUNDLE,
            )
            for family_line, row in rows
        ]
        columns = ["import_id", "line", "family_line", "content", "is_bundle"]
        await self._db.copy_into(import_row, columns, records)

    async def of_families(self, family_lines: Sequence[int]) -> list[CatalogRow]:
        """All rows of these families, in the order of the file."""
        found = await self._db.fetch(_OF_FAMILIES, import_id=self._import_id, family_lines=list(family_lines))
        return [_row(record["content"]) for record in found]

    async def after_line(self, line: int, most: int) -> list[CatalogRow]:
        """The next rows behind a line."""
        found = await self._db.fetch(_AFTER_LINE, import_id=self._import_id, line=line, most=most)
        return [_row(record["content"]) for record in found]

    async def bundle_families(self) -> list[int]:
        """The families that have bundles, by the line they began on."""
        found = await self._db.fetch(_BUNDLE_FAMILIES, import_id=self._import_id)
        return [record["family_line"] for record in found]

    async def sweep(self) -> None:
        """Removes the rows, and those of imports that died. Safe to repeat."""
        await self._db.execute(_SWEEP, import_id=self._import_id)


def _row(content: str) -> CatalogRow:
    values = json.loads(content)
    return CatalogRow(**{**values, "kind": RowKind(values["kind"]), "notes": tuple(values["notes"])})
