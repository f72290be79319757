"""Who is signed in where: one small 0600 file, so that one signs in once.

The address comes from --url, HUB_URL, the hub of a HUB_STATE_DIR that is set, the session, or the hub of this folder, in this
order.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chassis.settings import read_dotenv

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass
class Session:
    """The tokens of one sign-in. Times are seconds since 1970."""

    url: str = ""
    username: str = ""
    access_token: str = ""
    refresh_token: str = ""
    expires_at: float = 0.0


def session_file() -> Path:
    """Where the session is kept: HUBCTL_SESSION, or the user's configuration folder."""
    named = os.environ.get("HUBCTL_SESSION")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "usav-hub" / "session.json"


def load_session() -> Session:
    """The kept session, or an empty one."""
    try:
        return Session(**json.loads(session_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Session()


def save_session(session: Session) -> None:
    """Keeps the session readable for its owner alone; written beside and renamed, so that it is never half there."""
    path = session_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(session), file)
    beside.replace(path)


def forget_session() -> None:
    """Removes the kept session. Safe to repeat."""
    session_file().unlink(missing_ok=True)


def state_dir() -> Path:
    """The folder of the hub that `make run` starts: HUB_STATE_DIR as the runner reads it, wherever hubctl is called from."""
    named = {**read_dotenv(ROOT / ".env"), **os.environ}.get("HUB_STATE_DIR") or ".state"
    path = Path(named).expanduser()
    return path.resolve() if path.is_absolute() or path.exists() else ROOT / path


def local_hub() -> dict[str, object]:
    """What a running local hub says of itself, or nothing."""
    try:
        found = json.loads((state_dir() / "hub.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def resolve_url(given: str | None, session: Session) -> str:
    """The gateway's address, as the head of this module tells."""
    local = str(local_hub().get("gateway_url") or "")
    meant = local if os.environ.get("HUB_STATE_DIR") else ""
    address = given or os.environ.get("HUB_URL") or meant or session.url or local or DEFAULT_URL
    return (address if "://" in address else f"http://{address}").rstrip("/")


def target_of(url: str) -> tuple[str, bool]:
    """host:port for gRPC, and whether it speaks TLS."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if secure else 80)}", secure
