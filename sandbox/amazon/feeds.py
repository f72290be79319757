"""Feeds: a document is made, uploaded to an address that holds for five minutes, and then worked through.

Making a feed is not idempotent. Only the JSON listings feed does anything; the feeds of before end FATAL.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlencode

from sandbox.amazon import messages
from sandbox.amazon.buckets import LISTINGS_FEED, Buckets
from sandbox.amazon.errors import invalid_input, not_found
from sandbox.amazon.feed_run import FeedRun
from sandbox.amazon.notifications import Notifications
from sandbox.amazon.reading import check_marketplaces, choices, count, document, listed, moment, text
from sandbox.amazon.state import Document, Feed
from sandbox.amazon.store import Store, opaque_id
from sandbox.clock import iso_from_seconds
from sandbox.wire import Answer, Call, Json, Refused, Router

DOCUMENT_PATH = "/documents"
_FEEDS = "/feeds/2021-06-30/feeds"
_DOCUMENTS = "/feeds/2021-06-30/documents"
_URL_LIFE_S = 300
_MOST_MARKETPLACES = 25
_OPEN = ("IN_QUEUE", "IN_PROGRESS")
_STATUSES = ("CANCELLED", "DONE", "FATAL", *_OPEN)


class Feeds:
    """Handlers of `feeds` and `documents`, and of the storage behind their addresses."""

    def __init__(self, store: Store, buckets: Buckets, run: FeedRun, notifications: Notifications) -> None:
        self._store = store
        self._buckets = buckets
        self._run = run
        self._notifications = notifications

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("create_feed_document", f"POST {_DOCUMENTS}", self.create_document)
        router.add("get_feed_document", f"GET {_DOCUMENTS}/{{document_id}}", self.get_document)
        router.add("create_feed", f"POST {_FEEDS}", self.create)
        router.add("get_feeds", f"GET {_FEEDS}", self.list_some)
        router.add("get_feed", f"GET {_FEEDS}/{{feed_id}}", self.get)
        router.add("cancel_feed", f"DELETE {_FEEDS}/{{feed_id}}", self.cancel)
        router.add("upload_document", f"PUT {DOCUMENT_PATH}/{{document_id}}", self.upload)
        router.add("download_document", f"GET {DOCUMENT_PATH}/{{document_id}}", self.download)

    def create_document(self, call: Call) -> Answer:
        """A place for the contents of a feed, 201."""
        content_type = text(document(call), "contentType", 100)
        made = Document(opaque_id("3"), content_type, self._store.world.clock.seconds())
        self._store.keep_document(made)
        return Answer(201, {"feedDocumentId": made.document_id, "url": self._presigned(made)})

    def get_document(self, call: Call) -> Answer:
        """Where a document can be read."""
        found = self._document(call)
        body = {"feedDocumentId": found.document_id, "url": self._presigned(found)}
        return Answer(200, {**body, "compressionAlgorithm": "GZIP"} if found.gzipped else body)

    def create(self, call: Call) -> Answer:
        """A feed of an uploaded document, 202. Sending it again makes another."""
        body = document(call)
        feed_type, document_id = text(body, "feedType", 100), text(body, "inputFeedDocumentId", 200)
        marketplaces = body.get("marketplaceIds")
        if not isinstance(marketplaces, list) or not 1 <= len(marketplaces) <= _MOST_MARKETPLACES:
            raise invalid_input("'marketplaceIds' takes 1 to 25 entries.")
        check_marketplaces(marketplaces)
        contents = self._store.account.documents.get(document_id)
        if contents is None or not contents.body:
            raise invalid_input("The feed document does not exist or was not uploaded.")
        if feed_type == LISTINGS_FEED:
            self._buckets.spend_feed()
        feed_id = str(self._store.world.keeper.next_id("amazon.feed", 50_000_000_001))
        feed = Feed(feed_id, feed_type, marketplaces, document_id, self._store.world.clock.seconds())
        self._store.keep_feed(feed)
        self._start(feed)
        return Answer(202, {"feedId": feed_id})

    def list_some(self, call: Call) -> Answer:
        """Feeds by type, status and time, the newest first."""
        types, statuses = listed(call, "feedTypes"), choices(call, "processingStatuses", _STATUSES)
        since, until = moment(call, "createdSince"), moment(call, "createdUntil")
        found = [
            feed
            for feed in reversed(self._store.account.feeds.values())
            if (not types or feed.feed_type in types)
            and (not statuses or feed.status in statuses)
            and (since is None or feed.created_at >= since)
            and (until is None or feed.created_at <= until)
        ]
        return Answer(200, {"feeds": [_feed_document(feed) for feed in found[: count(call, "pageSize", 10, 100)]]})

    def get(self, call: Call) -> Answer:
        """How far a feed has come."""
        return Answer(200, _feed_document(self._feed(call)))

    def cancel(self, call: Call) -> Answer:
        """Cancels a feed that was not begun."""
        feed = self._feed(call)
        if feed.status != "IN_QUEUE":
            raise invalid_input("Only a feed that is IN_QUEUE can be cancelled.")
        feed.status, feed.ended_at = "CANCELLED", self._store.world.clock.seconds()
        self._store.keep_feed(feed)
        self._notifications.tell(messages.FEED_FINISHED, messages.feed_finished(feed))
        return Answer(200, {})

    def upload(self, call: Call) -> Answer:
        """Takes the contents of a document, within five minutes and with its own content type."""
        found = self._signed(call)
        kind = call.headers.get("Content-Type", "")
        if _plain(kind) != _plain(found.content_type) or "x-amz-access-token" in call.headers:
            raise _storage_error("SignatureDoesNotMatch")
        found.body = base64.b64encode(call.body).decode()
        self._store.keep_document(found)
        return Answer(200)

    def download(self, call: Call) -> Answer:
        """The contents of a document as they were put there."""
        found = self._signed(call)
        if not found.body:
            raise _storage_error("NoSuchKey", 404)
        return Answer(200, raw=base64.b64decode(found.body), content_type="application/octet-stream")

    def resume(self) -> None:
        """Goes on with the feeds a stop has interrupted; what was applied before is applied again, to the same end."""
        for feed in self._store.account.feeds.values():
            if feed.status in _OPEN:
                self._start(feed)

    def _start(self, feed: Feed) -> None:
        self._store.later.walk(self._store.world.switches.amazon.feed_delay_ms / 1000, self._run.steps(feed))

    def _presigned(self, found: Document) -> str:
        expires = int(self._store.world.clock.seconds()) + _URL_LIFE_S
        query = urlencode({"X-Amz-Expires": str(expires), "X-Amz-Signature": _signature(found, expires)})
        return f"{self._store.world.base_url}/amazon{DOCUMENT_PATH}/{found.document_id}?{query}"

    def _signed(self, call: Call) -> Document:
        found = self._store.account.documents.get(call.params["document_id"])
        expires = call.query.get("X-Amz-Expires", "")
        if found is None or not (expires.isascii() and expires.isdecimal() and len(expires) < 13):
            raise _storage_error("AccessDenied")
        if call.query.get("X-Amz-Signature") != _signature(found, int(expires)):
            raise _storage_error("SignatureDoesNotMatch")
        if int(expires) < self._store.world.clock.seconds():
            raise _storage_error("AccessDenied")
        return found

    def _document(self, call: Call) -> Document:
        found = self._store.account.documents.get(call.params["document_id"])
        if found is None:
            raise not_found("Feed document")
        return found

    def _feed(self, call: Call) -> Feed:
        found = self._store.account.feeds.get(call.params["feed_id"])
        if found is None:
            raise not_found("Feed")
        return found


def _signature(found: Document, expires: int) -> str:
    """Keeps a forgotten or changed expiry from working; there is no secret in it."""
    return f"{binascii.crc32(f'{found.document_id}/{expires}'.encode()):08x}"


def _plain(content_type: str) -> str:
    return content_type.replace(" ", "").lower()


def _storage_error(code: str, status: int = 403) -> Refused:
    raw = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>'.encode()
    return Refused(Answer(status, raw=raw, content_type="application/xml"))


def _feed_document(feed: Feed) -> Json:
    document: Json = {
        "feedId": feed.feed_id,
        "feedType": feed.feed_type,
        "marketplaceIds": feed.marketplace_ids,
        "createdTime": iso_from_seconds(feed.created_at),
        "processingStatus": feed.status,
    }
    if feed.started_at:
        document["processingStartTime"] = iso_from_seconds(feed.started_at)
    if feed.ended_at:
        document["processingEndTime"] = iso_from_seconds(feed.ended_at)
    if feed.result_document_id:
        document["resultFeedDocumentId"] = feed.result_document_id
    return document
