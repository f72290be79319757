"""Working through a JSON listings feed, message by message, and the report about it."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.amazon import messages
from sandbox.amazon.attributes import REQUIREMENTS, check_patches
from sandbox.amazon.buckets import LISTINGS_FEED
from sandbox.amazon.notifications import Notifications
from sandbox.amazon.state import Document, Feed
from sandbox.amazon.store import PLATFORM, Store, opaque_id
from sandbox.amazon.submissions import DELETE, PATCH, PUT, Change, Submissions
from sandbox.amazon.tokens import ACCOUNT, SELLER_ID
from sandbox.amazon.views import PARTS, item_document
from sandbox.wire import Call, Json, Refused

FEED = "amazon.feed"
_MOST_MESSAGES = 25_000
_MOST_BYTES = 10 * 1024 * 1024
_AT_ONCE = 100
_VERSION = "2.0"


@dataclass(slots=True)
class Report:
    """What happened to the messages."""

    header: Json = field(default_factory=dict)
    issues: list[Json] = field(default_factory=list)
    processed: int = 0
    invalid: int = 0
    skus: list[str] = field(default_factory=list)

    def refuse(self, message: Json, issues: list[Json]) -> None:
        """Notes why a message was not accepted."""
        self.invalid += 1
        about: Json = {name: message[name] for name in ("messageId", "sku") if name in message}
        for issue in issues:
            told = {name: issue[name] for name in ("code", "severity", "message")}
            if issue.get("attributeNames"):
                told["attributeName"] = issue["attributeNames"][0]
            self.issues.append({**about, **told})


class FeedRun:
    """Runs feeds."""

    def __init__(self, store: Store, submissions: Submissions, notifications: Notifications) -> None:
        self._store = store
        self._submissions = submissions
        self._notifications = notifications

    def steps(self, feed: Feed) -> Iterator[None]:
        """Works through a feed, a hundred messages a step."""
        if feed.status == "CANCELLED":
            return
        feed.status, feed.started_at = "IN_PROGRESS", self._store.world.clock.seconds()
        self._store.keep_feed(feed)
        yield
        report = Report()
        contents, complaint = self._contents(feed)
        if complaint:
            report.issues.append({"severity": "ERROR", "code": "90101", "message": complaint})
            self._end(feed, report, "FATAL")
            return
        report.header = contents["header"]
        found: list[Any] = contents["messages"]
        rule = self._store.world.faults.pick_later(PLATFORM, ACCOUNT, FEED, "", kind="feed_fatal")
        for index, message in enumerate(found[: len(found) // 2] if rule else found, 1):
            self._one(report, message)
            if index % _AT_ONCE == 0:
                yield
        self._end(feed, report, "FATAL" if rule else "DONE")

    def _contents(self, feed: Feed) -> tuple[Json, str]:
        """The document, and what is wrong with it as a whole."""
        document = self._store.account.documents.get(feed.input_document_id)
        raw = base64.b64decode(document.body) if document else b""
        if feed.feed_type != LISTINGS_FEED:
            return {}, f"The feed type {feed.feed_type} is no longer processed."
        try:
            body = json.loads(raw) if len(raw) <= _MOST_BYTES else None
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return {}, "The feed is not a JSON object of at most 10 MiB."
        header, found = body.get("header"), body.get("messages")
        if not isinstance(header, dict) or header.get("version") != _VERSION or header.get("sellerId") != SELLER_ID:
            return {}, "The header needs the version 2.0 and the seller's own id."
        if not isinstance(found, list) or not 1 <= len(found) <= _MOST_MESSAGES:
            return {}, f"A feed has 1 to {_MOST_MESSAGES} messages."
        return body, ""

    def _one(self, report: Report, message: Any) -> None:
        report.processed += 1
        started, message = time.perf_counter(), message if isinstance(message, dict) else {}
        try:
            change = _change(message)
        except (Refused, ValueError) as error:
            what = error.answer.body["errors"][0]["message"] if isinstance(error, Refused) else str(error)
            report.refuse(message, [{"code": "90041", "severity": "ERROR", "message": what}])
            return
        issues = self._submissions.judge(change)
        if issues:
            report.refuse(message, issues)
        else:
            report.skus.append(change.sku)
            self._submissions.apply(change)
        self._log(change, started, refused=bool(issues))

    def _log(self, change: Change, started: float, *, refused: bool) -> None:
        call = Call("FEED", f"/{change.kind}", operation="amazon.feed_message", account=ACCOUNT)
        call.note(change.sku, None if refused else change.quantity)
        status = 400 if refused else 200
        self._store.world.log.add(PLATFORM, call, status, started=started, batch=LISTINGS_FEED)

    def _end(self, feed: Feed, report: Report, status: str) -> None:
        now = self._store.world.clock.seconds()
        body = json.dumps(self._report(feed, report)).encode()
        gzipped = self._store.world.switches.amazon.gzip_reports
        raw = base64.b64encode(gzip.compress(body) if gzipped else body).decode()
        document = Document(opaque_id("result"), "application/json; charset=UTF-8", now, raw, gzipped)
        self._store.keep_document(document)
        feed.status, feed.ended_at, feed.result_document_id = status, now, document.document_id
        self._store.keep_feed(feed)
        self._notifications.tell(messages.FEED_FINISHED, messages.feed_finished(feed))

    def _report(self, feed: Feed, report: Report) -> Json:
        header: Json = {"sellerId": SELLER_ID, "version": _VERSION, "feedId": feed.feed_id}
        errors = sum(issue["severity"] == "ERROR" for issue in report.issues)
        summary: Json = {
            "errors": errors,
            "warnings": 0,
            "messagesProcessed": report.processed,
            "messagesAccepted": report.processed - report.invalid,
            "messagesInvalid": report.invalid,
        }
        body: Json = {"header": header, "issues": report.issues, "summary": summary}
        wanted = _wanted_parts(report.header)
        if wanted:
            header["report"] = report.header["report"]
            listings = self._store.account.listings
            items = [item_document(listings[sku], wanted) for sku in dict.fromkeys(report.skus) if sku in listings]
            found = sum(issue["severity"] == "ERROR" for item in items for issue in item.get("issues", []))
            summary["itemSummary"] = {"items": len(items), "errors": found, "warnings": 0}
            body["items"] = items
        return body


def _wanted_parts(header: Json) -> list[str]:
    report = header.get("report")
    named = report.get("includedData") if isinstance(report, dict) else None
    return [part for part in PARTS if part in named] if isinstance(named, list) else []


def _change(message: Json) -> Change:
    """The change a message asks for. Raises ValueError or Refused with what is wrong with it."""
    kind, sku, number = message.get("operationType"), message.get("sku"), message.get("messageId")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError("'messageId' must be a number from 1.")
    if not isinstance(sku, str) or not 0 < len(sku) <= 40:
        raise ValueError("A SKU has 1 to 40 characters.")
    if kind == "DELETE":
        return Change(DELETE, sku)
    product_type, attributes = message.get("productType"), message.get("attributes")
    if not isinstance(product_type, str) or not product_type:
        raise ValueError("'productType' is required but not supplied.")
    if kind == "PATCH":
        return Change(PATCH, sku, product_type, patches=_patches(message.get("patches")))
    if not isinstance(attributes, dict) or not attributes:
        raise ValueError("'attributes' is required but not supplied.")
    if kind == "PARTIAL_UPDATE":
        replaced = [
            {"op": "replace", "path": f"/attributes/{name}", "value": value} for name, value in attributes.items()
        ]
        return Change(PATCH, sku, product_type, patches=_patches(replaced))
    requirements = message.get("requirements", "LISTING")
    if kind != "UPDATE" or requirements not in REQUIREMENTS:
        raise ValueError("'operationType' or 'requirements' is not valid.")
    return Change(PUT, sku, product_type, requirements, attributes)


def _patches(value: Any) -> list[Json]:
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        raise ValueError("'patches' must be a list of objects.")
    check_patches(value)
    return value
