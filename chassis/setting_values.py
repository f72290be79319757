"""What the values of settings look like: a parser per kind, each with a ValueError that says what it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_HOST = re.compile(r"[A-Za-z0-9_.:\-]+|\[[0-9A-Fa-f:.%]+\]")


def parse_bool(raw: str) -> bool:
    """true/false, yes/no, on/off, 1/0. Raises ValueError."""
    text = raw.strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ValueError("takes true or false")


def parse_port(raw: str) -> int:
    """A TCP port, 0 to 65535. Raises ValueError."""
    port = int(raw)
    if not 0 <= port <= 65535:
        raise ValueError("a port lies between 0 and 65535")
    return port


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds, both included."""

    def parse(raw: str) -> int:
        number = int(raw)
        if not least <= number <= most:
            raise ValueError(f"takes a whole number from {least} to {most}")
        return number

    return parse


def seconds(least: float, most: float) -> Callable[[str], float]:
    """Seconds within bounds, both included; fractions are allowed."""

    def parse(raw: str) -> float:
        number = float(raw)
        if not least <= number <= most:  # nan is no number of seconds either
            raise ValueError(f"takes seconds from {least:g} to {most:g}")
        return number

    return parse


def parse_percent(raw: str) -> float:
    """0 to 100. Raises ValueError."""
    number = float(raw)
    if not 0 <= number <= 100:
        raise ValueError("takes a percentage from 0 to 100")
    return number


def parse_level(raw: str) -> str:
    """A log level. Raises ValueError."""
    level = raw.strip().upper()
    if level not in LEVELS:
        raise ValueError("takes DEBUG, INFO, WARNING or ERROR")
    return level


def parse_host(raw: str) -> str:
    """A host name or address without a port. Raises ValueError."""
    if not _HOST.fullmatch(raw):
        raise ValueError("takes a host name or an address, as 127.0.0.1")
    return raw


def parse_hosts(raw: str) -> tuple[tuple[str, int], ...]:
    """`host:port`, several separated by commas. Raises ValueError."""
    pairs = [part.strip().rpartition(":") for part in raw.removeprefix("ipv4:").split(",")]
    if not all(host and port.isdigit() and _HOST.fullmatch(host) for host, _, port in pairs):
        raise ValueError("takes host:port, several separated by commas")
    return tuple((host, parse_port(port)) for host, _, port in pairs)


def parse_target(raw: str) -> str:
    """`host:port` as it is: a name, which may stand for all replicas, or several addresses. Raises ValueError."""
    hosts = parse_hosts(raw)
    if len(hosts) > 1 and not all(is_address(host) for host, _ in hosts):
        raise ValueError("takes one host:port whose name stands for all replicas, or addresses separated by commas")
    return raw


def is_address(host: str) -> bool:
    """Whether it is an address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def parse_one_target(raw: str) -> str:
    """One `host:port`. Raises ValueError."""
    if len(parse_hosts(raw)) != 1 or "," in raw:
        raise ValueError("takes host:port")
    return raw


def parse_word(raw: str) -> str:
    """A name without spaces. Raises ValueError."""
    if not re.fullmatch(r"[\x21-\x7e]+", raw):
        raise ValueError("takes printable characters without spaces")
    return raw


def parse_secret(raw: str) -> str:
    """Any text a person could type. Raises ValueError."""
    if not raw.isprintable():
        raise ValueError("takes printable characters")
    return raw


def parse_key(raw: str) -> str:
    """A secret long enough that nobody guesses it. Raises ValueError."""
    if len(parse_secret(raw)) < 16:
        raise ValueError("takes 16 characters or more")
    return raw


def parse_path(raw: str) -> Path:
    """A file or folder; nothing is looked up. Raises ValueError."""
    if not raw.isprintable():
        raise ValueError("takes a path of printable characters")
    return Path(raw)


def parse_file(raw: str) -> str:
    """The path of a file as text; whoever reads it says when it is not there. Raises ValueError."""
    return str(parse_path(raw))


def parse_url(raw: str) -> str:
    """An http or https address. Raises ValueError."""
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not raw.isprintable() or " " in raw:
        raise ValueError("takes an address such as https://hub.example")
    return raw.rstrip("/")


def parse_database(raw: str) -> str:
    """A Postgres address with a user. Raises ValueError."""
    if not raw.startswith(("postgresql://", "postgres://")) or "@" not in raw or not raw.isprintable():
        raise ValueError("takes postgresql://user:password@host:port/database")
    return raw


class PoolMode(StrEnum):
    """What a pooler in front of the database lends a connection: a server session for good, or one per transaction."""

    SESSION = "session"
    TRANSACTION = "transaction"


def parse_pool_mode(raw: str) -> PoolMode:
    """session or transaction. Raises ValueError."""
    try:
        return PoolMode(raw.strip().lower())
    except ValueError:
        raise ValueError("takes session or transaction") from None


def parse_names(raw: str) -> tuple[str, ...]:
    """Words separated by commas. Raises ValueError."""
    return tuple(parse_word(part.strip()) for part in raw.split(",") if part.strip())


def parse_origins(raw: str) -> tuple[str, ...]:
    """Origins of web pages separated by commas, or `*`. Raises ValueError."""
    origins = tuple(part.strip().rstrip("/") for part in raw.split(",") if part.strip())
    for origin in origins:
        if origin != "*" and not origin.startswith(("http://", "https://")):
            raise ValueError("takes origins such as https://shop.example, separated by commas, or *")
    return origins
