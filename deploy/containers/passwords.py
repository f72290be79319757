"""Which passwords nobody may start a hub with: none, those of samples, and those that are guessed first."""

from __future__ import annotations

import re

_LEAST = 12
# As samples, guides and images have them; a given one is compared without what is not a letter.
_SAMPLES = frozenset(
    {
        "admin", "administrator", "changeme", "changethis", "default", "example", "hub", "hubadmin", "letmein", "password",
        "placeholder", "postgres", "replaceme", "sample", "secret", "test", "todo", "usav", "usavhub", "yourpassword",
    }
)  # fmt: skip
_FILLERS = ("please", "your", "my", "the", "a", "strong", "very", "long")


def parse_password(raw: str) -> str:
    """The password itself. Raises ValueError, without it in the text, when it will not do."""
    if len(raw) < _LEAST:
        raise ValueError(f"takes at least {_LEAST} characters, or nothing: then one is made")
    if len(set(raw)) < 5 or raw.isdigit() or _is_sample(raw):
        raise ValueError("is out of a sample, or guessed at once; leave it empty and one is made")
    if any(ord(letter) < 33 or ord(letter) > 126 for letter in raw):
        raise ValueError("takes letters, digits and signs of ASCII without blanks")
    return raw


def _is_sample(raw: str) -> bool:
    plain = raw.lower()
    disguised = plain.translate(str.maketrans("01345@$", "oleasas"))
    return any(_says_nothing(re.findall("[a-z]+", text)) for text in (plain, disguised))


def _says_nothing(words: list[str]) -> bool:
    telling = [word for word in words if word not in _FILLERS]
    return bool(words) and ("".join(telling) in _SAMPLES or _SAMPLES.issuperset(telling))
