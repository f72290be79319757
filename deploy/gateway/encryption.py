"""TLS towards callers, when there is a certificate, and mutual TLS towards the services, when the hub has an authority."""

from __future__ import annotations

from typing import Any

from chassis.identity import name_of
from deploy.gateway.settings import Certificate, GatewaySettings

Config = dict[str, Any]

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
_SOCKET = "envoy.transport_sockets.tls"
_VERSIONS = {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}


def towards_callers(settings: GatewaySettings) -> Config:
    """Goes into the listener's filter chain; nothing without a certificate."""
    if settings.tls is None:
        return {}
    common = {
        "tls_params": _VERSIONS,
        "tls_certificates": [_files(settings.tls)],
        "alpn_protocols": ["h2", "http/1.1"],
    }
    context = {"@type": f"{_TLS}.DownstreamTlsContext", "common_tls_context": common}
    return {
        "transport_socket": {"name": _SOCKET, "typed_config": context},
        "transport_socket_connect_timeout": f"{settings.header_seconds}s",
    }


def towards_self(settings: GatewaySettings) -> Config:
    """Of a cluster that leads back to the gateway's own port; nothing to verify there."""
    if settings.tls is None:
        return {}
    return {"transport_socket": {"name": _SOCKET, "typed_config": {"@type": f"{_TLS}.UpstreamTlsContext"}}}


def towards_service(service: str, settings: GatewaySettings) -> Config:
    """Goes into the service's cluster; nothing without an authority."""
    if settings.mtls is None:
        return {}
    name = name_of(service)
    common = {
        "tls_params": {**_VERSIONS, "tls_minimum_protocol_version": "TLSv1_3"},
        "tls_certificates": [_files(settings.mtls.certificate)],
        "alpn_protocols": ["h2"],
        "validation_context": {
            "trusted_ca": {"filename": str(settings.mtls.authority.resolve())},
            "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": name}}],
        },
    }
    context = {"@type": f"{_TLS}.UpstreamTlsContext", "sni": name, "common_tls_context": common}
    return {"transport_socket": {"name": _SOCKET, "typed_config": context}}


def _files(certificate: Certificate) -> Config:
    return {
        "certificate_chain": {"filename": str(certificate.chain.resolve())},
        "private_key": {"filename": str(certificate.key.resolve())},
    }
