"""Reading what a seller sends: headers, JSON bodies, SKUs, amounts and paging, with the errors eBay gives for them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.ebay.errors import error, invalid, refuse
from sandbox.ebay.state import whole
from sandbox.wire import Answer, Call, Json

_LANGUAGE = re.compile(r"[A-Za-z]{2}-[A-Za-z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_SKU = 50
_MAX_TITLE = 80
_MAX_PRODUCT_DESCRIPTION = 4000
_MAX_LISTING_DESCRIPTION = 500_000
BULK_LIMIT = 25


def document(call: Call) -> Json:
    """The JSON object a call carries. Raises Refused: 415 without the content type, 400 for anything else."""
    if not call.headers.get("Content-Type", "").lower().startswith("application/json"):
        raise refuse(415, 2004, "Invalid request: Content-Type must be application/json")
    try:
        body = call.parsed()
    except ValueError:
        raise refuse(400, 2004, "Invalid request: the body is not JSON") from None
    if not isinstance(body, dict):
        raise refuse(400, 2004, "Invalid request: the body is not a JSON object")
    return body


def section(body: Json, name: str) -> Json:
    """A nested object, empty when absent. Raises Refused with 25709 when it is something else."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid(name)
    return value or {}


def require_language(call: Call) -> str:
    """The Content-Language of an item or offer write. Raises Refused."""
    language = call.headers.get("Content-Language", "")
    if not _LANGUAGE.fullmatch(language):
        raise invalid("header Content-Language.", "For example en-US.")
    return language


def bulk_elements(body: Json, too_many: int) -> list[Json]:
    """`requests`, 1 to 25 objects. Raises Refused with the error id of the call."""
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests or not all(isinstance(entry, dict) for entry in requests):
        raise invalid("requests")
    if len(requests) > BULK_LIMIT:
        raise refuse(400, too_many, f"The number of elements in the request cannot exceed {BULK_LIMIT}.")
    return requests


def bulk_answer(responses: list[Json]) -> Answer:
    """200 when every element went well, else 207."""
    good = all(200 <= response["statusCode"] < 300 for response in responses)
    return Answer(200 if good else 207, {"responses": responses})


def sku_error(sku: Any, strict: bool) -> Json | None:
    """25707 for a SKU eBay does not take. Strict is the documented rule; sellers are known to get by with more."""
    if not isinstance(sku, str) or not sku or len(sku) > _MAX_SKU or (strict and not sku.isalnum()):
        return error(25707, "Invalid sku. sku has to be alphanumeric with upto 50 characters in length")
    return None


def quantity_error(value: Any) -> Json | None:
    """25004 unless absent or a whole number from 0."""
    if value is None or (whole(value) is not None and value >= 0):
        return None
    return error(25004, "Invalid quantity. The quantity must be a whole number, 0 or more.")


def price_error(price: Any) -> Json | None:
    """25003 unless absent or an amount above 0 with a currency."""
    if price is None:
        return None
    try:
        value = Decimal(str(price["value"]))
        good = value.is_finite() and value > 0 and bool(_CURRENCY.fullmatch(price["currency"]))
    except (InvalidOperation, KeyError, TypeError):
        good = False
    return None if good else error(25003, "Invalid price. The price needs a value above 0 and a currency.")


def item_errors(item: Json) -> list[Json]:
    """What is wrong with an inventory item document."""
    errors: list[Json | None] = []
    availability = item.get("availability")
    if availability is not None:
        ship_to = availability.get("shipToLocationAvailability") if isinstance(availability, dict) else 0
        if ship_to is not None and not isinstance(ship_to, dict):
            return [error(25709, "Invalid value for availability")]
        errors.append(quantity_error((ship_to or {}).get("quantity")))
    product = item.get("product")
    if product is not None and not isinstance(product, dict):
        return [error(25709, "Invalid value for product")]
    errors.append(_too_long(product or {}, "title", _MAX_TITLE))
    errors.append(_too_long(product or {}, "description", _MAX_PRODUCT_DESCRIPTION))
    return [entry for entry in errors if entry]


def offer_errors(fields: Json) -> list[Json]:
    """What is wrong with an offer document, published or not."""
    summary = fields.get("pricingSummary")
    if summary is not None and not isinstance(summary, dict):
        return [error(25709, "Invalid value for pricingSummary")]
    policies = fields.get("listingPolicies")
    if policies is not None and not isinstance(policies, dict):
        return [error(25709, "Invalid value for listingPolicies")]
    errors = (
        quantity_error(fields.get("availableQuantity")),
        price_error((summary or {}).get("price")),
        _too_long(fields, "listingDescription", _MAX_LISTING_DESCRIPTION),
    )
    return [entry for entry in errors if entry]


def page_of(call: Call, default: int, maximum: int) -> tuple[int, int]:
    """(limit, page number) of an Inventory list, where `offset` counts pages. Raises Refused with 25706."""
    try:
        limit, offset = int(call.query.get("limit", default)), int(call.query.get("offset", 0))
    except ValueError:
        limit, offset = 0, -1
    if not 1 <= limit <= maximum or offset < 0:
        raise refuse(400, 25706, "You have provided invalid pagination values.")
    return limit, offset


def page_links(href: str, limit: int, offset: int, total: int) -> Json:
    """`href`, `limit`, `total`, and `next` and `prev` where there are such pages."""
    links: Json = {"href": f"{href}limit={limit}&offset={offset}", "limit": limit, "total": total}
    if (offset + 1) * limit < total:
        links["next"] = f"{href}limit={limit}&offset={offset + 1}"
    if offset > 0:
        links["prev"] = f"{href}limit={limit}&offset={offset - 1}"
    return links


def _too_long(fields: Json, name: str, limit: int) -> Json | None:
    value = fields.get(name)
    if value is None or (isinstance(value, str) and len(value) <= limit):
        return None
    return error(25709, f"Invalid value for {name}. At most {limit} characters.", parameters={"fieldName": name})
