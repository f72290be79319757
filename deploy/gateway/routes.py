"""The gateway's route table: gRPC, JSON, the documentation pages, then what answers 405 and 404."""

from __future__ import annotations

from typing import Any

from build_tools.descriptors import Hub
from deploy.gateway import raw_status, security_headers, tokens
from deploy.gateway.pages import page_routes
from deploy.gateway.paths import Destination, PathGroup, Treatment, allowed_verbs, grpc_groups, json_groups
from deploy.gateway.settings import GatewaySettings

Config = dict[str, Any]

TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
CORS = "envoy.filters.http.cors"
BODY_LIMIT = "envoy.filters.http.buffer"
_OFF: Config = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True, "config": {}}
# A stream may be of any length; its messages are limited by the services.
_UNLIMITED = {BODY_LIMIT: _OFF}
_NOT_TRANSCODED = {TRANSCODER: _OFF, **_UNLIMITED}
# Served by auth's process for all services; health there is that of auth alone, /health is that of the hub.
_SHARED_GRPC = (
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/grpc.health.v1.Health/",
)
_RETRY_ON = {
    # A caller's own cancellation never comes from above: CANCELLED is said by a server that stops.
    Treatment.READ: "connect-failure,refused-stream,unavailable,cancelled,reset",
    Treatment.WRITE: "connect-failure,refused-stream,reset-before-request",
    Treatment.STREAM: "connect-failure,refused-stream,reset-before-request",
}
# A call gets this much longer than its deadline, so that it is the service that says DEADLINE_EXCEEDED.
_MARGIN_SECONDS = 2


def route_table(hub: Hub, settings: GatewaySettings) -> Config:
    """The route configuration of the one listener."""
    routes = [
        _malformed_deadline(),
        *_preflight(settings),
        *(_grpc_route(group, settings) for group in grpc_groups(hub) if _is_served(group, settings)),
        *_shared_grpc_routes(settings),
        _untranscoded({"match": {"prefix": "/", "headers": [_GRPC]}, "direct_response": {"status": 404}}),
        *(_json_route(group, settings) for group in json_groups(hub) if _is_served(group, settings)),
        *(_untranscoded(route) for route in page_routes(settings)),
        *(_wrong_verb(verbs, patterns) for verbs, patterns in allowed_verbs(hub).items()),
        _untranscoded({"match": {"prefix": "/"}, "direct_response": {"status": 404}}),
    ]
    return {
        "name": "hub",
        "max_direct_response_body_size_bytes": 16 * 1024 * 1024,
        "request_headers_to_add": [
            # The address for throttling; unlike x-forwarded-for, no caller can choose it.
            _header("x-client-address", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "OVERWRITE_IF_EXISTS_OR_ADD"),
        ],
        "response_headers_to_add": [
            *(_header(name, value, "ADD_IF_ABSENT") for name, value in security_headers.of(settings).items()),
            *([_header("vary", "Origin", "APPEND_IF_EXISTS_OR_ADD")] if settings.cors_origins else []),
        ],
        "response_headers_to_remove": ["x-envoy-upstream-service-time"],
        "virtual_hosts": [
            {
                "name": "hub",
                "domains": ["*"],
                "typed_per_filter_config": {CORS: cors_policy(settings)},
                "routes": routes,
            }
        ],
    }


def cors_policy(settings: GatewaySettings) -> Config:
    """Which pages may call, and what they may see."""
    return {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": [_origin(origin) for origin in settings.cors_origins],
        "allow_methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
        "allow_headers": "authorization, content-type, grpc-timeout, x-grpc-web, x-user-agent, last-event-id",
        "expose_headers": (
            "grpc-status, grpc-message, grpc-status-details-bin, x-request-id, retry-after, content-disposition, allow"
        ),
        "max_age": "7200",
        "forward_not_matching_preflights": False,
    }


def _origin(origin: str) -> Config:
    return {"safe_regex": {"regex": ".*"}} if origin == "*" else {"exact": origin}


def _preflight(settings: GatewaySettings) -> list[Config]:
    """Browsers' questions before a call; the CORS filter answers them, but only on a route that leads to a service."""
    asks = {"name": "access-control-request-method", "present_match": True}
    match = {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "OPTIONS"}}, asks]}
    return [_untranscoded({"match": match, "route": {"cluster": name}}) for name in list(settings.endpoints)[:1]]


def _malformed_deadline() -> Config:
    """A service's gRPC library would answer it as an error of its own."""
    wrong = {"safe_regex": {"regex": "[0-9]{1,8}[HMSmun]"}}
    match = {"prefix": "/", "headers": [{"name": "grpc-timeout", "string_match": wrong, "invert_match": True}]}
    body = {"inline_string": "grpc-timeout takes up to 8 digits and one of H M S m u n"}
    return _untranscoded({"match": match, "direct_response": {"status": 400, "body": body}})


def _grpc_route(group: PathGroup, settings: GatewaySettings) -> Config:
    match = {"safe_regex": {"regex": group.regex}, "headers": [_GRPC]}
    route = _untranscoded({"match": match, "route": _action(group.destination, settings)})
    return _for_signed_in(route) if group.destination.guarded else route


# gRPC-web too: its content type is application/grpc-web+proto.
_GRPC: Config = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}


def _shared_grpc_routes(settings: GatewaySettings) -> list[Config]:
    if "auth" not in settings.endpoints:
        return []
    action = _action(Destination("auth", Treatment.STREAM), settings)
    return [
        _untranscoded({"match": {"prefix": prefix, "headers": [_GRPC]}, "route": action}) for prefix in _SHARED_GRPC
    ]


def _is_served(group: PathGroup, settings: GatewaySettings) -> bool:
    return group.destination.service in settings.endpoints


def _json_route(group: PathGroup, settings: GatewaySettings) -> Config:
    destination = group.destination
    verb = {"name": ":method", "string_match": {"exact": destination.verb}}
    route: Config = {
        "match": {"safe_regex": {"regex": group.regex}, "headers": [verb]},
        "route": _action(group.destination, settings),
        # What it says of the body is wrong once that has become a message.
        "request_headers_to_remove": ["grpc-encoding"],
        "response_headers_to_remove": ["grpc-accept-encoding"],
    }
    if destination.raw:
        route["typed_per_filter_config"] = raw_status.on_route()
    if destination.treatment is Treatment.STREAM:
        route["typed_per_filter_config"] = {**route.get("typed_per_filter_config", {}), **_UNLIMITED}
    else:
        # JSON callers send no deadline; without one a service would work on for nobody.
        timeout = _header("grpc-timeout", f"{settings.call_seconds}S", "ADD_IF_ABSENT")
        route["request_headers_to_add"] = [timeout]
    return _for_signed_in(route) if destination.guarded else route


def _for_signed_in(route: Config) -> Config:
    return {**route, "typed_per_filter_config": {**route.get("typed_per_filter_config", {}), **tokens.signed_in()}}


def _action(destination: Destination, settings: GatewaySettings) -> Config:
    treatment = destination.treatment
    limit = 0 if treatment is Treatment.STREAM else settings.call_seconds + _MARGIN_SECONDS
    idle = settings.stream_idle_seconds if treatment is Treatment.STREAM else limit * 2
    return {
        "cluster": destination.service,
        "timeout": f"{limit}s",
        "idle_timeout": f"{idle}s",
        **({} if treatment is Treatment.STREAM else {"max_stream_duration": _longest(settings)}),
        "retry_policy": {
            "retry_on": _RETRY_ON[treatment],
            "num_retries": 2,
            "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
            "retry_host_predicate": [_OTHER_HOST],
            "host_selection_retry_max_attempts": 3,
        },
    }


def _longest(settings: GatewaySettings) -> Config:
    """The time-out counts from the end of the request; this also counts how long a body takes to drip in."""
    longest = f"{settings.upload_seconds + settings.call_seconds + _MARGIN_SECONDS}s"
    # Without the second one Envoy would put the first in the place of a gRPC caller's own deadline.
    return {"max_stream_duration": longest, "grpc_timeout_header_max": longest}


_OTHER_HOST: Config = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    },
}


def _wrong_verb(verbs: tuple[str, ...], patterns: list[str]) -> Config:
    return _untranscoded(
        {
            "match": {"safe_regex": {"regex": "|".join(patterns)}},
            "direct_response": {"status": 405},
            "response_headers_to_add": [_header("allow", ", ".join(verbs), "OVERWRITE_IF_EXISTS_OR_ADD")],
        }
    )


def _untranscoded(route: Config) -> Config:
    return {**route, "typed_per_filter_config": _NOT_TRANSCODED}


def _header(name: str, value: str, action: str) -> Config:
    return {"header": {"key": name, "value": value}, "append_action": action}
