"""The SQS queue Amazon puts notifications into, spoken to with its JSON protocol over the account's own wire.

Five lines of protocol need no AWS library: receive, and delete what was kept. Calls are signed when the channel has AWS keys; a
stand-in for the queue may ask for none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sync_svc.channels.amazon.sigv4 import AwsKeys, signed_headers
from sync_svc.channels.base import ChannelError, Outcome
from sync_svc.channels.codec import encode, fields_of, objects_of
from sync_svc.channels.http import Wire

MOST_MESSAGES = 10
# Shorter than an answer is waited for.
WAIT_S = 8
_VISIBILITY_S = 60
_CONTENT_TYPE = "application/x-amz-json-1.0"
_REGION_OF_HOST = re.compile(r"//sqs\.([a-z0-9-]+)\.amazonaws\.com")


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and the receipt that takes it out of the queue."""

    body: str
    receipt: str


class NotificationQueue:
    """One queue."""

    def __init__(self, wire: Wire, url: str, region: str, keys: AwsKeys | None, *, wait_s: float = WAIT_S) -> None:
        self._wire = wire
        self._url = url
        self._region = region or _region_of(url)
        self._keys = keys
        self._wait_s = wait_s

    async def receive(self) -> list[Message]:
        """Waits for messages and hides them from other readers for a minute. Raises `ChannelError`."""
        body = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": MOST_MESSAGES,
            "WaitTimeSeconds": int(self._wait_s),
            "VisibilityTimeout": _VISIBILITY_S,
        }
        answer = await self._call("ReceiveMessage", body)
        return [
            Message(str(message.get("Body") or ""), str(message["ReceiptHandle"]))
            for message in objects_of(answer, "Messages")
            if message.get("ReceiptHandle")
        ]

    async def delete(self, receipts: Sequence[str]) -> None:
        """Takes messages out. Repeating it is safe. Raises `ChannelError`; what stays comes again."""
        for begin in range(0, len(receipts), MOST_MESSAGES):
            part = receipts[begin : begin + MOST_MESSAGES]
            entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(part)]
            answer = await self._call("DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})
            if objects_of(answer, "Failed"):
                raise ChannelError(Outcome.RETRY, "The queue kept some messages.", code="not_deleted")

    async def _call(self, action: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        headers = {"content-type": _CONTENT_TYPE, "x-amz-target": f"AmazonSQS.{action}"}
        if self._keys is not None:
            headers = signed_headers(
                self._keys,
                method="POST",
                url=self._url,
                region=self._region,
                service="sqs",
                headers=headers,
                body=encode(body) or b"",
                now=datetime.now(UTC),
            )
        answer = await self._wire.send(
            "POST", self._url, operation=f"queue {action}", headers=headers, json_body=body, harmless=True
        )
        return fields_of(answer.body)


def _region_of(url: str) -> str:
    found = _REGION_OF_HOST.search(url)
    return found[1] if found else "us-east-1"
