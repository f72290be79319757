"""The grammar of SKUs: UPIS-H, then colour, size and condition where present, joined by hyphens.

sku = upis_h [ "-" color ] [ "-" size ] [ "-" condition ]        00845-P-1-WY-N
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog_svc.domain.codes import COLOR_FORM, CONDITION_FORM, DEFAULT_CONDITION, SIZE_FORM
from catalog_svc.domain.errors import SkuInvalid, invalid
from catalog_svc.domain.identifiers import IdentityName, parse_upis_h

_SKU = re.compile(
    rf"(\d{{5}}(?:-P-[1-9]\d?|-[BKS])?)(?:-({COLOR_FORM}))?(?:-({SIZE_FORM}))?(?:-({CONDITION_FORM}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Sku:
    """A SKU in its parts."""

    identity: IdentityName
    color: str | None = None
    size: str | None = None
    condition: str = DEFAULT_CONDITION

    def __str__(self) -> str:
        shown = None if self.condition == DEFAULT_CONDITION else self.condition
        return "-".join(part for part in (self.identity.upis_h, self.color, self.size, shown) if part)


def parse_sku(text: str) -> Sku:
    """Reads a SKU in any case; the default condition may be written out. Raises SkuInvalid."""
    match = _SKU.fullmatch(text.strip().upper())
    if match is None:
        raise invalid(SkuInvalid, "full_sku", "is not a SKU; one looks like 00845-P-1-WY-N")
    upis_h, color, size, condition = match.groups()
    return Sku(parse_upis_h(upis_h), color, size, condition or DEFAULT_CONDITION)


def normalize_sku(text: str) -> str:
    """The form SKUs are stored in, of any text: capitals, without spaces around it."""
    return text.strip().upper()
