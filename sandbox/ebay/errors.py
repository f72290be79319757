"""eBay's error envelope, and the errors the sandbox can answer with."""

from __future__ import annotations

from sandbox.wire import Answer, Json, Refused

_DOMAINS = (
    (range(25000, 26000), "API_INVENTORY"),
    (range(30000, 36000), "API_FULFILLMENT"),
    (range(195000, 196000), "API_NOTIFICATION"),
    (range(105000, 106000), "API_ANALYTICS"),
    (range(20000, 21000), "API_ACCOUNT"),
    (range(1000, 1200), "OAuth"),
)
SYSTEM_ERRORS = {25001, 25025, 30500, 195000, 105000}


def error(error_id: int, message: str, *, long: str = "", parameters: dict[str, str] | None = None) -> Json:
    """One entry of an `errors` list."""
    entry: Json = {
        "errorId": error_id,
        "domain": next((name for ids, name in _DOMAINS if error_id in ids), "ACCESS"),
        "subdomain": "Selling",
        "category": "APPLICATION" if error_id in SYSTEM_ERRORS else "REQUEST",
        "message": message,
        "longMessage": long or message,
    }
    if parameters:
        entry["parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
    return entry


def envelope(status: int, *errors: Json) -> Answer:
    """An answer that carries errors."""
    return Answer(status, {"errors": list(errors)})


def refuse(status: int, error_id: int, message: str, **parameters: str) -> Refused:
    """A refusal with one error."""
    return Refused(envelope(status, error(error_id, message, parameters=parameters)))


def invalid(field: str, detail: str = "") -> Refused:
    """400 25709: a value of the request is not right."""
    return refuse(400, 25709, f"Invalid value for {field}. {detail}".rstrip(), fieldName=field)


def unknown_sku(sku: str) -> Json:
    """25702: the seller has no inventory item of that SKU."""
    return error(25702, f"{sku} could not be found or is not available in the system.", parameters={"skuValue": sku})


def unknown_offer(offer_id: str) -> Json:
    """25713: there is no such offer."""
    return error(25713, f"This Offer is not available : {offer_id}.", parameters={"additionalInfo": offer_id})
