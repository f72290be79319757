"""The wire under every connector: one HTTP client per account, bounded answers, and failures sorted into outcomes.

A write whose answer never came, or came unreadable, is UNKNOWN: it may have been applied, so it is read back before it is sent
again. A read in the same trouble is simply RETRY. Nothing that could hold a secret (headers, bodies, queries) is logged.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import httpx2

from chassis.metrics import histogram
from chassis.tracing import TRACING, SpanKind
from sync_svc.channels.base import OVER_QUOTA, ChannelError, Outcome
from sync_svc.channels.codec import decode, encode, retry_after
from sync_svc.channels.limits import QuotaExhausted
from sync_svc.channels.quota import Throttle

log = logging.getLogger(__name__)

EXCHANGES = histogram(
    "hub_marketplace_seconds",
    "Time from a call to a marketplace to its answer, by what came of it: an HTTP status or an error's name.",
    ["platform", "operation", "outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
# The libraries' own lines name whole addresses, and headers at the finest level. One line of ours per call is enough.
for _chatty in ("httpx2", "httpcore2"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)

MAX_ANSWER_BYTES = 16 * 1024 * 1024
DEFAULT_RETRY_AFTER_S = 30.0
_MESSAGE_CHARS = 500
_READS = frozenset({"GET", "HEAD"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT = httpx2.Timeout(connect=3.0, read=15.0, write=10.0, pool=5.0)
_POOL = httpx2.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=60.0)
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
# 408 and 504 say that somebody on the way gave up waiting, not that nothing happened.
_GAVE_UP_WAITING = frozenset({408, 504})
# Whatever else such an answer says: it comes from before the platform's own reading of the call.
_ALWAYS = {401: Outcome.AUTH, 429: Outcome.RETRY, 502: Outcome.RETRY, 503: Outcome.RETRY}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a platform. `body` is the parsed JSON, or None when there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Failure:
    """What a platform says is wrong, as its connector reads it."""

    outcome: Outcome
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class _Call:
    """One call under way, and what its failure means."""

    operation: str
    harmless: bool

    def not_answered(self, error: Exception) -> ChannelError:
        never_sent = isinstance(error, _NOT_SENT)
        text = "the platform could not be reached" if never_sent else "the answer never came"
        return self._error(self._in_doubt(never_sent), f"{text} ({type(error).__name__})", type(error).__name__)

    def unreadable(self, status: int) -> ChannelError:
        return self._error(self._in_doubt(False), f"the answer ({status}) cannot be read", "unreadable")

    def refused(self, status: int, failure: Failure | None, retry_after_s: float | None) -> ChannelError:
        if failure is None:
            failure = Failure(outcome_of(status), f"http_{status}", _reason(status))
        outcome = failure.outcome
        if status in _GAVE_UP_WAITING:
            outcome = self._in_doubt(False)
        elif status in _ALWAYS:
            outcome = _ALWAYS[status]
        return self._error(outcome, failure.message, failure.code, retry_after_s)

    def _in_doubt(self, never_sent: bool) -> Outcome:
        return Outcome.RETRY if never_sent or self.harmless else Outcome.UNKNOWN

    def _error(self, outcome: Outcome, text: str, code: str, retry_after_s: float | None = None) -> ChannelError:
        return ChannelError(
            outcome, f"{self.operation}: {text}"[:_MESSAGE_CHARS], code=code, retry_after_s=retry_after_s
        )


@cache
def _tls() -> ssl.SSLContext:
    """One for all accounts: making it costs a tenth of a second and some megabytes."""
    return httpx2.create_ssl_context()


class Wire:
    """Sends one account's calls. Lives as long as the account; `aclose` it."""

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        throttle: Throttle,
        explain: Callable[[Answer], Failure | None],
        silence: Callable[[Answer], float | None] | None = None,
        heed: Callable[[str, Mapping[str, str]], None] | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`explain` reads a platform's own error body, which may stand in a success, too; None is no error, or leaves its
        sorting to the HTTP status. `silence` says how long the account is to be silent after a 429 that does not say so
        itself; its None means that only the operation has run out, and the rest of the account goes on. `heed` reads what the
        headers of an answer, whatever it is, say of its operation's quota."""
        self._name = name
        self._base_url = base_url.rstrip("/")
        self._explain = explain
        self._silence = silence
        self._heed = heed
        self.throttle = throttle
        self._client = httpx2.AsyncClient(
            timeout=_TIMEOUT,
            limits=_POOL,
            headers={"accept": "application/json", "user-agent": "usav-inventory-hub"},
            transport=transport,
            verify=_tls(),
            # A proxy of the environment is for the world outside, not for a server on this machine.
            trust_env=httpx2.URL(self._base_url).host not in _LOOPBACK,
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json_body: Any = None,
        form: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset(),
        harmless: bool = False,
    ) -> Answer:
        """Sends one call and returns its answer; raises `ChannelError` for every failure.

        `path` is joined to the account's base address unless it is a whole address itself; it must be percent-encoded.
        Statuses in `accept` are returned as answers although they are errors. `harmless` says that it does not matter
        whether the call was applied, as with a read; reads need not say so.
        """
        await self._take(operation)
        started = time.perf_counter()
        call = _Call(operation, harmless or method in _READS)
        request = self._build(method, path, params, headers, json_body, form)
        try:
            status, answer_headers, content = await self._exchange(operation, request)
        except httpx2.HTTPError as error:
            self._log(operation, type(error).__name__, started)
            raise call.not_answered(error) from error
        self._log(operation, str(status), started)
        try:
            return self._judge(call, status, answer_headers, content, accept)
        finally:
            await self.throttle.tell()

    def _build(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        json_body: Any,
        form: Mapping[str, str] | None,
    ) -> httpx2.Request:
        url = path if path.startswith(("http://", "https://")) else self._base_url + path
        request = self._client.build_request(
            method, url, params=params, headers=headers, data=form, content=encode(json_body)
        )
        if json_body is not None:
            request.headers.setdefault("content-type", "application/json")
        return request

    async def _take(self, operation: str) -> None:
        try:
            await self.throttle.take(operation)
        except QuotaExhausted as error:
            raise quota_error(error) from error

    async def send_raw(
        self, method: str, url: str, *, operation: str, content: bytes | None = None, content_type: str = ""
    ) -> bytes:
        """Sends or fetches a document at an address of its own and returns the answer as it came; raises `ChannelError`.

        Only the document goes there: no header and no token of the account.
        """
        await self._take(operation)
        started = time.perf_counter()
        call = _Call(operation, harmless=True)
        headers = {"content-type": content_type} if content_type else {}
        try:
            request = self._client.build_request(method, url, headers=headers, content=content)
            status, answer_headers, body = await self._exchange(operation, request)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            self._log(operation, type(error).__name__, started)
            raise call.not_answered(error) from error
        self._log(operation, str(status), started)
        if not 200 <= status < 300:
            raise call.refused(status, None, retry_after(answer_headers))
        if body is None:
            raise call.unreadable(status)
        return body

    async def _exchange(self, operation: str, request: httpx2.Request) -> tuple[int, httpx2.Headers, bytes | None]:
        """Returns None as content when the answer is longer than anything a platform sends."""
        told = {"http.request.method": request.method, "server.address": request.url.host, "hub.channel": self._name}
        with TRACING.span(f"{self._name} {operation}", told, kind=SpanKind.CLIENT) as span:
            answer = await self._read(request)
            span.set_attribute("http.response.status_code", answer[0])
            return answer

    async def _read(self, request: httpx2.Request) -> tuple[int, httpx2.Headers, bytes | None]:
        response = await self._client.send(request, stream=True)
        try:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    return response.status_code, response.headers, None
            return response.status_code, response.headers, bytes(content)
        finally:
            await response.aclose()

    def _judge(
        self,
        call: _Call,
        status: int,
        headers: httpx2.Headers,
        content: bytes | None,
        accept: frozenset[int],
    ) -> Answer:
        if self._heed is not None:
            self._heed(call.operation, headers)
        body, readable = decode(content)
        answer = Answer(status=status, headers=headers, body=body)
        if status in accept or answer.ok:
            if not readable:
                raise call.unreadable(status)
            failure = self._explain(answer) if answer.ok else None
            if failure is not None:
                raise call.refused(status, failure, None)
            return answer
        silence_s = retry_after(headers)
        if status == 429:
            silence_s = self._hush(call.operation, answer, silence_s)
        raise call.refused(status, self._explain(answer), silence_s)

    def _hush(self, operation: str, answer: Answer, asked_s: float | None) -> float | None:
        """Stops what a 429 says has to stop; returns for how long that is the whole account."""
        silence_s = asked_s
        if silence_s is None:
            silence_s = self._silence(answer) if self._silence else DEFAULT_RETRY_AFTER_S
        if silence_s is None:
            self.throttle.drain(operation)
        else:
            self.throttle.pause(silence_s)
        return silence_s

    def _log(self, operation: str, outcome: str, started: float) -> None:
        took = time.perf_counter() - started
        EXCHANGES.labels(self._name.partition("/")[0], operation, outcome).observe(took)
        if log.isEnabledFor(logging.DEBUG):
            took_ms = took * 1000
            log.debug("%s %s -> %s in %.1f ms", self._name, operation, outcome, took_ms)


def quota_error(error: QuotaExhausted) -> ChannelError:
    """The error of a call that was never sent because nothing is left of its quota."""
    return ChannelError(Outcome.RETRY, str(error), code=OVER_QUOTA, retry_after_s=error.retry_after_s)


def outcome_of(status: int) -> Outcome:
    """What an HTTP status alone says of a refused call."""
    return _ALWAYS.get(status) or (Outcome.RETRY if status >= 500 else Outcome.PERMANENT)


def _reason(status: int) -> str:
    try:
        return f"the platform answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"the platform answered {status}"
