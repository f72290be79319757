"""Switches change all at once or not at all."""

import pytest

from sandbox.switches import Switches


def test_partial_document_changes_only_what_it_names() -> None:
    switches = Switches()
    switches.change({"latency_ms": 5, "ecwid": {"requests_per_minute": 0}})
    assert switches.latency_ms == 5.0
    assert switches.ecwid.requests_per_minute == 0
    assert switches.ebay.revisions_per_day == 250


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"ebay": {"speed": 1}}, "ebay.speed"),
        ({"ebay": {"one_sku_per_call": 1}}, "ebay.one_sku_per_call"),
        ({"ecwid": {"requests_per_minute": True}}, "ecwid.requests_per_minute"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"ebay": 3}, "ebay"),
        ([], "switches"),
    ],
)
def test_bad_switch_is_named_and_nothing_changes(document: object, named: str) -> None:
    switches = Switches()
    with pytest.raises(ValueError, match=named):
        switches.change({"latency_ms": 7, **document} if isinstance(document, dict) else document)
    assert switches.latency_ms == 0.0
