"""Protos to domain and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from usav.auth.v1 import error_reason_pb2, user_pb2

from auth_svc.convert.tokens import refusal_headers, refusal_to_body, tokens_to_body
from auth_svc.convert.users import changes_from_proto, user_to_proto
from auth_svc.domain import errors
from auth_svc.domain.user import Role, User
from auth_svc.operations.token_mint import IssuedTokens
from chassis.errors import HubError, InvalidArgument

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def test_a_user_is_shown_without_the_password() -> None:
    proto = user_to_proto(User(7, "ada", "Ada", Role.ADMIN, True, "the-hash", NOW, NOW, NOW, 3))
    assert "the-hash" not in str(proto)
    assert not proto.HasField("password")
    assert proto.last_sign_in_time.ToDatetime(tzinfo=UTC) == NOW
    assert proto.etag == 'W/"3"'


def test_without_a_mask_the_given_fields_are_the_changes() -> None:
    user = user_pb2.User(id=7, etag="x", is_active=False, role=user_pb2.User.SALES_REP)
    assert changes_from_proto(user, FieldMask()) == {"is_active": False, "role": Role.SALES_REP}


def test_a_star_replaces_everything_but_the_password() -> None:
    user = user_pb2.User(username="ada", role=user_pb2.User.ADMIN, is_active=True)
    wanted = changes_from_proto(user, FieldMask(paths=["*"]))
    assert wanted == {"username": "ada", "role": Role.ADMIN, "is_active": True, "full_name": ""}


@pytest.mark.parametrize("path", ["username", "role", "is_active", "password"])
def test_a_field_of_the_mask_that_cannot_be_emptied_needs_a_value(path: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        changes_from_proto(user_pb2.User(), FieldMask(paths=[path]))
    assert caught.value.violations[0].field == f"user.{path}"


@pytest.mark.parametrize("path", ["id", "etag", "create_time", "no_such_field"])
def test_a_field_that_cannot_be_changed_is_refused_in_the_mask(path: str) -> None:
    with pytest.raises(InvalidArgument):
        changes_from_proto(user_pb2.User(), FieldMask(paths=[path]))


def test_tokens_are_written_as_the_rfc_says() -> None:
    body = tokens_to_body(IssuedTokens("abc", 900, None))
    assert body.content_type == "application/json"
    assert json.loads(body.data) == {"access_token": "abc", "token_type": "Bearer", "expires_in": 900}


def test_a_refusal_is_written_in_the_characters_the_rfc_allows() -> None:
    body = refusal_to_body(errors.TokenRequestInvalid('a"b\\c\n☃', "is wrong"))
    assert json.loads(body.data) == {"error": "invalid_request", "error_description": "a?b?c?? is wrong."}


def test_a_refusal_says_its_status_and_how_to_authenticate_or_when_to_come_back() -> None:
    assert refusal_headers(errors.CredentialsWrong()) == [("x-hub-http-status", "400")]
    assert ("x-hub-http-status", "401") in refusal_headers(errors.ClientWrong())
    assert any(name == "www-authenticate" for name, _ in refusal_headers(errors.ClientWrong()))
    assert ("retry-after", "2") in refusal_headers(errors.SignInThrottled(1.2))


def test_every_error_of_the_domain_names_a_reason_of_the_proto() -> None:
    known = set(error_reason_pb2.ErrorReason.keys())
    found = [
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, HubError) and item.__module__ == errors.__name__
    ]
    found.remove(errors.OAuthRefusal)
    assert len(found) >= 13
    for error in found:
        assert error.reason in known, error
        assert error.domain == "auth.usav"
        assert error.code.value != "INTERNAL"
