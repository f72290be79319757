"""HubError to google.rpc.Status (AIP-193): the only place, beside the interceptor, that knows gRPC status codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from chassis.errors import Code, HubError

# Statuses travel in HTTP/2 trailers, which clients and proxies cap at some 8 KiB.
_MAX_MESSAGE = 1000
_MAX_VALUE = 300

GRPC_CODE: dict[Code, grpc.StatusCode] = {code: getattr(grpc.StatusCode, code.value) for code in Code}


def to_status(error: HubError, request_id: str) -> status_pb2.Status:
    """The status with ErrorInfo, the field violations, the time to wait, and the request id."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=error.domain, metadata=_short(error.metadata))
    ]
    if error.violations:
        details.append(_violations(error))
    if error.retry_after_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(error.retry_after_s * 1000))
        details.append(retry)
    if request_id:
        details.append(error_details_pb2.RequestInfo(request_id=request_id))
    status = status_pb2.Status(code=GRPC_CODE[error.code].value[0], message=error.message[:_MAX_MESSAGE])
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _short(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: str(value)[:_MAX_VALUE] for key, value in metadata.items()}


def _violations(error: HubError) -> Any:
    if error.code is Code.FAILED_PRECONDITION:
        failure = error_details_pb2.PreconditionFailure()
        for violation in error.violations:
            failure.violations.add(
                type=error.reason, subject=violation.field, description=violation.description[:_MAX_VALUE]
            )
        return failure
    bad = error_details_pb2.BadRequest()
    for violation in error.violations:
        bad.field_violations.add(field=violation.field, description=violation.description[:_MAX_VALUE])
    return bad
