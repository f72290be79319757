"""Files encrypted while they stream: AES-256-GCM in chunks, each with its number and whether it is the last.

So a chunk cannot be left out, moved, repeated or cut off, and a file cannot take the place of another. Every file has a key of
its own, derived from the operator's key (HKDF-SHA256) with fresh salt: nonces may count from zero.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from deploy.backup.errors import BackupDamaged

CHUNK = 1 << 20
_MAGIC = b"USAVBAK1"
_SALT_BYTES = 16
_TAG_BYTES = 16
_KEY_BYTES = 32


def parse_key(raw: str) -> bytes:
    """A key as `hubctl backup key` prints it. Raises ValueError."""
    try:
        key = base64.b64decode(raw.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError("takes 32 bytes in base64, as `hubctl backup key` prints them")
    return key


def new_key() -> str:
    """A fresh key, as settings take it."""
    return base64.b64encode(os.urandom(_KEY_BYTES)).decode()


def sealed(chunks: Iterable[bytes], key: bytes, name: str) -> Iterator[bytes]:
    """The encrypted file, piece by piece. `name` has to be the same when it is opened."""
    salt = os.urandom(_SALT_BYTES)
    cipher = _cipher(key, salt)
    yield _MAGIC + salt
    number, pending = 0, b""
    for piece in even(chunks, CHUNK):
        if pending:
            yield cipher.encrypt(_nonce(number, last=False), pending, name.encode())
            number += 1
        pending = piece
    yield cipher.encrypt(_nonce(number, last=True), pending, name.encode())


def opened(chunks: Iterable[bytes], key: bytes, name: str) -> Iterator[bytes]:
    """The plain file, each piece proven before it is given out. Raises BackupDamaged, at the latest at the end."""
    pieces = even(chunks, CHUNK + _TAG_BYTES, first=len(_MAGIC) + _SALT_BYTES)
    head = next(pieces, b"")
    if not head.startswith(_MAGIC) or len(head) != len(_MAGIC) + _SALT_BYTES:
        raise BackupDamaged(f"{name} is no encrypted file of a backup")
    cipher = _cipher(key, head[len(_MAGIC) :])
    number, pending = 0, b""
    for piece in pieces:
        if pending:
            yield _decrypt(cipher, number, pending, name, last=False)
            number += 1
        pending = piece
    yield _decrypt(cipher, number, pending, name, last=True)


def even(chunks: Iterable[bytes], size: int, first: int = 0) -> Iterator[bytes]:
    """The same bytes in pieces of `size` (the first of `first`); the last may be shorter."""
    held, wanted = bytearray(), first or size
    for chunk in chunks:
        held += chunk
        while len(held) >= wanted:
            yield bytes(held[:wanted])
            del held[:wanted]
            wanted = size
    if held:
        yield bytes(held)


def authentication(key: bytes, content: bytes) -> str:
    """What proves that `content` was written by somebody who has the key."""
    return hmac.new(_derived(key, b"", b"manifest"), content, hashlib.sha256).hexdigest()


def print_of(secret: str) -> str:
    """Tells whether two secrets are the same one and nothing else of them; for secrets that nobody can guess."""
    return hmac.new(secret.encode(), b"usav-backup print", hashlib.sha256).hexdigest()[:16]


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(_derived(key, salt, b"file"))


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), _KEY_BYTES, salt, b"usav-backup " + purpose).derive(key)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _decrypt(cipher: AESGCM, number: int, piece: bytes, name: str, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last=last), piece, name.encode())
    except InvalidTag:
        raise BackupDamaged(f"{name} cannot be decrypted: another key, or the file was changed or cut off") from None
