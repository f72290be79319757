"""What is really in the bodies that the protos only call google.api.HttpBody, and how streams look as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from build_tools.openapi.examples import Examples
from build_tools.openapi.schemas import Schemas

Json = dict[str, Any]

JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_CSV = "text/csv"
_ANYTHING = "*/*"
_CSV_EXAMPLE = (
    "Group Name,Product Type,Product Color,Product Condition,Component Type,Included Products,sku,platform,ASIN,name\n"
    "Lifestyle 12,Parts,White,New,Speaker wire,,LS12-WIRE-WHT,MEKONG_eBay,,Lifestyle 12 speaker wire\n"
)


@dataclass(frozen=True)
class RawBody:
    """The media types of a raw body; `message` is the proto that describes it, or empty for text of no further form."""

    media_types: tuple[str, ...]
    message: str = ""
    example: str = ""


_REQUESTS = {
    "ExchangeToken": RawBody((_FORM, JSON), "usav.auth.v1.IssueTokenRequest"),
    "RevokeToken": RawBody((_FORM,), example="token=rt_5bqX0vM3JwQ"),
    "ReceiveWebhook": RawBody((_ANYTHING,), example='{"notification":{"notificationId":"49feeaeb"}}'),
    "ImportCatalog": RawBody((_CSV,), example=_CSV_EXAMPLE),
}
_ANSWERS = {
    "ExchangeToken": RawBody((JSON,), "usav.auth.v1.TokenResponse"),
    "RevokeToken": RawBody((JSON,), example="{}"),
    "AnswerWebhookChallenge": RawBody((JSON,), example='{"challengeResponse":"52161ff4"}'),
    "ExportCatalog": RawBody((_CSV,), example=_CSV_EXAMPLE),
}
_UNKNOWN = RawBody((_ANYTHING,))


class RawBodies:
    """Describes raw bodies as OpenAPI content."""

    def __init__(self, schemas: Schemas, examples: Examples) -> None:
        self._schemas = schemas
        self._examples = examples

    def request(self, rpc: str) -> Json:
        """The content of the request body of the rpc with this short name."""
        return self._content(_REQUESTS.get(rpc, _UNKNOWN), is_answer=False)

    def answer(self, rpc: str) -> Json:
        """The content of its answer."""
        return self._content(_ANSWERS.get(rpc, _UNKNOWN), is_answer=True)

    def _content(self, body: RawBody, *, is_answer: bool) -> Json:
        if not body.message:
            return {kind: {"schema": {"type": "string"}, "example": body.example} for kind in body.media_types}
        make = self._examples.answer if is_answer else self._examples.request
        schema, example = self._schemas.of_type(body.message), make(body.message)
        return {kind: {"schema": schema, "example": example} for kind in body.media_types}
