"""Ecwid's calls: single ones, and many at once as a batch.

Either way goes against the 600 requests a minute of the token, and a 429 stops all of them. A handful of calls goes out
directly, being answered at once, while many requests are left; all else is merged into batches whose tickets are polled.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from sync_svc.channels.base import ChannelAccount, ChannelError, Outcome
from sync_svc.channels.batcher import Batcher
from sync_svc.channels.codec import fields_of, objects_of
from sync_svc.channels.ecwid import mapping
from sync_svc.channels.gathering import gather_bounded
from sync_svc.channels.http import Answer, Wire, outcome_of
from sync_svc.channels.limits import Limit, count_option
from sync_svc.channels.quota import Throttle

MAX_BATCH = 500
REQUESTS_PER_MINUTE = 600
_DIRECT_MAX = 12
_DIRECT_AT_ONCE = 8
# Below this part of the burst even single calls are merged: two requests then carry what every caller has to say.
_PLENTY_LEFT = 0.25
_SMALL_BATCH = 50
# Direct calls take at most this part of the requests left, so that orders and polls of batches always find some.
_SHARE_OF_LEFT = 8
_POLL_LIMIT_S = 90.0


@dataclass(frozen=True, slots=True)
class Request:
    """One call of many. `body` is sent as JSON."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


Reply = Answer | ChannelError
"""What became of one call of many: its answer, or why there is none."""


def make_throttle(options: Mapping[str, Any]) -> Throttle:
    """The bucket of one token. Raises ValueError for an option that is no count."""
    per_minute = count_option(options, "requests_per_minute", REQUESTS_PER_MINUTE)
    return Throttle(Limit.per_window(per_minute, 60.0, burst_share=0.1) if per_minute else Limit.none())


class EcwidClient:
    """One store's calls."""

    def __init__(self, account: ChannelAccount, transport: httpx2.AsyncBaseTransport | None) -> None:
        self.throttle = make_throttle(account.options)
        self._headers = {"authorization": f"Bearer {account.credentials['access_token']}"}
        self._wire = Wire(
            name=f"ECWID/{account.account}",
            base_url=_store_url(account.api_base_url, account.credentials["store_id"]),
            throttle=self.throttle,
            explain=mapping.explain,
            transport=transport,
        )
        # A large batch takes its time; what is few and perhaps urgent does not wait behind it.
        self._small_batches = Batcher(self._send_merged, most=MAX_BATCH)
        self._large_batches = Batcher(self._send_merged, most=MAX_BATCH)

    async def aclose(self) -> None:
        await self._small_batches.aclose()
        await self._large_batches.aclose()
        await self._wire.aclose()

    async def send(self, request: Request, *, params: Mapping[str, str] | None = None) -> Answer:
        """Makes one call; raises `ChannelError`."""
        return await self._wire.send(
            request.method,
            request.path,
            operation=_operation(request),
            params=params,
            headers=self._headers,
            json_body=request.body,
        )

    async def configure_webhooks(self, settings_url: str, endpoint: str) -> None:
        """Sets the address of the webhooks where a stand-in for Ecwid lets it be set. Repeating it is safe."""
        body = {"platform": "ECWID", "url": endpoint}
        await self._wire.send("POST", settings_url, operation="set webhook address", json_body=body, harmless=True)

    async def send_all(self, requests: Sequence[Request]) -> list[Reply]:
        """Makes up to 500 calls and returns what became of each, in order; raises nothing a platform can answer."""
        if not requests:
            return []
        if self._is_handful(len(requests)):
            return await gather_bounded(self._send_one, requests, at_once=_DIRECT_AT_ONCE)
        batches = self._small_batches if len(requests) <= _SMALL_BATCH else self._large_batches
        return await batches.ask(requests)

    def _is_handful(self, count: int) -> bool:
        """Whether direct calls are the better way: few of them, and many requests left."""
        left = self.throttle.left("")
        is_plenty = left >= self.throttle.burst("") * _PLENTY_LEFT
        return is_plenty and count <= max(2, min(_DIRECT_MAX, left // _SHARE_OF_LEFT))

    async def _send_one(self, request: Request) -> Reply:
        try:
            return await self.send(request)
        except ChannelError as error:
            return error

    # -- batches --------------------------------------------------------------------------------------------------

    async def _send_merged(self, requests: Sequence[Request]) -> Sequence[Reply]:
        if len(requests) == 1:
            return [await self._send_one(requests[0])]
        try:
            return await self._send_batch(requests)
        except ChannelError as error:
            return [error] * len(requests)

    async def _send_batch(self, requests: Sequence[Request]) -> list[Reply]:
        ticket = await self._open_batch(requests)
        body = await self._wait_for(ticket, len(requests))
        replies = _replies(body)
        nothing_told = _nothing_told(body)
        return [replies.get(str(number), nothing_told) for number in range(len(requests))]

    async def _open_batch(self, requests: Sequence[Request]) -> str:
        entries = [
            {"id": str(number), "path": one.path, "method": one.method, "body": one.body or {}}
            for number, one in enumerate(requests)
        ]
        params = {"stopOnFirstFailure": "false", "deduplicationKey": str(uuid.uuid4())}
        try:
            answer = await self._post_batch(entries, params)
        except ChannelError as error:
            if error.outcome is not Outcome.UNKNOWN:
                raise
            # Under the same key the platform does not do it twice.
            answer = await self._post_batch(entries, params)
        ticket = fields_of(answer.body).get("ticket")
        if not ticket:
            raise ChannelError(Outcome.UNKNOWN, "Ecwid's answer to a batch holds no ticket.", code="unreadable")
        return str(ticket)

    async def _post_batch(self, entries: Sequence[Mapping[str, Any]], params: Mapping[str, str]) -> Answer:
        return await self._wire.send(
            "POST", "/batch", operation="open batch", params=params, headers=self._headers, json_body=entries
        )

    async def _wait_for(self, ticket: str, size: int) -> Mapping[str, Any]:
        """Polls until the batch is done; what is not done in time stays unknown."""
        body: Mapping[str, Any] = {}
        give_up_at = time.monotonic() + _POLL_LIMIT_S
        for delay_s in _poll_delays(size):
            await asyncio.sleep(delay_s)
            body = await self._poll(ticket)
            if body.get("status") == "COMPLETED" or time.monotonic() >= give_up_at:
                break
        return body

    async def _poll(self, ticket: str) -> Mapping[str, Any]:
        try:
            answer = await self._wire.send(
                "GET", "/batch", operation="poll batch", params={"ticket": ticket}, headers=self._headers
            )
        except ChannelError as error:
            if error.outcome is Outcome.RETRY:
                # The batch runs on without us; only the look at it failed.
                return {}
            raise ChannelError(Outcome.UNKNOWN, error.message, code=error.code) from error
        return fields_of(answer.body)


def _poll_delays(size: int) -> Iterator[float]:
    """Soon at first, sooner for a small batch, then ever more seldom: a batch of 500 costs about ten polls."""
    delay_s = 0.08 if size <= _SMALL_BATCH else 0.25
    while True:
        yield delay_s
        delay_s = min(delay_s * 1.6, 5.0)


def _replies(body: Mapping[str, Any]) -> dict[str, Reply]:
    return {str(response.get("id", "")): _reply(response) for response in objects_of(body, "responses")}


def _reply(response: Mapping[str, Any]) -> Reply:
    """Reads one call's part of a batch's answer, in the older spelling of its fields as well."""
    status = response.get("httpStatusCode", response.get("http_code"))
    content = response.get("httpBody", response.get("http_body"))
    if response.get("status") == "NOT_EXECUTED":
        return ChannelError(Outcome.RETRY, "Ecwid left this call of a batch undone.", code="not_executed")
    try:
        answer = Answer(status=int(status), headers={}, body=content)
    except (TypeError, ValueError):
        return _nothing_told(response)
    failure = mapping.explain(answer)
    if answer.ok and failure is None:
        return answer
    if failure is None:
        return ChannelError(outcome_of(answer.status), f"Ecwid answered {status}.", code=f"http_{status}")
    return ChannelError(failure.outcome, failure.message, code=failure.code)


def _nothing_told(body: Mapping[str, Any]) -> ChannelError:
    return ChannelError(
        Outcome.UNKNOWN,
        f"Ecwid did not tell what became of this call ({body.get('status', 'no status')}).",
        code="batch",
    )


def _operation(request: Request) -> str:
    """The call without its ids, for logs and messages."""
    words = [word for word in request.path.partition("?")[0].split("/") if word and not word.isdigit()]
    return f"{request.method} {' '.join(words)}"


def _store_url(base: str, store_id: str) -> str:
    """The store's address, from a base with or without the API's own path."""
    url = base.rstrip("/")
    if url.endswith(f"/{store_id}"):
        return url
    return f"{url}/{store_id}" if url.endswith("/api/v3") else f"{url}/api/v3/{store_id}"
