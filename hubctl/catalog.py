"""The catalogue: looking things up, and prices."""

from __future__ import annotations

import click
from google.protobuf import field_mask_pb2
from google.type import money_pb2
from usav.catalog.v1 import search_pb2, variant_pb2

from hubctl.client import Hub, new_request_id
from hubctl.context import Tool, command
from hubctl.output import Column, money, parse_money

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
]
_LISTED: list[Column] = [
    ("listing", lambda x: x.id),
    ("channel", lambda x: f"{x.platform} {x.account}"),
    ("platform SKU", lambda x: x.platform_sku),
    ("status", lambda x: x.status),
    ("price $", lambda x: money(x.price)),
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
    """Shows one variant by its SKU, and where it is listed."""
    found = tool.hub.catalog.GetVariantBySku(variant_pb2.GetVariantBySkuRequest(full_sku=sku))
    found = tool.hub.catalog.GetVariant(variant_pb2.GetVariantRequest(id=found.id))
    tool.output.one(found, _VARIANT)
    if found.listings and not tool.output.as_json:
        tool.output.rows(found.listings, _LISTED)


@click.command()
@click.argument("sku")
@click.argument("amount")
@command
def price(tool: Tool, sku: str, amount: str) -> None:
    """Sets the price of a variant, as 149.99 (USD); every listing without a price of its own follows."""
    try:
        wanted = parse_money(amount)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    tool.output.one(set_price(tool.hub, sku, wanted), _VARIANT)


def set_price(hub: Hub, sku: str, amount: money_pb2.Money) -> variant_pb2.Variant:
    """Changes the price and nothing else. Safe to repeat."""
    found = hub.catalog.GetVariantBySku(variant_pb2.GetVariantBySkuRequest(full_sku=sku))
    changed = variant_pb2.Variant(id=found.id, price=amount, etag=found.etag)
    mask = field_mask_pb2.FieldMask(paths=["price"])
    request = variant_pb2.UpdateVariantRequest(variant=changed, update_mask=mask, request_id=new_request_id())
    answer: variant_pb2.Variant = hub.catalog.UpdateVariant(request)
    return answer


COMMANDS = [search, variant, price]
