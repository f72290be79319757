"""Zoho's calls, one method each: what is sent where, and against which quota.

All calls share the organization's requests of a minute and of a day. Tokens are fetched by one caller at a time, because Zoho
gives no more than ten in ten minutes and then none at all for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from sync_svc.channels.base import ChannelAccount, ChannelError, Outcome
from sync_svc.channels.budgets import DailyBudget
from sync_svc.channels.codec import fields_of, objects_of
from sync_svc.channels.http import Answer, Wire, quota_error
from sync_svc.channels.limits import Limit, QuotaExhausted, count_option
from sync_svc.channels.quota import Throttle
from sync_svc.channels.sharing import NotShared
from sync_svc.channels.tokens import IssuedToken, TokenCache
from sync_svc.channels.zoho import errors, places
from sync_svc.channels.zoho.mapping import text_id

REQUESTS_PER_MINUTE = 100
TOKENS_PER_TEN_MINUTES = 10
PAGE_SIZE = 200
_AT_ONCE = 5
# The last tenth of a day is kept for stock and orders; names and prices can wait until tomorrow.
_RESERVE_SHARE = 10


def make_throttle(options: Mapping[str, Any]) -> Throttle:
    """The buckets of one organization."""
    per_minute = count_option(options, "requests_per_minute", REQUESTS_PER_MINUTE)
    requests = Limit.per_window(per_minute, 60.0, burst_share=0.2) if per_minute else Limit.none()
    tokens = Limit.per_window(TOKENS_PER_TEN_MINUTES, 600.0, burst_share=0.5)
    return Throttle(requests, {"token": tokens})


class ZohoClient:
    """One organization's calls. Every method raises `ChannelError`."""

    def __init__(self, account: ChannelAccount, transport: httpx2.AsyncBaseTransport | None) -> None:
        self._credentials = account.credentials
        self._organization = {"organization_id": account.credentials["organization_id"]}
        self._token_url = places.token_url(account.token_url, account.site)
        self._api = places.api_url(account.api_base_url, account.site)
        self.throttle = make_throttle(account.options)
        self.per_day = count_option(account.options, "requests_per_day", 0)
        self._budget = DailyBudget("requests of", limit=self.per_day, reserve=self.per_day // _RESERVE_SHARE)
        self.token = TokenCache(self._refresh_grant)
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._has_details = True
        self._wire = Wire(
            name=f"ZOHO/{account.account}",
            base_url=self._api,
            throttle=self.throttle,
            explain=errors.explain,
            silence=errors.silence_after,
            transport=transport,
        )

    async def aclose(self) -> None:
        await self._wire.aclose()

    def left_today(self) -> int:
        """Requests left of the day's as far as this process knows; only meaningful with `per_day`."""
        return max(0, self._budget.left("the day"))

    # -- how calls are made ---------------------------------------------------------------------------------------

    async def _refresh_grant(self) -> IssuedToken:
        names = ("client_id", "client_secret", "refresh_token")
        form = {"grant_type": "refresh_token", **{name: self._credentials[name] for name in names}}
        try:
            answer = await self._wire.send("POST", self._token_url, operation="token", form=form, harmless=True)
        except ChannelError as error:
            if error.code == errors.TOO_MANY_TOKENS:
                self.throttle.drain("token")
            raise
        body = fields_of(answer.body)
        value, lasts = body.get("access_token"), body.get("expires_in")
        if not isinstance(value, str) or not value or not isinstance(lasts, int) or lasts <= 0:
            raise ChannelError(Outcome.RETRY, "token: the answer holds no token", code="unreadable")
        self._api = places.followed(self._api, body.get("api_domain"))
        return IssuedToken(value, float(lasts))

    async def _send(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, urgent: bool = True, **rest: Any
    ) -> Answer:
        """One call, and once more with a new token when its token was refused."""
        query = {**self._organization, **(params or {})}
        value = await self.token.get()
        try:
            return await self._call(value, method, path, query, urgent, **rest)
        except ChannelError as error:
            if error.code not in errors.TOKEN_REFUSED:
                raise
            self.token.drop(value)
        return await self._call(await self.token.get(), method, path, query, urgent, **rest)

    async def _call(
        self, token: str, method: str, path: str, query: Mapping[str, str], urgent: bool, **rest: Any
    ) -> Answer:
        if self.per_day:
            await self._spend_one_of_the_day(urgent)
        headers = {"authorization": f"Zoho-oauthtoken {token}"}
        async with self._gate:
            return await self._wire.send(method, self._api + path, params=query, headers=headers, **rest)

    async def _spend_one_of_the_day(self, urgent: bool) -> None:
        try:
            await self._budget.prepare(["the day"])
            self._budget.spend("the day", urgent=urgent)
        except QuotaExhausted as error:
            raise quota_error(error) from error
        except NotShared as error:
            raise ChannelError(Outcome.RETRY, f"the requests of the day cannot be told: {error}") from error

    # -- the organization and its items ---------------------------------------------------------------------------

    async def organization_name(self) -> str:
        """The organization's name; empty when the token may not ask for it."""
        answer = await self._send("GET", "/organizations", operation="list organizations")
        own = self._organization["organization_id"]
        found = [one for one in objects_of(answer.body, "organizations") if text_id(one.get("organization_id")) == own]
        return str(found[0].get("name", "")) if found else ""

    async def any_item(self) -> None:
        """Reads one item: the cheapest proof that the account can be used."""
        await self._send("GET", "/items", operation="list items", params={"per_page": "1"})

    async def list_items(self, page: int) -> Mapping[str, Any]:
        """Reads one page of items, oldest first."""
        params = {"page": str(page), "per_page": str(PAGE_SIZE), "sort_column": "created_time", "sort_order": "A"}
        answer = await self._send("GET", "/items", operation="list items", params=params, urgent=False)
        return fields_of(answer.body)

    async def find_item(self, sku: str) -> Mapping[str, Any] | None:
        """Reads the item of exactly this SKU; None when there is none."""
        answer = await self._send("GET", "/items", operation="find item", params={"sku": sku})
        return next((item for item in _items(answer) if str(item.get("sku", "")) == sku), None)

    async def get_items(self, item_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Reads up to 100 items by id; those that do not exist are left out."""
        if self._has_details and len(item_ids) > 1:
            try:
                return await self._details(item_ids)
            except ChannelError as error:
                if error.outcome is not Outcome.PERMANENT:
                    raise
                # This organization's API lacks the call, or one of the ids spoils it for all.
                self._has_details = error.code == errors.NOT_FOUND
        found = [await self.get_item(item_id) for item_id in item_ids]
        return {item_id: item for item_id, item in zip(item_ids, found, strict=True) if item is not None}

    async def _details(self, item_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        params = {"item_ids": ",".join(item_ids)}
        answer = await self._send("GET", "/itemdetails", operation="read items", params=params)
        return {text_id(item.get("item_id")): item for item in _items(answer)}

    async def get_item(self, item_id: str) -> Mapping[str, Any] | None:
        """Reads one item; None when there is none."""
        return await self._object_or_none(f"/items/{item_id}", "read item", "item")

    async def create_item(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """Creates an item. SKUs are unique, so a repeat is refused."""
        answer = await self._send("POST", "/items", operation="create item", json_body=item, urgent=False)
        return _created(answer, "item", "item_id")

    async def update_item(self, item_id: str, fields: Mapping[str, Any]) -> None:
        """Changes an item. Repeating it is safe."""
        await self._send("PUT", f"/items/{item_id}", operation="change item", json_body=fields, urgent=False)

    async def mark_item(self, item_id: str, status: str) -> None:
        """Marks an item `active` or `inactive`. Repeating it is safe."""
        await self._send("POST", f"/items/{item_id}/{status}", operation=f"mark item {status}")

    # -- adjustments ----------------------------------------------------------------------------------------------

    async def create_adjustment(self, adjustment: Mapping[str, Any]) -> Mapping[str, Any]:
        """Books a document that changes stock. NOT safe to repeat: look for its reference first."""
        answer = await self._send("POST", "/inventoryadjustments", operation="adjust stock", json_body=adjustment)
        return _created(answer, "inventory_adjustment", "inventory_adjustment_id")

    async def latest_adjustments(self) -> list[Mapping[str, Any]]:
        """The newest documents, without their lines."""
        params = {"page": "1", "per_page": str(PAGE_SIZE)}
        answer = await self._send("GET", "/inventoryadjustments", operation="list adjustments", params=params)
        return objects_of(answer.body, "inventory_adjustments")

    async def get_adjustment(self, adjustment_id: str) -> Mapping[str, Any] | None:
        """Reads one document with its lines; None when there is none."""
        path = f"/inventoryadjustments/{adjustment_id}"
        return await self._object_or_none(path, "read adjustment", "inventory_adjustment")

    async def move_adjustment(self, adjustment_id: str, step: str) -> None:
        """Takes a document one step on: `submit` or `approve`."""
        await self._send("POST", f"/inventoryadjustments/{adjustment_id}/{step}", operation=f"{step} adjustment")

    async def delete_adjustment(self, adjustment_id: str) -> None:
        """Deletes a document. Only for one that does not count yet."""
        await self._send("DELETE", f"/inventoryadjustments/{adjustment_id}", operation="delete adjustment")

    # -- sales orders ---------------------------------------------------------------------------------------------

    async def list_orders(self, params: Mapping[str, str]) -> Mapping[str, Any]:
        """Reads one page of sales orders, without their lines."""
        return fields_of((await self._send("GET", "/salesorders", operation="list orders", params=params)).body)

    async def get_order(self, order_id: str) -> Mapping[str, Any] | None:
        """Reads one sales order; None when there is none."""
        return await self._object_or_none(f"/salesorders/{order_id}", "read order", "salesorder")

    async def create_package(self, order_id: str, package: Mapping[str, Any]) -> Mapping[str, Any]:
        """Packs lines of an order. NOT safe to repeat: look for its number first."""
        params = {"salesorder_id": order_id}
        answer = await self._send("POST", "/packages", operation="pack order", params=params, json_body=package)
        return _created(answer, "package", "package_id")

    async def create_shipment(self, order_id: str, package_id: str, shipment: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ships a package. NOT safe to repeat: look whether the package is shipped first."""
        params = {"salesorder_id": order_id, "package_ids": package_id}
        answer = await self._send("POST", "/shipmentorders", operation="ship order", params=params, json_body=shipment)
        return fields_of(fields_of(answer.body).get("shipment_order"))

    async def configure_webhooks(self, settings_url: str, endpoint: str) -> None:
        """Sets the address of the webhooks where a stand-in for Zoho lets it be set. Repeating it is safe."""
        body = {"platform": "ZOHO", "url": endpoint}
        await self._wire.send("POST", settings_url, operation="set webhook address", json_body=body, harmless=True)

    async def _object_or_none(self, path: str, operation: str, name: str) -> Mapping[str, Any] | None:
        try:
            answer = await self._send("GET", path, operation=operation)
        except ChannelError as error:
            if error.code in (errors.NOT_FOUND, "http_404"):
                return None
            raise
        return fields_of(fields_of(answer.body).get(name)) or None


def _items(answer: Answer) -> list[Mapping[str, Any]]:
    return [item for item in objects_of(answer.body, "items") if text_id(item.get("item_id"))]


def _created(answer: Answer, name: str, id_name: str) -> Mapping[str, Any]:
    made = fields_of(fields_of(answer.body).get(name))
    if not text_id(made.get(id_name)):
        raise ChannelError(Outcome.UNKNOWN, f"The answer holds no {id_name}.", code="unreadable")
    return made
