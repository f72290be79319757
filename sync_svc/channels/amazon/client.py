"""Amazon's calls, one method each: what is sent where, with which token and against which bucket.

Two tokens: the seller's, from the refresh token, and the application's own for destinations of notifications. A refused token is
renewed once and the call repeated; a second refusal is the account's. SKUs are percent-encoded whole, slashes included.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx2

from sync_svc.channels.amazon import errors, rates
from sync_svc.channels.base import OVER_QUOTA, ChannelAccount, ChannelError, Outcome
from sync_svc.channels.codec import decode, encode, fields_of, objects_of
from sync_svc.channels.http import Answer, Wire
from sync_svc.channels.tokens import IssuedToken, TokenCache

TOKEN_URL = "https://api.amazon.com/auth/o2/token"
API_URL = "https://sellingpartnerapi-na.amazon.com"
FEED_TYPE = "JSON_LISTINGS_FEED"
_LISTINGS = "/listings/2021-08-01/items"
_FEEDS = "/feeds/2021-06-30"
_ORDERS = "/orders/2026-01-01/orders"
_NOTIFICATIONS = "/notifications/v1"
_NOTIFICATION_SCOPE = "sellingpartnerapi::notifications"
_DOCUMENT_TYPE = "application/json; charset=UTF-8"
_MOST_REPORT_BYTES = 64 * 1024 * 1024
_ORDERS_V0 = "/orders/v0/orders"
_ORDER_PARTS = "FULFILLMENT,CANCELLATION"


class AmazonClient:
    """One seller's calls. Every method raises `ChannelError`."""

    def __init__(
        self, account: ChannelAccount, marketplace_id: str, transport: httpx2.AsyncBaseTransport | None
    ) -> None:
        self._credentials = account.credentials
        self._seller_id = quote(account.credentials["seller_id"], safe="")
        self._marketplace_id = marketplace_id
        self._token_url = account.token_url or TOKEN_URL
        self.throttle = rates.make_throttle()
        self.seller_token = TokenCache(self._refresh_grant)
        self._app_token = TokenCache(self._client_credentials_grant)
        self.wire = Wire(
            name=f"AMAZON/{account.account}",
            base_url=account.api_base_url or API_URL,
            throttle=self.throttle,
            explain=errors.explain,
            silence=errors.only_the_operation,
            heed=self._heed_rate,
            transport=transport,
        )

    async def aclose(self) -> None:
        await self.wire.aclose()

    # -- how calls are made ---------------------------------------------------------------------------------------

    async def _refresh_grant(self) -> IssuedToken:
        return await self._grant({"grant_type": "refresh_token", "refresh_token": self._credentials["refresh_token"]})

    async def _client_credentials_grant(self) -> IssuedToken:
        return await self._grant({"grant_type": "client_credentials", "scope": _NOTIFICATION_SCOPE})

    async def _grant(self, form: Mapping[str, str]) -> IssuedToken:
        keys = {name: self._credentials[name] for name in ("client_id", "client_secret")}
        answer = await self.wire.send("POST", self._token_url, operation="token", form={**form, **keys}, harmless=True)
        body = fields_of(answer.body)
        value, lasts = body.get("access_token"), body.get("expires_in")
        if not isinstance(value, str) or not value or not isinstance(lasts, int) or lasts <= 0:
            raise ChannelError(Outcome.RETRY, "token: the answer holds no token", code="unreadable")
        return IssuedToken(value, float(lasts))

    async def _send(
        self, method: str, path: str, *, operation: str, token: TokenCache | None = None, **rest: Any
    ) -> Answer:
        cache = token or self.seller_token
        value = await cache.get()
        try:
            return await self._call(value, method, path, operation, **rest)
        except ChannelError as error:
            if error.outcome is not Outcome.AUTH:
                raise
            cache.drop(value)
        return await self._call(await cache.get(), method, path, operation, **rest)

    async def _call(self, token: str, method: str, path: str, operation: str, **rest: Any) -> Answer:
        headers = {"x-amz-access-token": token}
        try:
            return await self.wire.send(method, path, operation=operation, headers=headers, **rest)
        except ChannelError as error:
            if error.code == OVER_QUOTA and not self.throttle.paused_for():
                # Only this operation has run out, so the account need not be silent.
                raise ChannelError(Outcome.RETRY, error.message, code=error.code) from error
            raise

    def _heed_rate(self, operation: str, headers: Mapping[str, str]) -> None:
        """Amazon tells the rate that it applies with every answer, also that there is no such listing."""
        rate = rates.applied_rate(headers.get("x-amzn-ratelimit-limit", ""))
        if rate is not None:
            self.throttle.adjust(operation, rate)

    # -- listings -------------------------------------------------------------------------------------------------

    async def get_listing(self, sku: str, included: Sequence[str]) -> Mapping[str, Any] | None:
        """Reads one listing; None when there is none."""
        params = {"marketplaceIds": self._marketplace_id, "includedData": ",".join(included)}
        try:
            answer = await self._send("GET", self._listing_path(sku), operation="getListingsItem", params=params)
        except ChannelError as error:
            if errors.is_unknown_sku(error.code):
                return None
            raise
        return fields_of(answer.body) or None

    async def search_listings(self, skus: Sequence[str], included: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Reads up to 20 listings by SKU; those that are not found are left out. No SKU may hold a comma."""
        params = {
            "marketplaceIds": self._marketplace_id,
            "identifiers": ",".join(skus),
            "identifiersType": "SKU",
            "includedData": ",".join(included),
            "pageSize": "20",
        }
        path = f"{_LISTINGS}/{self._seller_id}"
        answer = await self._send("GET", path, operation="searchListingsItems", params=params)
        return {str(item.get("sku", "")): item for item in objects_of(answer.body, "items")}

    async def list_listings(self, since: str, token: str, included: Sequence[str]) -> Mapping[str, Any]:
        """Reads one page of the listings made since a time (empty: ever), by when they were made."""
        params = {
            "marketplaceIds": self._marketplace_id,
            "includedData": ",".join(included),
            "sortBy": "createdDate",
            "sortOrder": "ASC",
            "pageSize": "20",
            **({"createdAfter": since} if since else {}),
            **({"pageToken": token} if token else {}),
        }
        path = f"{_LISTINGS}/{self._seller_id}"
        return fields_of((await self._send("GET", path, operation="searchListingsItems", params=params)).body)

    async def any_listing(self) -> None:
        """Reads one listing: the cheapest proof that the account can be used."""
        params = {"marketplaceIds": self._marketplace_id, "pageSize": "1"}
        await self._send("GET", f"{_LISTINGS}/{self._seller_id}", operation="searchListingsItems", params=params)

    async def patch_listing(self, sku: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Patches attributes. Accepted is not applied. Repeating it is safe."""
        return await self._submit("PATCH", sku, "patchListingsItem", body)

    async def put_listing(self, sku: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Creates a listing, or replaces all there is of it. Accepted is not applied. Repeating it is safe."""
        return await self._submit("PUT", sku, "putListingsItem", body)

    async def delete_listing(self, sku: str) -> Mapping[str, Any]:
        """Deletes a listing. Repeating it is safe."""
        return await self._submit("DELETE", sku, "deleteListingsItem", None)

    async def _submit(self, method: str, sku: str, operation: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        params = {"marketplaceIds": self._marketplace_id}
        answer = await self._send(method, self._listing_path(sku), operation=operation, params=params, json_body=body)
        submission = fields_of(answer.body)
        if submission.get("status") != "ACCEPTED":
            text = f"{operation}: the answer does not say whether it was accepted"
            raise ChannelError(Outcome.UNKNOWN, text, code="unreadable")
        return submission

    def _listing_path(self, sku: str) -> str:
        return f"{_LISTINGS}/{self._seller_id}/{quote(sku, safe='')}"

    # -- feeds ----------------------------------------------------------------------------------------------------

    async def create_feed(self, feed: Mapping[str, Any]) -> str:
        """Uploads a listings feed, starts it and returns its id. NOT safe to repeat: look for unfinished feeds first."""
        form = {"contentType": _DOCUMENT_TYPE}
        answer = await self._send("POST", f"{_FEEDS}/documents", operation="createFeedDocument", json_body=form)
        made = fields_of(answer.body)
        document_id, url = made.get("feedDocumentId"), made.get("url")
        if not isinstance(document_id, str) or not isinstance(url, str):
            raise ChannelError(Outcome.RETRY, "createFeedDocument: the answer names no document", code="unreadable")
        await self.wire.send_raw("PUT", url, operation="upload feed", content=encode(feed), content_type=_DOCUMENT_TYPE)
        return await self._start_feed(document_id)

    async def _start_feed(self, document_id: str) -> str:
        body = {"feedType": FEED_TYPE, "marketplaceIds": [self._marketplace_id], "inputFeedDocumentId": document_id}
        try:
            answer = await self._send("POST", f"{_FEEDS}/feeds", operation="createFeed", json_body=body)
        except ChannelError as error:
            if error.outcome is Outcome.RETRY and error.code not in errors.NOT_TAKEN:
                # Trouble of Amazon's own may have come after the feed was started.
                raise ChannelError(Outcome.UNKNOWN, error.message, code=error.code) from error
            raise
        feed_id = fields_of(answer.body).get("feedId")
        if not isinstance(feed_id, str) or not feed_id:
            raise ChannelError(Outcome.UNKNOWN, "createFeed: the answer holds no feed id", code="unreadable")
        return feed_id

    async def get_feed(self, feed_id: str) -> Mapping[str, Any]:
        """Reads how far a feed has come."""
        path = f"{_FEEDS}/feeds/{quote(feed_id, safe='')}"
        return fields_of((await self._send("GET", path, operation="getFeed")).body)

    async def unfinished_feeds(self) -> list[Mapping[str, Any]]:
        """The listings feeds that are queued or under way."""
        params = {"feedTypes": FEED_TYPE, "processingStatuses": "IN_QUEUE,IN_PROGRESS", "pageSize": "10"}
        answer = await self._send("GET", f"{_FEEDS}/feeds", operation="getFeeds", params=params)
        return objects_of(answer.body, "feeds")

    async def get_report(self, document_id: str) -> Mapping[str, Any]:
        """Reads the processing report of a feed."""
        path = f"{_FEEDS}/documents/{quote(document_id, safe='')}"
        document = fields_of((await self._send("GET", path, operation="getFeedDocument")).body)
        content = await self.wire.send_raw("GET", str(document.get("url") or ""), operation="download report")
        if document.get("compressionAlgorithm") == "GZIP":
            content = _unzipped(content)
        body, readable = decode(content)
        if not readable or not isinstance(body, Mapping):
            raise ChannelError(Outcome.RETRY, "The processing report cannot be read.", code="unreadable")
        return body

    # -- orders ---------------------------------------------------------------------------------------------------

    async def search_orders(self, params: Mapping[str, str]) -> Mapping[str, Any]:
        """Reads one page of orders."""
        query = {**params, "marketplaceIds": self._marketplace_id, "includedData": _ORDER_PARTS}
        return fields_of((await self._send("GET", _ORDERS, operation="searchOrders", params=query)).body)

    async def get_order(self, order_id: str, *, with_packages: bool = False) -> Mapping[str, Any] | None:
        """Reads one order; None when there is none."""
        path = f"{_ORDERS}/{quote(order_id, safe='')}"
        params = {"includedData": f"{_ORDER_PARTS},PACKAGES" if with_packages else _ORDER_PARTS}
        try:
            answer = await self._send("GET", path, operation="getOrder", params=params)
        except ChannelError as error:
            if error.code in (errors.NOT_FOUND, "http_404"):
                return None
            raise
        return fields_of(fields_of(answer.body).get("order")) or None

    async def confirm_shipment(self, order_id: str, confirmation: Mapping[str, Any]) -> None:
        """Confirms a package, or edits the one of the same reference. Repeating it is safe."""
        path = f"{_ORDERS_V0}/{quote(order_id, safe='')}/shipmentConfirmation"
        await self._send("POST", path, operation="confirmShipment", json_body=confirmation)

    # -- notifications --------------------------------------------------------------------------------------------

    async def notification(self, method: str, path: str, *, grantless: bool = False, **rest: Any) -> Answer:
        """Makes a call of the notifications API, with the seller's token or with the application's own."""
        token = self._app_token if grantless else None
        return await self._send(method, f"{_NOTIFICATIONS}{path}", operation="notifications", token=token, **rest)


def _unzipped(content: bytes) -> bytes:
    try:
        unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        return unzip.decompress(content, _MOST_REPORT_BYTES)
    except zlib.error as error:
        raise ChannelError(Outcome.RETRY, "The processing report cannot be unzipped.", code="unreadable") from error
