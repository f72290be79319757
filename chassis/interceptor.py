"""The one interceptor around every rpc; four separate ones would cost four times as much.

In order: request id, span and metrics, authentication, role, validation, the operation, errors to statuses, one log line.
Authorisation comes before validation (AIP-211). A stream is guarded for as long as it runs, not only when it starts: it ends
when the caller's session does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status
from prometheus_client import Counter, Histogram

from chassis.access import Policy
from chassis.context import Call, enter_call, new_request_id
from chassis.database_errors import is_database_error, translate
from chassis.errors import HubError, InvalidArgument, ResourceExhausted
from chassis.logs import tell
from chassis.metrics import ANSWERS, LATENCY, NOBODY, STREAMS, UNDER_WAY, UNFORESEEN
from chassis.redaction import cleared
from chassis.registration import Handlers
from chassis.rpc_errors import from_rpc_error
from chassis.status import to_status
from chassis.tokens import TokenMissing, TokenVerifier
from chassis.tracing import TRACING, Span
from chassis.validation import RequestValidator

log = logging.getLogger("rpc")

_MAX_REQUEST_ID = 64
_MAX_SHOWN = 2000
# Stands in for a request that could not be decoded until the guard refuses it; grpc itself would answer with INTERNAL.
_UNREADABLE: Any = object()


class HubInterceptor:
    """Wraps each method once, at its registration; a call allocates only what is its own.

    It is none of grpc's interceptors: those are looked up again at every call, which costs more than all that is done here.
    `arrived` is the number of calls that came so far.
    """

    def __init__(self, policies: Mapping[str, Policy], verifier: TokenVerifier, *, max_calls: int = 2000) -> None:
        self._policies = policies
        self._verifier = verifier
        self._validator = RequestValidator()
        self._max_calls = max_calls
        self._under_way = 0
        self.arrived = 0
        UNDER_WAY.set_function(lambda: self._under_way)

    def guarded(self, handlers: Handlers) -> Handlers:
        """The same methods, guarded. Raises KeyError for one without a policy."""
        return {method: self._wrap(method, handler) for method, handler in handlers.items()}

    def _wrap(self, method: str, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        guard = _Guard(self, method, self._policies[method], streams=handler.response_streaming)
        shape = (handler.request_streaming, handler.response_streaming)
        inner = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
        make, wrapper = {
            (False, False): (grpc.unary_unary_rpc_method_handler, guard.unary_unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, guard.unary_stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, guard.stream_unary),
            (True, True): (grpc.stream_stream_rpc_method_handler, guard.stream_stream),
        }[shape]
        return make(
            wrapper(inner),
            request_deserializer=_tolerant(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def enter(self) -> None:
        """Counts a call in. Raises ResourceExhausted at the limit."""
        self.arrived += 1
        if self._under_way >= self._max_calls:
            raise ResourceExhausted("The service is busy; try again in a moment.", retry_after_s=0.2)
        self._under_way += 1

    def leave(self) -> None:
        """Counts a call out."""
        self._under_way -= 1

    async def authenticate(self, call: Call, policy: Policy) -> None:
        """Sets the call's principal. Raises Unauthenticated or PermissionDenied."""
        if policy.public:
            return
        if not call.token:
            raise TokenMissing("Sign in first: send the header `authorization: Bearer <access token>`.")
        call.principal = self._verifier.cached(call.token) or await self._verifier.verify(call.token)
        self.still_admit(call)
        policy.admit(call.principal, call.method)

    def still_admit(self, call: Call) -> None:
        """Raises TokenRevoked when the caller's session has ended since."""
        self._verifier.revocations.check(call.principal)

    def check(self, request: Message) -> None:
        """Raises InvalidArgument naming the fields that break their rules."""
        if request is _UNREADABLE:
            raise InvalidArgument("The request cannot be decoded; every text in it has to be UTF-8.")
        if log.isEnabledFor(logging.DEBUG):
            log.debug("request", extra={"request": str(cleared(request))[:_MAX_SHOWN]})
        self._validator.check(request)


def _tolerant(decode: Callable[[bytes], Message]) -> Callable[[bytes], Message]:
    def read(data: bytes) -> Message:
        try:
            return decode(data)
        except DecodeError:
            return _UNREADABLE  # type: ignore[no-any-return]  # refused by `check`, which every request passes

    return read


class _Guard:
    """What stands around one method, in the four shapes a method can have; a `_Passage` is what they share."""

    def __init__(self, hub: HubInterceptor, method: str, policy: Policy, *, streams: bool) -> None:
        self.hub = hub
        self.method = method
        self.policy = policy
        self._streams = streams
        self._counts: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    def unary_unary(self, inner: Any) -> Any:
        async def handle(request: Message, context: grpc.aio.ServicerContext) -> Any:
            async with _Passage(self, context):
                self.hub.check(request)
                return await inner(request, context)

        return handle

    def unary_stream(self, inner: Any) -> Any:
        async def handle(request: Message, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            async with _Passage(self, context) as call:
                self.hub.check(request)
                async for answer in inner(request, context):
                    self.hub.still_admit(call)
                    yield answer

        return handle

    def stream_unary(self, inner: Any) -> Any:
        async def handle(requests: AsyncIterator[Message], context: grpc.aio.ServicerContext) -> Any:
            async with _Passage(self, context) as call:
                return await inner(self._checked(requests, call), context)

        return handle

    def stream_stream(self, inner: Any) -> Any:
        async def handle(requests: AsyncIterator[Message], context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            async with _Passage(self, context) as call:
                async for answer in inner(self._checked(requests, call), context):
                    self.hub.still_admit(call)
                    yield answer

        return handle

    async def _checked(self, requests: AsyncIterator[Message], call: Call) -> AsyncIterator[Message]:
        async for request in requests:
            self.hub.still_admit(call)
            self.hub.check(request)
            yield request

    def finish(self, call: Call, seconds: float, failure: HubError | None) -> None:
        """Counts the call and writes its line."""
        role = call.principal.role
        counts = self._counts.get((call.code, role))
        if counts is None:
            counts = self._counts[call.code, role] = self._count(call.code, role or NOBODY)
        counts[0].inc()
        counts[1].observe(seconds)
        if not log.isEnabledFor(logging.INFO):
            return
        fields: dict[str, object] = {
            "method": self.method,
            "code": call.code,
            "ms": round(seconds * 1000, 2),
            "role": role,
        }
        if failure is not None:
            fields["reason"] = failure.reason
        tell(log, "rpc", fields)

    def _count(self, code: str, role: str) -> tuple[Counter, Histogram]:
        took = STREAMS.labels(self.method) if self._streams else LATENCY.labels(self.method, role)
        return ANSWERS.labels(self.method, code, role), took


class _Passage:
    """One call on its way through its guard. A class, because a generator as context manager costs several times as much."""

    __slots__ = ("_began", "_call", "_context", "_counted", "_guard", "_span")

    def __init__(self, guard: _Guard, context: grpc.aio.ServicerContext) -> None:
        self._guard = guard
        self._context = context
        self._counted = False

    async def __aenter__(self) -> Call:
        self._began = time.perf_counter()
        guard, metadata = self._guard, self._context.invocation_metadata() or ()
        self._call = call = _call_of(guard.method, metadata, self._context)
        enter_call(call)
        self._span: Span | None = TRACING.serve(call, metadata) if TRACING.on else None
        try:
            guard.hub.enter()
            self._counted = True
            await guard.hub.authenticate(call, guard.policy)
        except BaseException as error:
            await self._end(error)
            raise
        return call

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end(error)

    async def _end(self, error: BaseException | None) -> None:
        """Accounts for the call; an error the caller may see leaves as a status, by grpc's own exception."""
        failure: HubError | None = None
        if isinstance(error, Exception):
            failure = _known(error)
            self._call.code = failure.code.value
        elif error is not None:  # cancelled, or the generator of a stream was closed: the caller has gone
            self._call.code = "CANCELLED"
        if self._counted:
            self._guard.hub.leave()
        self._guard.finish(self._call, time.perf_counter() - self._began, failure)
        if self._span is not None:
            TRACING.served(self._span, self._call)
        if failure is not None:
            status = to_status(failure, self._call.request_id)
            await self._context.abort_with_status(rpc_status.to_status(status))


def _known(error: Exception) -> HubError:
    """The error as one the caller may see; what nobody foresaw is logged and leaves as a bland INTERNAL."""
    if isinstance(error, HubError):
        return error
    if isinstance(error, grpc.aio.AioRpcError):
        return from_rpc_error(error)
    if is_database_error(error):
        known = translate(error, {})
        if known is not None:
            return known
    UNFORESEEN.inc()
    log.error("an error nobody foresaw", exc_info=error)
    return HubError("Something broke on our side; the request id finds it in the logs.")


def _call_of(method: str, metadata: Any, context: grpc.aio.ServicerContext) -> Call:
    request_id = token = address = ""
    for key, value in metadata:
        if key == "authorization":
            scheme, _, credentials = value.partition(" ")
            token = credentials.strip() if scheme.lower() == "bearer" else ""
        elif key == "x-request-id":
            request_id = value[:_MAX_REQUEST_ID]
        elif key == "x-client-address":
            address = value[:64]
    remaining = context.time_remaining()
    return Call(
        request_id=request_id or new_request_id(),
        method=method,
        peer=context.peer(),
        token=token,
        address=address,
        deadline=None if remaining is None else time.monotonic() + remaining,
    )
