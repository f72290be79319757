"""The codes of the registries and their forms. The forms are disjoint, so that every SKU parses back into its parts.

A colour is two letters not starting with Z, a size starts with Z, a condition is one letter and none of those that mark a type
in a UPIS-H: condition K would make a used kit 00845-K and a product in that condition the same SKU.
"""

from __future__ import annotations

import re

from catalog_svc.domain.errors import CodeInvalid, invalid

# The condition a variant is in when none is given. A SKU does not show it.
DEFAULT_CONDITION = "U"

COLOR_FORM = r"[A-Y][A-Z]"
SIZE_FORM = r"Z[A-Z0-9]{1,7}"
CONDITION_FORM = r"[AC-JL-OQRT-Z]"

_FORMS = {"color": re.compile(COLOR_FORM), "size": re.compile(SIZE_FORM), "condition": re.compile(CONDITION_FORM)}
_TOLD = {
    "color": "takes two letters, the first not Z (which begins sizes)",
    "size": "takes Z and one to seven letters or digits",
    "condition": "takes one letter, not B, K, P or S (which mark types in a UPIS-H)",
}


def read_code(registry: str, field: str, text: str) -> str:
    """The code in capitals. Raises CodeInvalid when the registry could not hold it."""
    code = text.strip().upper()
    if not _FORMS[registry].fullmatch(code):
        raise invalid(CodeInvalid, field, _TOLD[registry])
    return code


def condition_or_default(code: str | None) -> str:
    """No condition and the default condition are the same."""
    return code or DEFAULT_CONDITION
