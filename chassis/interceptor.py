"""The one interceptor around every rpc; four separate ones would cost four times as much.

In order: request id, span and metrics, authentication, role, validation, the operation, errors to statuses, one log line.
Authorisation comes before validation (AIP-211). A stream is guarded for as long as it runs, not only when it starts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status

from chassis.access import Policy
from chassis.context import Call, enter_call, new_request_id
from chassis.database_errors import is_database_error, translate
from chassis.errors import HubError, InvalidArgument, ResourceExhausted
from chassis.rpc_errors import from_rpc_error
from chassis.status import to_status
from chassis.telemetry import ANSWERS, LATENCY, TRACING, UNDER_WAY
from chassis.tokens import TokenMissing, TokenVerifier
from chassis.validation import RequestValidator

log = logging.getLogger("rpc")

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]]
# Reflection and health stand outside the hub's own policies.
_INFRASTRUCTURE = ("/grpc.reflection.", "/grpc.health.")
_MAX_REQUEST_ID = 64
# Stands in for a request that could not be decoded until the guard refuses it; grpc itself would answer with INTERNAL.
_UNREADABLE: Any = object()


class HubInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types for it
    """Wraps each method once and keeps the wrapper; a call allocates only what is its own."""

    def __init__(self, policies: Mapping[str, Policy], verifier: TokenVerifier, *, max_calls: int = 2000) -> None:
        self._policies = policies
        self._verifier = verifier
        self._validator = RequestValidator()
        self._max_calls = max_calls
        self._under_way = 0
        self._wrapped: dict[str, grpc.RpcMethodHandler] = {}

    async def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Gives grpc the guarded handler of a method; unknown methods stay UNIMPLEMENTED."""
        method = details.method
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler = await continuation(details)
        if handler is None or method.startswith(_INFRASTRUCTURE):
            return handler
        wrapped = self._wrap(method, handler)
        self._wrapped[method] = wrapped
        return wrapped

    def _wrap(self, method: str, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        guard = _Guard(self, method, self._policies[method])
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
        if self._under_way >= self._max_calls:
            raise ResourceExhausted("The service is busy; try again in a moment.", retry_after_s=0.2)
        self._under_way += 1
        UNDER_WAY.inc()

    def leave(self) -> None:
        """Counts a call out."""
        self._under_way -= 1
        UNDER_WAY.dec()

    async def authenticate(self, call: Call, policy: Policy) -> None:
        """Sets the call's principal. Raises Unauthenticated or PermissionDenied."""
        if policy.public:
            return
        if not call.token:
            raise TokenMissing("Sign in first: send the header `authorization: Bearer <access token>`.")
        call.principal = self._verifier.cached(call.token) or await self._verifier.verify(call.token)
        policy.admit(call.principal, call.method)

    def check(self, request: Message) -> None:
        """Raises InvalidArgument naming the fields that break their rules."""
        if request is _UNREADABLE:
            raise InvalidArgument("The request cannot be decoded; every text in it has to be UTF-8.")
        self._validator.check(request)


def _tolerant(decode: Callable[[bytes], Message]) -> Callable[[bytes], Message]:
    def read(data: bytes) -> Message:
        try:
            return decode(data)
        except DecodeError:
            return _UNREADABLE  # type: ignore[no-any-return]  # refused by `check`, which every request passes

    return read


class _Guard:
    """What stands around one method. `_around` is everything that all four shapes share."""

    def __init__(self, hub: HubInterceptor, method: str, policy: Policy) -> None:
        self._hub = hub
        self._method = method
        self._policy = policy
        self._latency = LATENCY.labels(method)

    def unary_unary(self, inner: Any) -> Any:
        async def handle(request: Message, context: grpc.aio.ServicerContext) -> Any:
            async with self._around(context):
                self._hub.check(request)
                return await inner(request, context)

        return handle

    def unary_stream(self, inner: Any) -> Any:
        async def handle(request: Message, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            async with self._around(context):
                self._hub.check(request)
                async for answer in inner(request, context):
                    yield answer

        return handle

    def stream_unary(self, inner: Any) -> Any:
        async def handle(requests: AsyncIterator[Message], context: grpc.aio.ServicerContext) -> Any:
            async with self._around(context):
                return await inner(self._checked(requests), context)

        return handle

    def stream_stream(self, inner: Any) -> Any:
        async def handle(requests: AsyncIterator[Message], context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            async with self._around(context):
                async for answer in inner(self._checked(requests), context):
                    yield answer

        return handle

    async def _checked(self, requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
        async for request in requests:
            self._hub.check(request)
            yield request

    @asynccontextmanager
    async def _around(self, context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
        began = time.perf_counter()
        metadata = context.invocation_metadata() or ()
        call = _call_of(self._method, metadata, context)
        enter_call(call)
        failure: HubError | None = None
        counted = False
        with TRACING.span(self._method, metadata):
            try:
                self._hub.enter()
                counted = True
                await self._hub.authenticate(call, self._policy)
                yield
            except Exception as error:
                failure = _known(error)
                call.code = failure.code.value
            except BaseException:  # cancelled, or the generator of a stream was closed: the caller has gone
                call.code = "CANCELLED"
                raise
            finally:
                if counted:
                    self._hub.leave()
                self._finish(call, time.perf_counter() - began, failure)
        if failure is not None:
            await context.abort_with_status(rpc_status.to_status(to_status(failure, call.request_id)))

    def _finish(self, call: Call, seconds: float, failure: HubError | None) -> None:
        self._latency.observe(seconds)
        ANSWERS.labels(self._method, call.code, call.principal.role).inc()
        if not log.isEnabledFor(logging.INFO):
            return
        extra: dict[str, object] = {
            "method": self._method,
            "code": call.code,
            "ms": round(seconds * 1000, 2),
            "role": call.principal.role,
        }
        if failure is not None:
            extra["reason"] = failure.reason
        log.info("rpc", extra=extra)


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
