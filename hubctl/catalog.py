"""The catalogue: looking things up."""

from __future__ import annotations

import click
from usav.catalog.v1 import search_pb2, variant_pb2

from hubctl.context import Tool, command
from hubctl.output import Column, money

_FOUND: list[Column] = [
    ("kind", lambda r: search_pb2.SearchResult.Kind.Name(r.kind)),
    ("code", lambda r: r.code),
    ("name", lambda r: r.name),
    ("brand", lambda r: r.brand_name),
]
_VARIANT: list[Column] = [
    ("id", lambda v: v.id),
    ("SKU", lambda v: v.full_sku),
    ("identity", lambda v: v.upis_h),
    ("name", lambda v: v.name),
    ("color", lambda v: v.color_code),
    ("size", lambda v: v.size_code),
    ("condition", lambda v: v.condition_code),
    ("price $", lambda v: money(v.price)),
    ("listings #", lambda v: len(v.listings)),
]


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@command
def search(tool: Tool, words: tuple[str, ...], limit: int) -> None:
    """Finds families, identities and variants by name, brand, UPIS-H or SKU; typing errors are forgiven."""
    request = search_pb2.SearchCatalogRequest(q=" ".join(words), page_size=limit)
    tool.output.rows(tool.hub.catalog.SearchCatalog(request).items, _FOUND)


@click.command()
@click.argument("sku")
@command
def variant(tool: Tool, sku: str) -> None:
    """Shows one variant by its SKU."""
    tool.output.one(tool.hub.catalog.GetVariantBySku(variant_pb2.GetVariantBySkuRequest(full_sku=sku)), _VARIANT)


COMMANDS = [search, variant]
