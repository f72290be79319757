"""Whatever is sent as a token request or chosen as a password, it is taken or refused in the known ways."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from urllib.parse import quote_plus, urlencode

from hypothesis import given
from hypothesis import strategies as st

from auth_svc.domain.errors import ClientWrong, TokenRequestInvalid
from auth_svc.domain.password import is_guessable
from auth_svc.domain.throttle import ACCOUNT_AT_ADDRESS
from auth_svc.domain.token_request import TokenRequest, read_token_request

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)


def assert_read_or_refused(body: bytes, kind: str, header: str) -> None:
    try:
        request = read_token_request(body, kind, header)
    except (TokenRequestInvalid, ClientWrong):
        return
    for name in TokenRequest.__dataclass_fields__:
        getattr(request, name).encode()
        assert "\0" not in getattr(request, name)


@given(body=st.binary(max_size=400), kind=st.sampled_from([FORM, JSON, "", "text/plain"]), header=st.text(max_size=60))
def test_any_bytes_are_read_or_refused_as_oauth_says(body: bytes, kind: str, header: str) -> None:
    assert_read_or_refused(body, kind, header)


@given(credentials=st.binary(max_size=80), is_encoded=st.booleans())
def test_any_basic_header_is_read_or_refused(credentials: bytes, is_encoded: bool) -> None:
    shown = base64.b64encode(credentials) if is_encoded else credentials
    assert_read_or_refused(b"", FORM, f"Basic {shown.decode('latin-1')}")


@given(client=PLAIN, secret=PLAIN)
def test_a_client_in_the_header_is_read_as_it_was_written(client: str, secret: str) -> None:
    pair = f"{quote_plus(client)}:{quote_plus(secret)}"
    request = read_token_request(b"", FORM, f"Basic {base64.b64encode(pair.encode()).decode()}")
    assert (request.client_id, request.client_secret) == (client, secret)


@given(username=PLAIN, password=PLAIN)
def test_what_a_client_writes_is_what_is_read(username: str, password: str) -> None:
    values = {"username": username, "password": password}
    expected = TokenRequest(username=username, password=password)
    assert read_token_request(urlencode(values).encode(), FORM) == expected
    assert read_token_request(json.dumps(values).encode(), JSON) == expected


@given(password=st.text(max_size=300), username=st.text(max_size=60))
def test_any_password_is_judged(password: str, username: str) -> None:
    assert is_guessable(password, username) in {True, False}


@given(failures=st.integers(0, 10**9))
def test_the_wait_never_shrinks_and_never_passes_the_cap(failures: int) -> None:
    assert timedelta() <= ACCOUNT_AT_ADDRESS.delay(failures) <= ACCOUNT_AT_ADDRESS.delay(failures + 1)
    assert ACCOUNT_AT_ADDRESS.delay(failures + 1) <= ACCOUNT_AT_ADDRESS.longest_delay
