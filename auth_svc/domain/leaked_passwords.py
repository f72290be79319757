"""Passwords that leaks hold most often: some 30,000, as the library zxcvbn brings them.

Its file is read and not imported: all of its lists would stay in memory, and one of them is wanted.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import files

_LIST, _FILE = "passwords", "frequency_lists.py"
# A shorter one is no hint that a password of twelve characters is built from it.
_SHORTEST = 7


@cache
def leaked_passwords() -> frozenset[str]:
    """In small letters, those of seven characters and more."""
    return frozenset(one for one in _text().split(",") if len(one) >= _SHORTEST)


def _text() -> str:
    path = next(file for file in files("zxcvbn") or () if file.name == _FILE).locate()
    tree = ast.parse(path.read_text(encoding="utf-8"))  # type: ignore[attr-defined]  # a path, typed as less
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            named = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            return next(
                str(inner.value)
                for inner in ast.walk(named[_LIST])
                if isinstance(inner, ast.Constant) and len(str(inner.value)) > 1
            )
    raise LookupError(f"zxcvbn has no {_LIST}")
