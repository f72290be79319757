"""Encrypted files: what was sealed opens again, and nothing else does."""

from __future__ import annotations

import base64
import os

import pytest

from deploy.backup.errors import BackupDamaged
from deploy.backup.sealing import CHUNK, even, new_key, opened, parse_key, print_of, sealed

KEY = bytes(range(32))
HEAD, TAG = 24, 16


def seal(plain: bytes, name: str = "b/x.dump", key: bytes = KEY) -> bytes:
    return b"".join(sealed((plain[at : at + 65_537] for at in range(0, len(plain), 65_537)), key, name))


def unseal(stored: bytes, name: str = "b/x.dump", key: bytes = KEY) -> bytes:
    return b"".join(opened((stored[at : at + 50_001] for at in range(0, len(stored), 50_001)), key, name))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_was_sealed_opens_again(size: int) -> None:
    plain = os.urandom(size)
    assert unseal(seal(plain)) == plain


def test_nothing_of_the_content_shows_and_no_two_are_alike() -> None:
    first, second = seal(b"secret" * 100), seal(b"secret" * 100)
    assert b"secret" not in first
    assert first != second


@pytest.mark.parametrize("at", [0, 10, HEAD, HEAD + CHUNK // 2, HEAD + CHUNK + TAG + 5, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    stored = bytearray(seal(os.urandom(2 * CHUNK + 10)))
    stored[at] ^= 1
    with pytest.raises(BackupDamaged, match=r"x\.dump"):
        unseal(bytes(stored))


@pytest.mark.parametrize("length", [0, 5, HEAD, HEAD + 3, HEAD + CHUNK + TAG, HEAD + 2 * (CHUNK + TAG), -1])
def test_a_file_that_was_cut_off_is_noticed(length: int) -> None:
    stored = seal(os.urandom(2 * CHUNK + 10))
    with pytest.raises(BackupDamaged):
        unseal(stored[:length])


def test_chunks_in_another_order_or_left_out_are_noticed() -> None:
    stored = seal(os.urandom(3 * CHUNK))
    head, size = stored[:HEAD], CHUNK + TAG
    first, second, third = (stored[HEAD + at * size : HEAD + (at + 1) * size] for at in range(3))
    for wrong in (second + first + third, first + third, second + third, first + second + third + third):
        with pytest.raises(BackupDamaged):
            unseal(head + wrong)


def test_another_name_or_another_key_does_not_open() -> None:
    stored = seal(b"content")
    with pytest.raises(BackupDamaged, match="another key"):
        unseal(stored, name="b/y.dump")
    with pytest.raises(BackupDamaged, match="another key"):
        unseal(stored, key=bytes(32))


def test_nothing_is_given_out_before_it_is_proven() -> None:
    stored = bytearray(seal(os.urandom(2 * CHUNK)))
    stored[HEAD + 5] ^= 1
    with pytest.raises(BackupDamaged):
        next(opened([bytes(stored)], KEY, "b/x.dump"))


def test_even_pieces_hold_the_same_bytes() -> None:
    assert list(even([b"abc", b"", b"defgh", b"i"], 3, first=2)) == [b"ab", b"cde", b"fgh", b"i"]
    assert list(even([], 3)) == []


def test_a_key_is_32_bytes_in_base64() -> None:
    assert len(parse_key(new_key() + "\n")) == 32
    for wrong in ("", "short", base64.b64encode(bytes(31)).decode(), "ä" * 44):
        with pytest.raises(ValueError, match="hubctl backup key"):
            parse_key(wrong)


def test_a_print_tells_secrets_apart_and_does_not_hold_them() -> None:
    assert print_of("one") == print_of("one") != print_of("two")
    assert "one" not in print_of("one")
