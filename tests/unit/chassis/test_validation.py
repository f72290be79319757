"""Every field that breaks a rule is named as JSON users write it."""

import pytest
from usav.auth.v1 import auth_service_pb2
from usav.catalog.v1 import family_pb2, variant_pb2
from usav.inventory.v1 import inventory_service_pb2

from chassis.errors import InvalidArgument
from chassis.validation import RequestValidator

VALIDATOR = RequestValidator()


def refused(message: object) -> list[str]:
    with pytest.raises(InvalidArgument) as caught:
        VALIDATOR.check(message)  # type: ignore[arg-type]  # any message
    return [violation.field for violation in caught.value.violations]


def test_a_good_request_passes() -> None:
    VALIDATOR.check(variant_pb2.BatchGetVariantsRequest(skus=["00845-P-1-WY-N"]))


def test_an_element_of_a_list_is_named_with_its_index() -> None:
    assert refused(variant_pb2.BatchGetVariantsRequest(skus=["fine", "x" * 500])) == ["skus[1]"]


def test_a_nested_field_is_named_with_its_path() -> None:
    request = family_pb2.CreateFamilyRequest(family=family_pb2.Family(name="x" * 100_000))
    assert refused(request) == ["family.name"]


def test_exclusive_fields_are_named_by_the_first() -> None:
    assert refused(inventory_service_pb2.GetItemRequest()) == ["id"]
    assert refused(inventory_service_pb2.GetItemRequest(id=1, serial_number="S")) == ["id"]
    neither = inventory_service_pb2.BatchReceiveItemsRequest(lines=[inventory_service_pb2.ReceiptLine()])
    assert refused(neither) == ["lines[0].sku"]


@pytest.mark.parametrize("text", ["\0", "a\0b", "\0" * 50])
def test_a_nul_character_is_refused_wherever_it_stands(text: str) -> None:
    assert refused(auth_service_pb2.IssueTokenRequest(grant_type="password", username=text, password="p")) == [
        "username"
    ]
    assert refused(variant_pb2.BatchGetVariantsRequest(skus=["ok", "1" + text])) == ["skus[1]"]
