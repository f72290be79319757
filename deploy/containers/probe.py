"""`python -m deploy.containers.probe`: whether the service of this container serves, by the gRPC health protocol.

Reads HUB_PORT as the service does, and shows the service's own certificate where the hub's processes demand one.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.identity import name_of
from chassis.setting_values import parse_port
from chassis.settings import SettingsError, load, setting

_SECONDS = 4.0


@dataclass(frozen=True, kw_only=True)
class _Settings:
    port: int = setting("HUB_PORT", help="The gRPC port.", parse=parse_port)
    service: str = setting("HUB_SERVICE", "", "The service's name, as its certificate has it: auth.")
    mtls_ca: str = setting("HUB_MTLS_CA", "", "The authority of the hub's processes.")
    mtls_cert: str = setting("HUB_MTLS_CERT", "", "The service's own certificate.")
    mtls_key: str = setting("HUB_MTLS_KEY", "", "The certificate's key.")


def main() -> int:
    """0 when it serves, 1 when not, 2 on a wrong setting."""
    try:
        settings = load(_Settings, os.environ)
        serving = is_serving(settings)
    except (SettingsError, OSError) as error:
        print(f"probe: {error}", file=sys.stderr)
        return 2
    except grpc.RpcError as error:
        print(f"probe: {error.code().name}", file=sys.stderr)
        return 1
    return 0 if serving else 1


def is_serving(settings: _Settings) -> bool:
    """Asks for the health of the whole process. Raises grpc.RpcError, and OSError for a certificate that is not there."""
    with _channel(settings) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=_SECONDS)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _channel(settings: _Settings) -> grpc.Channel:
    target = f"127.0.0.1:{settings.port}"
    if not settings.mtls_ca:
        return grpc.insecure_channel(target)
    files = (settings.mtls_ca, settings.mtls_key, settings.mtls_cert)
    credentials = grpc.ssl_channel_credentials(*(Path(path).read_bytes() for path in files))
    return grpc.secure_channel(target, credentials, [("grpc.ssl_target_name_override", name_of(settings.service))])


if __name__ == "__main__":
    raise SystemExit(main())
