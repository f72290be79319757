"""Which passwords are refused: short ones, leaked ones, and those that a list of common words and their usual turns would find.

Guessing programs try words with digits, signs and lookalikes, two words together, years, runs of the keyboard and repeats.
So a password is taken apart into such pieces; when nothing else is left and no more than two of them are words, it is refused.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache
from importlib import resources

from auth_svc.domain.errors import PasswordRefused
from auth_svc.domain.leaked_passwords import leaked_passwords

SHORTEST, LONGEST = 12, 256
_FEWEST_DIFFERENT = 5
_MOST_WORDS = 2
_SHORTEST_RUN, _LONGEST_WORD = 3, 40
_LOOKALIKES = str.maketrans("013457@$!", "oieastasi")
_RUNS = (
    *("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiop", "azertyuiop"),
    # Walks up and down the rows of the keyboard.
    *("1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1qa2ws3ed4rf5tg6yh7uj8ik9ol", "qazwsxedcrfvtgbyhnujmikolp"),
    *("1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "zaq1xsw2cde3vfr4bgt5nhy6mju7", "1qazxsw23edcvfr45tgbnhy6"),
)


def normalized(password: str) -> str:
    """The password as it is hashed: one keyboard writes é as one sign, another as two (NIST SP 800-63B asks for NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_new_password(password: str, username: str, field: str) -> None:
    """Raises PasswordRefused, naming `field`, when the password is not good enough for that user."""
    password = normalized(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefused(field, f"takes {SHORTEST} to {LONGEST} characters", "PASSWORD_LENGTH")
    if is_guessable(password, username):
        raise PasswordRefused(
            field, "is a common password or built from one; a few unrelated words are good", "PASSWORD_GUESSABLE"
        )


def is_guessable(password: str, username: str) -> bool:
    """Whether the password is common, the username, or either of them dressed up with digits, signs and lookalikes."""
    plain = password.lower()
    if len(set(plain)) < _FEWEST_DIFFERENT or plain in _common() or _is_run(plain):
        return True
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    if not leaked_passwords().isdisjoint({plain, core, re.sub(r"[\W_]", "", plain), core.translate(_LOOKALIKES)}):
        return True
    forms = {plain, plain.translate(_LOOKALIKES), core.translate(_LOOKALIKES)}
    if any(_is_dressed_up(form, username.lower()) for form in forms):
        return True
    return _fewest_words(plain, username.lower()) <= _MOST_WORDS


def _is_dressed_up(text: str, username: str) -> bool:
    """Whether only a common word, or nothing, is left without the username and everything that is not a letter."""
    words = re.sub(r"[\W\d_]", "", text)
    name = re.sub(r"[\W\d_]", "", username)
    candidates = {words, words.replace(name, "") if name else words}
    return any(not rest or _single(rest) in _common() for rest in candidates)


def _single(text: str) -> str:
    """The part that the text repeats, or the text."""
    doubled = (text + text).find(text, 1)
    return text[:doubled]


def _fewest_words(text: str, username: str) -> float:
    """How few common words the text can be made of, with pieces that add nothing between; infinite when it cannot."""
    lookalike = text.translate(_LOOKALIKES)
    fewest = [0.0] + [math.inf] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(max(0, end - _LONGEST_WORD), end):
            if fewest[start] >= fewest[end]:
                continue
            cost = _cost(text[start:end], lookalike[start:end], username)
            fewest[end] = min(fewest[end], fewest[start] + cost)
    return fewest[-1]


def _cost(piece: str, lookalike: str, username: str) -> float:
    """0 for a piece that adds nothing (one digit or sign, a run, a repeat, the username), 1 for a word, else infinite."""
    if len(piece) == 1:
        return math.inf if piece.isalpha() else 0
    if piece == username or (len(piece) >= _SHORTEST_RUN and (len(set(piece)) == 1 or _is_run(piece))):
        return 0
    return 1 if piece in _common() or lookalike in _common() else math.inf


def _is_run(text: str) -> bool:
    """Whether neighbors of the alphabet or the keyboard make up the whole text."""
    return text in _joined_runs()


@cache
def _joined_runs() -> str:
    return "|".join(run * 3 + "|" + (run * 3)[::-1] for run in _RUNS)


@cache
def _common() -> frozenset[str]:
    text = resources.files("auth_svc.domain").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
