"""The browser's way back to hubctl: the right answer is taken, others are refused and waited on."""

from __future__ import annotations

import threading

import httpx2
import pytest

from hubctl.consent import Callback, ConsentFailed, read_answer


def test_callback_takes_the_answer_with_its_state_alone() -> None:
    callback = Callback(0)
    found: list[object] = []
    waiting = threading.Thread(target=lambda: found.append(callback.wait("right", 20)))
    waiting.start()
    with httpx2.Client(trust_env=False) as browser:
        for query in ("?state=wrong&code=evil", "", "?code=evil"):
            assert browser.get(f"{callback.redirect_uri}{query}").status_code == 404
        assert browser.get(callback.redirect_uri.replace("/callback", "/") + "?state=right&code=c").status_code == 404
        answer = browser.get(f"{callback.redirect_uri}?state=right&spapi_oauth_code=c&selling_partner_id=A3")
    waiting.join(timeout=20)
    assert answer.status_code == 200
    assert "right" not in answer.text
    (got,) = found
    assert (got.code, got.more) == ("c", {"selling_partner_id": "A3"})  # type: ignore[attr-defined]  # an Answer


def test_declined_consent_ends_the_wait() -> None:
    callback = Callback(0)
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            callback.wait("s", 20)
        except ConsentFailed as failure:
            errors.append(failure)

    waiting = threading.Thread(target=wait)
    waiting.start()
    with httpx2.Client(trust_env=False) as browser:
        browser.get(f"{callback.redirect_uri}?state=s&error=access_denied&error_description=No+thanks")
    waiting.join(timeout=20)
    assert [str(error) for error in errors] == ["No thanks"]


@pytest.mark.parametrize("address", ["https://x.test/?state=other&code=c", "https://x.test/?state=s", "rubbish", ""])
def test_pasted_address_of_something_else_is_refused(address: str) -> None:
    with pytest.raises(ConsentFailed):
        read_answer(address, "s")


def test_pasted_address_is_read() -> None:
    assert read_answer(" https://x.test/done?code=c&state=s&expires_in=299 ", "s").code == "c"
