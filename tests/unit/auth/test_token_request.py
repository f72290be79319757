"""How the body of a token request is read."""

from __future__ import annotations

import base64

import pytest

from auth_svc.domain.errors import ClientWrong, OAuthRefusal, TokenRequestInvalid
from auth_svc.domain.token_request import TokenRequest, read_basic, read_parameters, read_token_request

FORM = "application/x-www-form-urlencoded"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_form_with_username_and_password_is_a_password_grant_without_saying_so() -> None:
    request = read_token_request(b"username=maria&password=a+b%26c", FORM)
    assert request == TokenRequest(username="maria", password="a b&c")
    assert request.grant == "password"


def test_a_json_object_says_the_same_as_a_form() -> None:
    body = b'{"grant_type": "refresh_token", "refresh_token": "abc", "scope": null, "other": ""}'
    assert read_token_request(body, "application/json; charset=utf-8").refresh_token == "abc"


def test_without_a_content_type_braces_make_it_json() -> None:
    assert read_token_request(b'{"username": "maria"}', "").username == "maria"
    assert read_token_request(b"username=maria", "").username == "maria"


def test_an_empty_parameter_counts_as_left_out_and_an_unknown_one_is_ignored() -> None:
    request = read_token_request(b"grant_type=&username=maria&colour=green", FORM)
    assert request == TokenRequest(username="maria")


def test_a_request_that_says_nothing_has_no_grant() -> None:
    assert read_token_request(b"", FORM).grant == ""


def test_a_client_may_name_itself_in_the_header() -> None:
    request = read_token_request(b"grant_type=client_credentials", FORM, basic("sync-svc:se%3Acret"))
    assert (request.client_id, request.client_secret) == ("sync-svc", "se:cret")


def test_a_client_must_not_give_its_secret_twice() -> None:
    with pytest.raises(TokenRequestInvalid):
        read_token_request(b"client_secret=x", FORM, basic("sync-svc:secret"))


@pytest.mark.parametrize("header", ["", "Bearer abc", "Digest x"])
def test_another_scheme_is_no_client(header: str) -> None:
    assert read_basic(header) is None


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        basic("nocolon"),
        "Basic /w==",
        basic("a\0b:c"),
        basic("a%00:c"),
        basic("a:%FF"),
        "Basic \x80",
    ],
)
def test_a_malformed_client_header_is_an_invalid_client(header: str) -> None:
    with pytest.raises(ClientWrong):
        read_basic(header)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"username=a&username=b", FORM),
        (b'{"username": "a", "username": "b"}', "application/json"),
        (b"username=%00", FORM),
        (b'{"username": "\\u0000"}', "application/json"),
        (b'{"username": "\\ud800"}', "application/json"),
        (b"username=%ff", FORM),
        (b"username=\xff", FORM),
        (b'{"username": 7}', "application/json"),
        (b'{"username": ["a"]}', "application/json"),
        (b'{"username": {"a": "b"}}', "application/json"),
        (b'{"username": NaN}', "application/json"),
        (b'{"username": 1' + b"0" * 5000 + b"}", "application/json"),
        (b'["username"]', "application/json"),
        (b'"username"', "application/json"),
        (b"{", "application/json"),
        (b"[" * 9000, "application/json"),
        (b"", "application/json"),
        (b"username=maria", "text/plain"),
        (b"username=" + b"a" * 2000, FORM),
        (b"a" * 20_000, FORM),
        (b"&".join(b"p%d=1" % number for number in range(100)), FORM),
    ],
)
def test_a_body_that_cannot_be_right_is_an_invalid_request(body: bytes, content_type: str) -> None:
    with pytest.raises(TokenRequestInvalid) as caught:
        read_parameters(body, content_type)
    assert isinstance(caught.value, OAuthRefusal)
    assert caught.value.oauth_error == "invalid_request"
    assert caught.value.violations
