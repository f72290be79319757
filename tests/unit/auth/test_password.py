"""Which passwords are taken and which are refused."""

from __future__ import annotations

import time

import pytest

from auth_svc.domain.errors import PasswordRefused
from auth_svc.domain.password import check_new_password, is_guessable, normalized


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2026!",
        "P@ssw0rd!!!!",
        "passwordpassword",
        "qwertyuiop12",
        "123456789012",
        "abcdefghijkl",
        "lkjihgfedcba",
        "aaaaaaaaaaaa",
        "121212121212",
        "maria-maria-2026",
        "Maria1234567",
        "Welcome20262026",
        "letmein!!!letmein",
        "usavhub12345",
        "correcthorsebatterystaple",
        "!!!!2026!!!!",
        "summerwinter24",
        "Dr4gon-M0nkey-7",
        "ilovechocolate!",
        "qwerty-asdfgh-1",
        "Jessica12031994",
        "maria+football+99",
        "bosespeaker2026",
        "abcdef123456abcdef",
        "1q2w3e4r5t6y7u",
        "1qaz2wsx3edc4rfv",
        "chickenwing101",
        "final-fantasy",
        "99counterstrike!!",
        "willkommenhallo1",
    ],
)
def test_a_common_password_or_one_built_from_it_is_refused(password: str) -> None:
    with pytest.raises(PasswordRefused) as caught:
        check_new_password(password, "maria", "user.password")
    assert caught.value.reason == "PASSWORD_GUESSABLE"
    assert caught.value.violations[0].field == "user.password"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "seven green bottles",
        "dragon monkey summer horse",
        "x7#kQz!mP2vL",
        "dragon4tk9monkey",
        "maria likes old radios",
        "Zürich-Öl-Schrank",
        "鍵盤と椅子の上の猫は静か",
    ],
)
def test_a_password_of_unrelated_words_or_random_signs_is_taken(password: str) -> None:
    check_new_password(password, "maria", "user.password")


@pytest.mark.parametrize("password", ["", "short", "elevenchars", "x" * 257])
def test_a_password_of_wrong_length_is_refused_with_its_own_reason(password: str) -> None:
    with pytest.raises(PasswordRefused) as caught:
        check_new_password(password, "maria", "new_password")
    assert caught.value.reason == "PASSWORD_LENGTH"


def test_a_username_of_signs_only_does_not_make_every_password_guessable() -> None:
    assert not is_guessable("seven green bottles", "___")


def test_the_longest_password_is_judged_in_no_time() -> None:
    began = time.monotonic()
    for password in ("a1" * 128, "summer" * 42, "x7#kQz!mP2vL9r" * 18, "1" * 256):
        is_guessable(password, "maria")
    assert time.monotonic() - began < 0.5


def test_a_password_is_judged_and_hashed_in_normal_form() -> None:
    assert normalized("e\u0301cole") == normalized("\u00e9cole")
    with pytest.raises(PasswordRefused):
        check_new_password("\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff441234", "maria", "password")
