"""Which passwords are taken and which are refused."""

from __future__ import annotations

import pytest

from auth_svc.domain.errors import PasswordRefused
from auth_svc.domain.password import check_new_password, is_guessable


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
        "x7#kQz!mP2vL",
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
