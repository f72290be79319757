"""Paths find their operation; a SKU may hold anything that is encoded."""

from sandbox.wire import Call, Router


def _router() -> Router:
    router = Router()
    for operation, target in {
        "list": "GET /items",
        "get": "GET /items/{sku}",
        "publish_group": "POST /offer/publish_by_group",
        "publish": "POST /offer/{offer_id}/publish",
    }.items():
        router.add(operation, target, lambda call: call)
    return router


def test_variables_are_decoded_after_the_path_is_split() -> None:
    found = _router().find("GET", "/items/A%2FB%20C")
    assert found is not None
    assert found[0].operation == "get"
    assert found[1] == {"sku": "A/B C"}


def test_trailing_slash_makes_no_difference() -> None:
    found = _router().find("GET", "/items/")
    assert found is not None
    assert found[0].operation == "list"


def test_other_method_or_length_finds_nothing() -> None:
    assert _router().find("PUT", "/items") is None
    assert _router().find("GET", "/items/a/b") is None


def test_call_notes_what_it_touched() -> None:
    call = Call("GET", "/")
    call.note("A")
    call.note("A", 3)
    assert [(touch.sku, touch.quantity) for touch in call.touched] == [("A", None), ("A", 3)]
