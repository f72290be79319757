"""Every field that breaks a rule is named as JSON users write it."""

import pytest
from usav.auth.v1 import auth_service_pb2
from usav.catalog.v1 import family_pb2, variant_pb2
from usav.inventory.v1 import inventory_service_pb2
from usav.sync.v1 import channel_pb2, sync_service_pb2

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


def said(message: object) -> str:
    with pytest.raises(InvalidArgument) as caught:
        VALIDATOR.check(message)  # type: ignore[arg-type]  # any message
    return caught.value.message


def test_a_broken_pattern_is_told_in_words() -> None:
    request = family_pb2.CreateFamilyRequest(family=family_pb2.Family(name="two\nlines"))
    assert said(request) == "family.name: must not contain control characters, such as line breaks or tabs"
    serials = inventory_service_pb2.ReceiveItemsRequest(sku="00845", serial_numbers=["S1", "é"], location="A1")
    assert said(serials).startswith("serial_numbers[1]: must be 1 to 64 letters, digits, spaces")


def test_a_broken_pattern_of_a_key_is_told_in_words() -> None:
    channel = channel_pb2.Channel(account="USAV", credentials={"Bad Key": "x"})
    assert "must have names of 1 to 50 lower-case letters" in said(
        sync_service_pb2.CreateChannelRequest(channel=channel)
    )
