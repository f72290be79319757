"""Who is signed in where: a private file, and which hub is meant."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from hubctl import session
from hubctl.session import (
    DEFAULT_URL,
    ROOT,
    Session,
    forget_session,
    load_session,
    resolve_url,
    save_session,
    session_file,
    state_dir,
    target_of,
)

LOCAL = "http://127.0.0.1:8123"
SIGNED_IN = Session(url="http://shop.example:8000", username="bob", access_token="a", refresh_token="r", expires_at=1.5)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without sessions, hubs and settings."""
    for name in ("HUB_URL", "HUB_STATE_DIR", "HUBCTL_SESSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(session, "ROOT", tmp_path / "project")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_local_hub(folder: Path) -> None:
    """What a running hub leaves in its state folder."""
    folder.mkdir(parents=True)
    (folder / "hub.json").write_text(json.dumps({"gateway_url": LOCAL, "admin_user": "admin"}))


def test_a_session_is_kept_for_its_owner_alone() -> None:
    save_session(SIGNED_IN)
    assert load_session() == SIGNED_IN
    assert stat.S_IMODE(session_file().stat().st_mode) == 0o600
    assert [path.name for path in session_file().parent.iterdir()] == ["session.json"]


def test_a_session_that_others_could_read_is_private_once_saved_again(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("HUBCTL_SESSION", str(home / "mine.json"))
    (home / "mine.json").write_text("{}")
    (home / "mine.json").chmod(0o644)
    save_session(SIGNED_IN)
    assert stat.S_IMODE((home / "mine.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', '{"unknown": 1}'])
def test_a_broken_session_counts_as_none(content: str) -> None:
    session_file().parent.mkdir(parents=True)
    session_file().write_text(content)
    assert load_session() == Session()


def test_a_session_is_forgotten_and_that_may_be_repeated() -> None:
    save_session(SIGNED_IN)
    forget_session()
    forget_session()
    assert load_session() == Session()


def test_the_address_given_counts_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_URL", "http://environment")
    assert resolve_url("http://given/", SIGNED_IN) == "http://given"
    assert resolve_url(None, SIGNED_IN) == "http://environment"


def test_an_address_may_leave_out_its_scheme() -> None:
    assert resolve_url("shop.example:8000", Session()) == "http://shop.example:8000"


def test_a_hub_of_this_folder_is_meant_by_who_is_not_signed_in(home: Path) -> None:
    make_local_hub(home / ".state")
    assert resolve_url(None, Session()) == LOCAL
    assert resolve_url(None, SIGNED_IN) == SIGNED_IN.url


def test_a_state_folder_that_is_named_counts_more_than_the_session(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    make_local_hub(home / "other")
    monkeypatch.setenv("HUB_STATE_DIR", str(home / "other"))
    assert resolve_url(None, SIGNED_IN) == LOCAL


def test_without_any_word_the_default_is_meant() -> None:
    assert resolve_url(None, Session()) == DEFAULT_URL


def test_the_state_folder_is_the_project_s_from_wherever_one_calls(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert state_dir() == home / "project" / ".state"
    monkeypatch.setenv("HUB_STATE_DIR", "other")
    assert state_dir() == home / "project" / "other"
    (home / "other").mkdir()
    assert state_dir() == home / "other"


def test_the_state_folder_of_the_project_s_settings_file_is_known(home: Path) -> None:
    (home / "project").mkdir()
    (home / "project" / ".env").write_text("HUB_STATE_DIR=/somewhere/else\n")
    assert state_dir() == Path("/somewhere/else")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8000", ("127.0.0.1:8000", False)),
        ("https://hub.example", ("hub.example:443", True)),
        ("http://hub.example", ("hub.example:80", False)),
        ("http://[::1]:8000", ("[::1]:8000", False)),
    ],
)
def test_an_address_becomes_a_target_for_grpc(url: str, target: tuple[str, bool]) -> None:
    assert target_of(url) == target


def test_the_project_is_where_hubctl_is() -> None:
    assert (ROOT / "hubctl" / "session.py").is_file()
