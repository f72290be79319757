"""A platform made of answers: what it was asked is kept, and what it says is a function of the call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2

from sync_svc.channels.base import ChannelAccount, ListingState, Parcel, ParcelLine


@dataclass(frozen=True)
class Call:
    """One call as the platform saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


Answering = Callable[[Call], httpx2.Response]


@dataclass
class Platform:
    """Answers each call by the first fitting entry of `answers`, last added first."""

    answers: list[tuple[str, str, Answering]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def on(self, method: str, path: str, *answers: Answering | tuple[int, Any]) -> None:
        """Answers calls of a method and an exact path, one answer after the other, the last one for ever."""
        queue = list(answers)

        def answering(call: Call) -> httpx2.Response:
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            return answer(call) if callable(answer) else reply(*answer)

        self.answers.insert(0, (method, path, answering))

    def seen(self, method: str, path: str) -> list[Call]:
        """The calls of a method and a path so far."""
        return [call for call in self.calls if (call.method, call.path) == (method, path)]

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._handle)

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        call = Call(
            method=request.method,
            path=request.url.raw_path.decode().partition("?")[0],
            query=dict(request.url.params),
            headers=dict(request.headers),
            content=request.content,
        )
        self.calls.append(call)
        for method, path, answering in self.answers:
            if (method, path) == (call.method, call.path):
                return answering(call)
        raise AssertionError(f"nobody expected {call.method} {call.path}")


def reply(status: int, body: Any = None, **headers: str) -> httpx2.Response:
    """An answer with a JSON body, or with the body as it is when it is text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None:
        return httpx2.Response(status, headers=named)
    if isinstance(body, str):
        return httpx2.Response(status, text=body, headers=named)
    return httpx2.Response(status, json=body, headers=named)


def fails(error: type[httpx2.TransportError]) -> Answering:
    """A call whose answer never comes."""

    def answering(call: Call) -> httpx2.Response:
        raise error("cut off")

    return answering


def ebay_account(**options: Any) -> ChannelAccount:
    """An eBay account whose terms are all given, so that none has to be asked for."""
    terms = {
        "merchant_location_key": "main",
        "category_id": "14990",
        "fulfillment_policy_id": "6001",
        "payment_policy_id": "6002",
        "return_policy_id": "6003",
    }
    return ChannelAccount(
        channel_id=7,
        platform="EBAY",
        account="MEKONG",
        api_base_url="https://ebay.test",
        token_url="https://ebay.test/token",
        credentials={"client_id": "app", "client_secret": "app-secret", "refresh_token": "v^1.refresh"},
        options=terms | options,
    )


def ecwid_account() -> ChannelAccount:
    """An Ecwid store."""
    return ChannelAccount(
        channel_id=8,
        platform="ECWID",
        account="STORE",
        api_base_url="https://ecwid.test/api/v3",
        credentials={"store_id": "4870020", "access_token": "secret_token"},
        webhook={"client_secret": "webhook-secret"},
    )


def state(**changes: Any) -> ListingState:
    """A listing of two speakers at 49.99."""
    fields: dict[str, Any] = {
        "listing_id": 1,
        "platform_sku": "00845BK",
        "title": "Bose 201 Series IV",
        "description": "A pair of bookshelf speakers.",
        "quantity": 2,
        "price": Decimal("49.99"),
    }
    return ListingState(**(fields | changes))


def zoho_account(**options: Any) -> ChannelAccount:
    """A Zoho organization whose servers are a stand-in's."""
    return ChannelAccount(
        channel_id=9,
        platform="ZOHO",
        account="BOOKS",
        api_base_url="https://zoho.test",
        token_url="https://zoho.test/token",
        credentials={
            "client_id": "app",
            "client_secret": "app-secret",
            "refresh_token": "1000.refresh",
            "organization_id": "10229182",
        },
        webhook={"token": "address-secret", "signing_secret": "signing-secret"},
        options=options,
    )


def amazon_account(**options: Any) -> ChannelAccount:
    """An Amazon seller in the US."""
    return ChannelAccount(
        channel_id=10,
        platform="AMAZON",
        account="US",
        api_base_url="https://amazon.test",
        token_url="https://amazon.test/token",
        site="ATVPDKIKX0DER",
        credentials={
            "client_id": "app",
            "client_secret": "app-secret",
            "refresh_token": "Atzr|refresh",
            "seller_id": "A1SELLER",
        },
        options=options,
    )


def parcel(**changes: Any) -> Parcel:
    """A parcel of the two units of an order's only line."""
    fields: dict[str, Any] = {
        "shipment_id": 7,
        "external_order_id": "1",
        "lines": [ParcelLine("1", 2, 2)],
        "shipped_at": datetime(2026, 11, 22, 8, tzinfo=UTC),
        "carrier": "ups",
        "tracking_number": "1Z999AA10123456784",
    }
    return Parcel(**(fields | changes))
