"""What a search asks for: its words, the codes it may name, and which known words a mistyped one may have meant.

Words are read as the database reads them (catalog.search_words): small letters, no accents, all but letters and digits a space.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog_svc.domain.identifiers import parse_hex_signature
from chassis.errors import HubError

MOST_WORDS = 8
_LONGEST_WORD = 32
_SHORTEST_FORGIVEN = 4
_TWO_ERRORS_FROM = 7
_MOST_MEANINGS = 12
_ACCENTS = re.compile("[\u0300-\u036f]")
_BETWEEN_WORDS = re.compile("[\u0000-\u002f\u003a-\u0060\u007b-\u00bf\u2000-\u2bff\u3000-\u303f]+")
_CODE = re.compile(r"\d{1,5}(?:-[A-Z0-9-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """A search as it is asked: its words in order, codes that would be an exact answer, and the beginning of codes (or "")."""

    words: tuple[str, ...]
    codes: tuple[str, ...]
    code_prefix: str
    text: str


def read_question(q: str) -> Question:
    """Reads what somebody typed. Never fails; a question without words and codes finds nothing."""
    bare = q.strip().upper()
    looks_like_code = _CODE.fullmatch(bare) is not None
    return Question(_words(q), _codes(bare), bare if looks_like_code else "", " ".join(q.lower().split()))


def _words(text: str) -> tuple[str, ...]:
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).lower()
    words = (word[:_LONGEST_WORD] for word in _BETWEEN_WORDS.split(plain) if word)
    return tuple(dict.fromkeys(words))[:MOST_WORDS]


def _codes(bare: str) -> tuple[str, ...]:
    codes = [bare] if bare else []
    number, separator, rest = bare.partition("-")
    if number.isascii() and number.isdigit() and len(number) < 5:
        codes.append(f"{number:0>5}{separator}{rest}")
    if len(bare) == 8:
        # Eight characters that are no hex signature are a word.
        with contextlib.suppress(HubError):
            codes.append(parse_hex_signature(bare).upis_h)
    return tuple(codes)


def all_words(words: Sequence[str]) -> str:
    """The tsquery of documents with every word, or a longer word starting with it."""
    return " & ".join(f"'{word}':*" for word in words)


def any_word(words: Sequence[str]) -> str:
    """The tsquery of documents with at least one of the words."""
    return " | ".join(f"'{word}'" for word in words)


def all_meanings(words: Sequence[str], meanings: Mapping[str, Iterable[str]]) -> str:
    """The tsquery of documents that for every word have it, a longer one, or something it may have meant."""
    return " & ".join(_one_of(word, meanings.get(word, ())) for word in words)


def any_meaning(words: Sequence[str], meanings: Mapping[str, Iterable[str]]) -> str:
    """The tsquery of documents that have at least one of the words in any meaning."""
    return " | ".join(_one_of(word, meanings.get(word, ())) for word in words)


def _one_of(word: str, others: Iterable[str]) -> str:
    return "(" + " | ".join([f"'{word}':*", *(f"'{other}'" for other in others)]) + ")"


def forgivable(words: Sequence[str]) -> list[str]:
    """The words long enough to guess at when mistyped."""
    return [word for word in words if len(word) >= _SHORTEST_FORGIVEN and not word.isdigit()]


def likely_meanings(word: str, known: Iterable[str]) -> list[str]:
    """The known words that a mistyped one may stand for: one error, in longer words two; nearest first."""
    errors = 2 if len(word) >= _TWO_ERRORS_FROM else 1
    near = [(distance, other) for other in set(known) if 0 < (distance := typing_errors(word, other, errors)) <= errors]
    return [other for _, other in sorted(near)[:_MOST_MEANINGS]]


def typing_errors(one: str, other: str, most: int) -> int:
    """How many letters were missed, added, mistyped or swapped with their neighbour; at most `most` + 1 is told."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, its in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]
