"""Reads the body of an OAuth2 token or revocation request: a form or a JSON object, and HTTP Basic client credentials.

RFC 6749: a parameter without a value counts as left out, one given twice is an error, unknown ones are ignored.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from auth_svc.domain.errors import ClientWrong, TokenRequestInvalid

LARGEST_BODY = 16 * 1024
_LARGEST_VALUE = 1024
_MOST_PARAMETERS = 32


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The parameters of a grant; what was not given is empty."""

    grant_type: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = ""

    @property
    def grant(self) -> str:
        """The grant type; a request that names none but has a username is a password grant."""
        return self.grant_type or ("password" if self.username or self.password else "")


def read_token_request(body: bytes, content_type: str, authorization: str = "") -> TokenRequest:
    """Raises TokenRequestInvalid for a body that cannot be read, ClientWrong for a malformed Basic header."""
    parameters = read_parameters(body, content_type)
    known = {name: parameters[name] for name in TokenRequest.__dataclass_fields__ if name in parameters}
    client = read_basic(authorization)
    if client is not None:
        if "client_secret" in known:
            raise TokenRequestInvalid("client_secret", "is given twice, in the header and in the body")
        known["client_id"], known["client_secret"] = client
    return TokenRequest(**known)


def read_parameters(body: bytes, content_type: str) -> dict[str, str]:
    """The non-empty parameters of a form or a JSON object. Raises TokenRequestInvalid."""
    if len(body) > LARGEST_BODY:
        raise TokenRequestInvalid("body", f"is larger than {LARGEST_BODY} bytes")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise TokenRequestInvalid("body", "is not UTF-8") from None
    if "\0" in text:
        raise TokenRequestInvalid("body", "holds a NUL character")
    pairs = _json_pairs(text) if _is_json(text, content_type) else _form_pairs(text)
    return _once_each(pairs)


def _is_json(text: str, content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    if media == "application/json":
        return True
    if media in {"", "application/x-www-form-urlencoded"}:
        return not media and text.lstrip().startswith("{")
    raise TokenRequestInvalid("content-type", "takes application/x-www-form-urlencoded or application/json")


def _form_pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise TokenRequestInvalid("body", "is not a form of UTF-8 text with a few parameters") from None


def _json_pairs(text: str) -> list[tuple[str, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        raise TokenRequestInvalid("body", "is not JSON") from None
    if not isinstance(pairs, _Pairs):
        raise TokenRequestInvalid("body", "is not a JSON object")
    for name, value in pairs:
        if value is not None and not isinstance(value, str):
            raise TokenRequestInvalid(name[:64], "has to be a text")
    return [(name, value or "") for name, value in pairs]


class _Pairs(list[tuple[str, str]]):
    """The members of a JSON object, with repeated names kept."""


def _once_each(pairs: list[tuple[str, str]]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise TokenRequestInvalid(name[:64], "is given twice")
        _check_text(name, value)
        parameters[name] = value
    return {name: value for name, value in parameters.items() if value}


def _check_text(name: str, value: str) -> None:
    if len(value) > _LARGEST_VALUE:
        raise TokenRequestInvalid(name[:64], f"is longer than {_LARGEST_VALUE} characters")
    if "\0" in value:
        raise TokenRequestInvalid(name[:64], "holds a NUL character")
    # JSON can spell half of a surrogate pair, which no UTF-8 text holds.
    if any("\ud800" <= character <= "\udfff" for character in name + value):
        raise TokenRequestInvalid("body", "holds half a surrogate pair")


def read_basic(authorization: str) -> tuple[str, str] | None:
    """Client id and secret of an HTTP Basic header (RFC 6749 section 2.3.1); None for another scheme or none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        name, colon, secret = text.partition(":")
        client = unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        raise ClientWrong from None
    if not colon or "\0" in client[0] + client[1]:
        raise ClientWrong
    return client
