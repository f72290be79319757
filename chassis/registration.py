"""Registers servicers with a server at a cost that does not grow with the number of methods.

grpc.aio keeps one pending request per method that generated code registers, and looks through all of them at every call: with
sixty methods that costs as much as answering. Handlers that are found by one generic lookup share a single pending request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc

Handlers = dict[str, grpc.RpcMethodHandler]


class _Collector:
    """Takes the server's place while generated code registers a servicer."""

    def __init__(self) -> None:
        self.handlers: Handlers = {}

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The same methods once more; not needed."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, grpc.RpcMethodHandler]) -> None:
        """The handlers by the names of the methods."""
        self.handlers |= {f"/{service}/{name}": handler for name, handler in handlers.items()}


def collect(add: Callable[[Any, Any], object], servicer: object) -> Handlers:
    """The handlers that a generated `add_..._to_server` registers, by full method path."""
    collector = _Collector()
    add(servicer, collector)
    return collector.handlers


class Methods(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types for it
    """All methods of a server, found by their path; unknown ones are UNIMPLEMENTED."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The handler of a call."""
        return self._handlers.get(details.method)
