"""What Postgres stores of a password is told from what it stores of another."""

from __future__ import annotations

import pytest

from deploy.local.scram import is_secret_of

# The example of RFC 7677: user "user", password "pencil", salt and iterations as given there; the keys follow from its proof.
STORED = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_a_secret_is_its_passwords_and_no_others() -> None:
    assert is_secret_of(STORED, "pencil")
    assert not is_secret_of(STORED, "Pencil")
    assert not is_secret_of(STORED.replace("4096", "4097"), "pencil")


@pytest.mark.parametrize("stored", ["", "md5deadbeef", "pencil", "SCRAM-SHA-256$4096:x"])
def test_what_is_no_scram_secret_is_nobodys(stored: str) -> None:
    assert not is_secret_of(stored, "pencil")
