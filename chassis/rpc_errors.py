"""Errors of calls to other services of the hub, as errors of our own call: the reason they gave is passed on."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from chassis.errors import Code, HubError, Unavailable, Violation

_UNREACHABLE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.CANCELLED})


class RemoteError(HubError):
    """What another service answered."""

    def __init__(
        self, message: str, code: Code, info: error_details_pb2.ErrorInfo, violations: list[Violation]
    ) -> None:
        super().__init__(message, metadata=dict(info.metadata), violations=violations, reason=info.reason or None)
        self.code = code
        self.domain = info.domain or self.domain


def from_rpc_error(error: grpc.aio.AioRpcError) -> HubError:
    """The other service's refusal as it gave it; Unavailable when it could not be reached or broke."""
    code = error.code()
    if code in _UNREACHABLE or code.name not in Code.__members__ or code is grpc.StatusCode.INTERNAL:
        return Unavailable("A service this call needs does not answer just now; try again.", retry_after_s=0.5)
    info, violations = _details(error)
    return RemoteError(error.details() or code.name, Code[code.name], info, violations)


def _details(error: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo, list[Violation]]:
    info = error_details_pb2.ErrorInfo()
    violations: list[Violation] = []
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            violations += [Violation(item.field, item.description) for item in bad.field_violations]
    return info, violations
