"""The organization's documents as the API gives them. Ids are text here; they may leave as bare numbers."""

from __future__ import annotations

from sandbox.wire import Json
from sandbox.zoho.reading import amount, written
from sandbox.zoho.state import Adjustment, Item, Package, SalesOrder, Shipment

LOCATION_ID = "6780203000000093001"
CUSTOMER_ID = "6780203000000094001"
ORGANIZATION_ID = "10229182"
_LOCATION = "Head Office"
_ITEM_DEFAULTS = {
    "unit": "qty",
    "item_type": "inventory",
    "product_type": "goods",
    "description": "",
    "rate": 0,
    "purchase_rate": 0,
    "sku": "",
}
_CURRENCY = {"currency_id": "6780203000000000097", "currency_code": "USD", "currency_symbol": "$"}


def item_document(item: Item, available: int) -> Json:
    """An item with its stock in all the places Zoho tells it."""
    document = {
        **_ITEM_DEFAULTS,
        **item.fields,
        "item_id": item.item_id,
        "status": "active" if item.active else "inactive",
        "is_combo_product": False,
        "source": "api",
        "created_time": written(item.created_at),
        "last_modified_time": written(item.updated_at),
    }
    if item.tracked:
        stock = {"stock_on_hand": item.on_hand, "available_stock": available, "actual_available_stock": available}
        place = {
            "location_id": LOCATION_ID,
            "location_name": _LOCATION,
            "status": "active",
            "is_primary": True,
            **{f"location_{name}": str(value) for name, value in stock.items()},
        }
        document |= {"track_inventory": True, **stock, "locations": [place]}
    return document


def adjustment_summary(adjustment: Adjustment) -> Json:
    """An adjustment as it stands in a list: without its lines."""
    return {
        "inventory_adjustment_id": adjustment.adjustment_id,
        **adjustment.fields,
        "status": adjustment.status,
        "total": 0,
        "created_time": written(adjustment.created_at),
    }


def adjustment_document(adjustment: Adjustment, names: dict[str, str]) -> Json:
    """An adjustment with its lines; `names` are the items' names by id."""
    lines = [
        {
            **line,
            "name": names.get(line["item_id"], ""),
            "item_total": 0,
            "unit": "qty",
            "location_id": LOCATION_ID,
            "location_name": _LOCATION,
        }
        for line in adjustment.lines
    ]
    place = {"location_id": LOCATION_ID, "location_name": _LOCATION}
    return {**adjustment_summary(adjustment), **place, "line_items": lines}


def order_summary(order: SalesOrder) -> Json:
    """A sales order as it stands in a list: without its lines."""
    total = _total(order)
    return {
        "salesorder_id": order.salesorder_id,
        "salesorder_number": order.number,
        "customer_name": "Sandbox Buyer",
        "customer_id": order.fields.get("customer_id", CUSTOMER_ID),
        "status": order.status,
        "reference_number": order.fields.get("reference_number", ""),
        "date": order.fields["date"],
        "quantity": sum(line["quantity"] for line in order.lines),
        "quantity_packed": sum(line["packed"] for line in order.lines),
        "quantity_shipped": sum(line["shipped"] for line in order.lines),
        "currency_code": "USD",
        "total": amount(total),
        "sales_channel": order.fields.get("sales_channel", "direct_sales"),
        "created_time": written(order.created_at),
        "last_modified_time": written(order.updated_at),
    }


def order_document(order: SalesOrder, packages: list[Package]) -> Json:
    """A sales order with its lines and packages."""
    summary = order_summary(order)
    for name in ("quantity", "quantity_packed", "quantity_shipped"):
        del summary[name]
    total = amount(_total(order))
    return {
        **summary,
        **_CURRENCY,
        "exchange_rate": 1,
        "price_precision": 2,
        "location_id": LOCATION_ID,
        "line_items": [_line_document(line, index) for index, line in enumerate(order.lines)],
        "packages": [_package_summary(package) for package in packages],
        "sub_total": total,
        "tax_total": 0,
        "notes": order.fields.get("notes", ""),
    }


def package_document(package: Package, order: SalesOrder) -> Json:
    """A package."""
    lines = {line["line_item_id"]: line for line in order.lines}
    items = [
        {
            **line,
            "item_id": lines[line["so_line_item_id"]]["item_id"],
            "sku": lines[line["so_line_item_id"]]["sku"],
            "name": lines[line["so_line_item_id"]]["name"],
            "unit": "qty",
        }
        for line in package.lines
    ]
    return {
        "package_id": package.package_id,
        "package_number": package.number,
        "salesorder_id": order.salesorder_id,
        "salesorder_number": order.number,
        "date": package.date,
        "line_items": items,
        "created_time": written(package.created_at),
    }


def shipment_document(shipment: Shipment, order: SalesOrder) -> Json:
    """A shipment."""
    return {
        "salesorder_id": order.salesorder_id,
        "salesorder_number": order.number,
        "shipment_id": shipment.shipment_id,
        "status": shipment.status,
        "status_message": shipment.status.capitalize(),
        "carrier": shipment.fields.get("delivery_method", ""),
        "created_time": written(shipment.created_at),
        **_CURRENCY,
        **shipment.fields,
    }


def _line_document(line: Json, index: int) -> Json:
    return {
        "item_id": line["item_id"],
        "line_item_id": line["line_item_id"],
        "name": line["name"],
        "sku": line["sku"],
        "item_order": index,
        "rate": amount(line["rate"]),
        "bcy_rate": amount(line["rate"]),
        "quantity": line["quantity"],
        "quantity_packed": line["packed"],
        "quantity_shipped": line["shipped"],
        "unit": "qty",
        "item_total": amount(round(line["rate"] * line["quantity"], 2)),
        "is_invoiced": False,
        "location_id": LOCATION_ID,
    }


def _package_summary(package: Package) -> Json:
    return {"package_id": package.package_id, "package_number": package.number, "status": package.status}


def _total(order: SalesOrder) -> float:
    return float(round(sum(line["rate"] * line["quantity"] for line in order.lines), 2))
