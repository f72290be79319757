"""What proves that a call to our endpoint comes from eBay: the endpoint challenge and the signature of a notification. Pure.

The signature covers the body as eBay serialized it. Its own tools check the body parsed and written again without blanks, so
both are tried: first the bytes as they came, then that form.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "SHA1": hashes.SHA1(),
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
_MAX_HEADER_CHARS = 4096
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PEM = re.compile(r"-----BEGIN ([A-Z ]{1,40})-----(.{1,8192}?)-----END \1-----", re.DOTALL)


class SignatureRefused(Exception):
    """The header or the key cannot prove anything; the text says why and holds nothing secret."""


@dataclass(frozen=True, slots=True)
class SignatureHeader:
    """The decoded X-EBAY-SIGNATURE header."""

    key_id: str
    signature: bytes
    digest: str


def challenge_response(challenge_code: str, verification_token: str, endpoint: str) -> str:
    """Answers the endpoint challenge. `endpoint` must be written exactly as it was registered."""
    return hashlib.sha256(f"{challenge_code}{verification_token}{endpoint}".encode()).hexdigest()


def parse_header(value: str) -> SignatureHeader:
    """Decodes the header; raises `SignatureRefused` when it is not what eBay sends."""
    if len(value) > _MAX_HEADER_CHARS:
        raise SignatureRefused("The signature header is too long.")
    try:
        fields = json.loads(base64.b64decode(value, validate=True))
        key_id, signature = fields["kid"], base64.b64decode(fields["signature"], validate=True)
        digest = str(fields.get("digest", "SHA1")).upper().replace("-", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise SignatureRefused("The signature header cannot be decoded.") from error
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise SignatureRefused("The signature header names no key.")
    if digest not in _DIGESTS:
        raise SignatureRefused("The signature header names an unknown digest.")
    return SignatureHeader(key_id=key_id, signature=signature, digest=digest)


def load_key(text: str) -> ec.EllipticCurvePublicKey:
    """Reads a public key that comes as PEM on one line; raises `SignatureRefused` when it is none."""
    match = _PEM.search(text)
    body = "".join((match.group(2) if match else text).split())
    label = match.group(1) if match else "PUBLIC KEY"
    pem = f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureRefused("The platform's key cannot be read.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SignatureRefused("The platform's key is not an elliptic curve key.")
    return key


def is_signed(body: bytes, header: SignatureHeader, key: ec.EllipticCurvePublicKey) -> bool:
    """Says whether `key` signed `body`, as it came or written again without blanks."""
    return _verifies(body, header, key) or any(_verifies(form, header, key) for form in _compact_forms(body))


def _verifies(body: bytes, header: SignatureHeader, key: ec.EllipticCurvePublicKey) -> bool:
    try:
        key.verify(header.signature, body, ec.ECDSA(_DIGESTS[header.digest]))
    except InvalidSignature:
        return False
    return True


def _compact_forms(body: bytes) -> list[bytes]:
    try:
        parsed = json.loads(body)
        compact = json.dumps(parsed, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return []
    return [] if compact == body else [compact]
