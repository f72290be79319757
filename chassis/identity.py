"""Who a process of the hub is to the others: optional mutual TLS under an authority of the hub's own.

With HUB_MTLS_CA, HUB_MTLS_CERT and HUB_MTLS_KEY a server lets in only holders of that authority's certificates, and a client
only talks to one whose certificate names the service it asked for. Without them calls go in the clear, as on one machine.
"""

from __future__ import annotations

from pathlib import Path

import grpc

from chassis.settings import ServiceSettings, SettingsError


def name_of(service: str) -> str:
    """The name that the certificate of a service, "auth" say, has to carry."""
    return f"{service}.hub.internal"


def server_credentials(settings: ServiceSettings) -> grpc.ServerCredentials | None:
    """What a server shows and demands; None without settings. Raises SettingsError when they are incomplete."""
    files = _read(settings)
    if files is None:
        return None
    authority, certificate, key = files
    return grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)


def channel_credentials(settings: ServiceSettings) -> grpc.ChannelCredentials | None:
    """What a client shows and demands; None without settings. Raises SettingsError when they are incomplete."""
    files = _read(settings)
    if files is None:
        return None
    authority, certificate, key = files
    return grpc.ssl_channel_credentials(authority, key, certificate)


def _read(settings: ServiceSettings) -> tuple[bytes, bytes, bytes] | None:
    given = {
        "HUB_MTLS_CA": settings.mtls_ca,
        "HUB_MTLS_CERT": settings.mtls_cert,
        "HUB_MTLS_KEY": settings.mtls_key,
    }
    if not any(given.values()):
        return None
    read = []
    for variable, path in given.items():
        if not path:
            raise SettingsError(f"{variable} is not set; mutual TLS takes HUB_MTLS_CA, HUB_MTLS_CERT and HUB_MTLS_KEY")
        try:
            read.append(Path(path).read_bytes())
        except OSError as error:
            raise SettingsError(f"{variable}: {path} cannot be read ({error.strerror})") from None
    return read[0], read[1], read[2]
