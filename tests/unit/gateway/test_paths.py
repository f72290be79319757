"""Which service a path leads to, and how it is treated."""

from __future__ import annotations

import re

import pytest

from build_tools.descriptors import load
from build_tools.protos import ensure_generated
from build_tools.routes import all_routes
from deploy.gateway.paths import Destination, PathGroup, Treatment, grpc_groups, json_groups, pattern_of


@pytest.fixture(scope="module")
def groups() -> list[PathGroup]:
    ensure_generated()
    return json_groups(load())


def first_match(groups: list[PathGroup], verb: str, path: str) -> Destination | None:
    """As the gateway chooses: the first route that matches."""
    matching = (group for group in groups if group.destination.verb == verb and re.fullmatch(group.regex, path))
    return next((group.destination for group in matching), None)


@pytest.mark.parametrize(
    ("template", "path", "fits"),
    [
        ("/families/{product_id}", "/families/7", True),
        ("/families/{product_id}", "/families/7/x", False),
        ("/families/{family.product_id}", "/families/7", True),
        ("/files/{name=**}", "/files/a/b/c", True),
        ("/files/{name=shelf/*}", "/files/shelf/a", True),
        ("/files/{name=shelf/*}", "/files/a/shelf", False),
        ("/variants:batchGet", "/variants:batchGet", True),
        ("/a.b", "/axb", False),
    ],
)
def test_templates_become_expressions(template: str, path: str, fits: bool) -> None:
    assert bool(re.fullmatch(pattern_of(template), path)) is fits


@pytest.mark.parametrize(
    ("verb", "path", "service", "treatment"),
    [
        ("GET", "/health", "auth", Treatment.READ),
        ("GET", "/.well-known/jwks.json", "auth", Treatment.READ),
        ("POST", "/api/v1/auth/token", "auth", Treatment.WRITE),
        ("GET", "/api/v1/families/845", "catalog", Treatment.READ),
        ("PATCH", "/api/v1/families/845", "catalog", Treatment.WRITE),
        ("GET", "/api/v1/variants/17", "catalog", Treatment.READ),
        ("GET", "/api/v1/variants/sku/00845-P-1-WY-N", "catalog", Treatment.READ),
        ("POST", "/api/v1/inventory/9/reserve", "inventory", Treatment.WRITE),
        ("POST", "/api/v1/inventory/receive/batch", "inventory", Treatment.STREAM),
        ("GET", "/api/v1/listings/pending", "sync", Treatment.READ),
    ],
)
def test_paths_lead_to_their_service(
    groups: list[PathGroup], verb: str, path: str, service: str, treatment: Treatment
) -> None:
    found = first_match(groups, verb, path)
    assert found is not None
    assert (found.service, found.treatment) == (service, treatment)


def test_every_path_of_the_protos_leads_where_its_rpc_lives(groups: list[PathGroup]) -> None:
    for route in all_routes(load()):
        sample = re.sub(r"\{[^}]*\}", "0", route.template)
        found = first_match(groups, route.verb.upper(), sample)
        assert found is not None, route
        owner = route.method.full_name.split(".")[1]
        assert found.service == {"hub": "auth"}.get(owner, owner), route


def test_streams_and_reads_are_told_apart_over_grpc() -> None:
    by_treatment = {
        (group.destination.service, group.destination.treatment): group.patterns for group in grpc_groups(load())
    }
    assert any(path.endswith("/WatchCatalog") for path in by_treatment["catalog", Treatment.STREAM])
    assert any(path.endswith("/GetVariant") for path in by_treatment["catalog", Treatment.READ])
    assert any(path.endswith("/CreateVariant") for path in by_treatment["catalog", Treatment.WRITE])
