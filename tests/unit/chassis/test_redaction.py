"""What is marked as a secret in a proto does not get into logs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from usav.auth.v1 import auth_service_pb2
from usav.options.v1 import authz_pb2
from usav.sync.v1 import sync_service_pb2

from chassis.redaction import cleared
from chassis.server import all_service_names
from tests.factories.stand_in import all_methods

SECRET = "a secret that nobody may see"


def test_a_password_is_cleared_and_the_message_keeps_it() -> None:
    request = auth_service_pb2.IssueTokenRequest(grant_type="password", username="ann", password=SECRET)
    shown = cleared(request)
    assert (shown.username, shown.password) == ("ann", "")
    assert request.password == SECRET


def test_secrets_are_cleared_in_messages_within_messages() -> None:
    request = sync_service_pb2.CreateChannelRequest()
    request.channel.account = "MEKONG"
    request.channel.credentials["refresh_token"] = SECRET
    shown = cleared(request)
    assert shown.channel.account == "MEKONG"
    assert SECRET not in str(shown)


# Names that nothing but a secret has; a new one of them without the mark fails here.
_TELLTALE = ("password", "secret", "refresh_token", "access_token", "credentials", "authorization")
_HARMLESS = {"password_change_required", "secret_id", "password_changed_at"}


def _requests() -> Iterator[type[Message]]:
    assert all_service_names()
    for method in all_methods():
        yield GetMessageClass(method.input_type)
        yield GetMessageClass(method.output_type)


def test_fields_that_sound_like_secrets_are_marked() -> None:
    found = {
        field.full_name
        for kind in _requests()
        for field in kind.DESCRIPTOR.fields
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
        and any(word in field.name for word in _TELLTALE)
        and not field.GetOptions().Extensions[authz_pb2.sensitive]
    }
    assert {name for name in found if name.rpartition(".")[2] not in _HARMLESS} == set()


@pytest.mark.parametrize("empty", [auth_service_pb2.IssueTokenRequest(), sync_service_pb2.CreateChannelRequest()])
def test_nothing_becomes_nothing(empty: Message) -> None:
    assert cleared(empty) == empty
