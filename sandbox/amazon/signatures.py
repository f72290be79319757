"""AWS Signature Version 4 of a call to the queue, checked from the receiving side."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(
    rf"{_ALGORITHM} Credential=([^/,\s]+)/(\d{{8}}/[^/,\s]+/[^/,\s]+/aws4_request),"
    r"\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What an Authorization header says."""

    access_key_id: str
    scope: str
    signed_headers: tuple[str, ...]
    signature: str


def read_proof(header: str) -> Proof | None:
    """The proof of a header, None when it is not one of this algorithm."""
    found = _HEADER.fullmatch(header.strip())
    return Proof(found[1], found[2], tuple(found[3].split(";")), found[4]) if found else None


def signature(
    secret: str,
    scope: str,
    *,
    method: str,
    path: str,
    raw_query: str,
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    body: bytes,
) -> str:
    """The signature a call must have. `headers` are found whatever their case; X-Amz-Date is one of them."""
    lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    request = "\n".join(
        (
            method,
            path,
            "&".join(sorted(raw_query.split("&"))) if raw_query else "",
            *(f"{name}:{lower.get(name, '')}" for name in signed_headers),
            "",
            ";".join(signed_headers),
            hashlib.sha256(body).hexdigest(),
        )
    )
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = "\n".join((_ALGORITHM, lower.get("x-amz-date", ""), scope, digest))
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
