"""Which passwords are refused: short ones, and those that a list of common passwords and a few turns of it would find."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from auth_svc.domain.errors import PasswordRefused

SHORTEST, LONGEST = 12, 256
_FEWEST_DIFFERENT = 5
_LOOKALIKES = str.maketrans("013457@$!", "oieastasi")
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiop", "azertyuiop")


def check_new_password(password: str, username: str, field: str) -> None:
    """Raises PasswordRefused, naming `field`, when the password is not good enough for that user."""
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
    forms = {plain, plain.translate(_LOOKALIKES), core.translate(_LOOKALIKES)}
    return any(_is_dressed_up(form, username.lower()) for form in forms)


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


def _is_run(text: str) -> bool:
    """Whether neighbors of the alphabet or the keyboard make up the whole text."""
    joined = "|".join(run * 3 + "|" + (run * 3)[::-1] for run in _RUNS)
    return text in joined


@cache
def _common() -> frozenset[str]:
    text = resources.files("auth_svc.domain").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
