"""The names of identities: UPIS-H for people, the hex signature for labels and machines. Both say the same and decode offline.

    hex signature, 32 bits:   product id 17 | type 3 | component index 7 | check 5

The check is a CRC by x^5 + x^2 + 1 over the other 27 bits. A polynomial that is irreducible and longer than one hex digit
misses no wrong digit and no two digits in each other's place, neighbours or not. The offset keeps 00000000 from being valid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from catalog_svc.domain.errors import ComponentIndexMisplaced, HexSignatureInvalid, UpisHInvalid, invalid

LAST_PRODUCT_ID = 99_999
LAST_COMPONENT_INDEX = 99

_CHECK_BITS = 5
_CHECK_POLYNOMIAL = 0b100101
_CHECK_OFFSET = 0b10101
_UPIS_H = re.compile(r"(\d{5})(?:-P-([1-9]\d?)|-([BKS]))?", re.ASCII)
_HEX = re.compile(r"[0-9A-F]{8}", re.ASCII)


class IdentityType(StrEnum):
    """What kind of thing an identity is."""

    PRODUCT = "PRODUCT"
    PART = "PART"
    BUNDLE = "BUNDLE"
    KIT = "KIT"
    SERVICE = "SERVICE"


WITH_RECIPE = frozenset({IdentityType.BUNDLE, IdentityType.KIT})
_SUFFIX = {IdentityType.BUNDLE: "-B", IdentityType.KIT: "-K", IdentityType.SERVICE: "-S"}
_BY_LETTER = {suffix[1]: kind for kind, suffix in _SUFFIX.items()}
# The number of a type in the hex signature is its place in the enum. Printed labels hold it: append only.
_TYPES = tuple(IdentityType)


@dataclass(frozen=True, slots=True)
class IdentityName:
    """What an identity is called by: its family, its type and, for parts, its component index. Raises ComponentIndexMisplaced."""

    product_id: int
    type: IdentityType
    component_index: int | None = None

    def __post_init__(self) -> None:
        if (self.type is IdentityType.PART) != (self.component_index is not None):
            raise invalid(ComponentIndexMisplaced, "component_index", "belongs to parts, and to nothing else")

    @property
    def upis_h(self) -> str:
        """The hierarchical name, such as 00845-P-1."""
        if self.type is IdentityType.PART:
            return f"{self.product_id:05d}-P-{self.component_index}"
        return f"{self.product_id:05d}{_SUFFIX.get(self.type, '')}"

    @property
    def hex_signature(self) -> str:
        """The same as 8 hex digits."""
        payload = self.product_id << 10 | _TYPES.index(self.type) << 7 | (self.component_index or 0)
        return f"{payload << _CHECK_BITS | check_of(payload):08X}"


def check_of(payload: int) -> int:
    """The check of 27 bits."""
    rest = payload << _CHECK_BITS
    for bit in range(31, _CHECK_BITS - 1, -1):
        if rest >> bit & 1:
            rest ^= _CHECK_POLYNOMIAL << (bit - _CHECK_BITS)
    return rest ^ _CHECK_OFFSET


def parse_upis_h(text: str) -> IdentityName:
    """Reads a UPIS-H in any case. Raises UpisHInvalid."""
    match = _UPIS_H.fullmatch(text.strip().upper())
    if match is None:
        raise invalid(
            UpisHInvalid, "upis_h", "is not a UPIS-H; one looks like 00845, 00845-P-1, 00845-B, 00845-K or 00845-S"
        )
    digits, index, letter = match.groups()
    if index is not None:
        return IdentityName(int(digits), IdentityType.PART, int(index))
    return IdentityName(int(digits), _BY_LETTER[letter] if letter else IdentityType.PRODUCT)


def parse_hex_signature(text: str) -> IdentityName:
    """Reads a hex signature in any case. Raises HexSignatureInvalid when it is mistyped."""
    digits = text.strip().upper()
    if not _HEX.fullmatch(digits):
        raise invalid(HexSignatureInvalid, "hex_signature", "takes exactly 8 hex digits")
    value = int(digits, 16)
    payload = value >> _CHECK_BITS
    if check_of(payload) != value & (1 << _CHECK_BITS) - 1:
        raise invalid(
            HexSignatureInvalid, "hex_signature", "its check does not fit: a digit is mistyped or out of place"
        )
    return _unpack(payload)


def _unpack(payload: int) -> IdentityName:
    product_id, kind, index = payload >> 10, payload >> 7 & 0b111, payload & 0b1111111
    part = kind == _TYPES.index(IdentityType.PART)
    fitting_index = 1 <= index <= LAST_COMPONENT_INDEX if part else index == 0
    if product_id > LAST_PRODUCT_ID or kind >= len(_TYPES) or not fitting_index:
        raise invalid(HexSignatureInvalid, "hex_signature", "names no possible identity")
    return IdentityName(product_id, _TYPES[kind], index if part else None)
