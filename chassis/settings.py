"""Settings from the environment (and an optional `.env`) into one frozen dataclass, checked once at start.

A missing or malformed value stops the process with a message that names the variable and says what it takes.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from chassis.setting_values import (
    PoolMode,
    parse_bool,
    parse_database,
    parse_file,
    parse_host,
    parse_key,
    parse_level,
    parse_one_target,
    parse_path,
    parse_percent,
    parse_pool_mode,
    parse_port,
    parse_secret,
    parse_target,
    parse_word,
    seconds,
    whole,
)

T = TypeVar("T")
_REQUIRED: Any = object()


class SettingsError(Exception):
    """A setting is missing or malformed; the text names the variable."""


def setting(
    variable: str,
    default: Any = _REQUIRED,
    help: str = "",
    *,
    parse: Callable[[str], Any] | None = None,
    secret: bool = False,
) -> Any:
    """Declares a dataclass field read from `variable`; without a default it is required."""
    metadata = {"variable": variable, "help": help, "parse": parse, "secret": secret, "default": default}
    if default is _REQUIRED:
        return field(metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


def is_required(item: dataclasses.Field[Any]) -> bool:
    """Whether a field declared with `setting` has no default."""
    return item.metadata["default"] is _REQUIRED


def load(cls: type[T], environ: Mapping[str, str] | None = None, dotenv: Path | None = None) -> T:
    """Builds `cls` from the environment; values of `dotenv` stand behind those of the environment.

    A secret may stand in a file that NAME_FILE names, as containers are given theirs. Raises SettingsError.
    """
    source = {**(read_dotenv(dotenv) if dotenv else {}), **(os.environ if environ is None else environ)}
    source |= _from_files(cls, source)
    hints = get_type_hints(cls)
    values = {}
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]  # T is a dataclass by contract
        variable = item.metadata.get("variable")
        if variable is not None:
            values[item.name] = _value(item.metadata, hints[item.name], source)
    return cls(**values)


def _from_files(cls: type[Any], source: Mapping[str, str]) -> dict[str, str]:
    declared = [item.metadata for item in dataclasses.fields(cls) if "variable" in item.metadata]
    taken = {metadata["variable"] for metadata in declared}
    secrets = (metadata["variable"] for metadata in declared if metadata["secret"])
    # A setting that is itself called NAME_FILE says what its file holds.
    return secret_files(source, [name for name in secrets if f"{name}_FILE" not in taken])


def secret_files(source: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Those of the named secrets that are not set themselves while their NAME_FILE is. Raises SettingsError."""
    files = {name: source.get(f"{name}_FILE") for name in names if not source.get(name)}
    return {name: read_secret(f"{name}_FILE", path) for name, path in files.items() if path}


def read_secret(variable: str, path: str) -> str:
    """The content of a file that `variable` names, without its line end. Raises SettingsError."""
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}: {path} cannot be read ({getattr(error, 'strerror', 'not text')})") from None
    if not secret:
        raise SettingsError(f"{variable}: {path} is empty")
    return secret


def read_dotenv(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a file; comments, blank lines, `export` and simple quotes are understood."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, separator, value = text.partition("=")
        if not separator or not name.strip().isidentifier():
            raise SettingsError(f"{path}:{number}: expected NAME=value")
        found[name.strip()] = _unquote(value.strip())
    return found


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def _value(metadata: Mapping[str, Any], hint: Any, source: Mapping[str, str]) -> Any:
    variable = metadata["variable"]
    raw = source.get(variable)
    if raw is None or raw == "":
        if metadata["default"] is _REQUIRED:
            raise SettingsError(f"{variable} is not set: {metadata['help'] or 'it is required'}")
        return metadata["default"]
    parse = metadata["parse"] or _PARSERS.get(hint, str)
    try:
        return parse(raw)
    except ValueError as error:
        shown = "its value" if metadata["secret"] else repr(raw)
        raise SettingsError(f"{variable}: {shown} is not right ({error}). {metadata['help']}") from None


_PARSERS: dict[Any, Callable[[str], Any]] = {int: int, float: float, bool: parse_bool, Path: parse_path, str: str}


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What every service needs; a service's own settings extend it."""

    bind: str = setting("HUB_BIND", "127.0.0.1", "The address to listen on.", parse=parse_host)
    port: int = setting("HUB_PORT", 0, "The gRPC port; 0 takes a free one.", parse=parse_port)
    metrics_port: int = setting("HUB_METRICS_PORT", 0, "Prometheus metrics; 0 is off.", parse=parse_port)
    gauge_seconds: float = setting(
        "HUB_GAUGE_SECONDS",
        15.0,
        "How often the metrics that are read from the database are read.",
        parse=seconds(0.1, 3600),
    )
    database_url: str = setting(
        "HUB_DATABASE_URL", help="The service's own role, postgresql://...", parse=parse_database, secret=True
    )
    pool_mode: PoolMode = setting(
        "HUB_DATABASE_POOL_MODE",
        PoolMode.SESSION,
        "transaction, where the database's address leads to a PgBouncer in that mode; else session.",
        parse=parse_pool_mode,
    )
    database_direct_url: str = setting(
        "HUB_DATABASE_DIRECT_URL",
        "",
        "The database itself, past such a PgBouncer, to hear of other replicas' changes at once; else they are polled for.",
        parse=parse_database,
        secret=True,
    )
    database_replica_url: str = setting(
        "HUB_DATABASE_REPLICA_URL",
        "",
        "A standby of it, for reads that take long; answers are as fresh as without.",
        parse=parse_database,
        secret=True,
    )
    pool_size: int = setting("HUB_POOL_SIZE", 10, "Connections of the hot pool.", parse=whole(1, 1000))
    auth_address: str = setting("HUB_AUTH_ADDRESS", "127.0.0.1:50051", "host:port of auth_svc.", parse=parse_target)
    catalog_address: str = setting(
        "HUB_CATALOG_ADDRESS", "127.0.0.1:50052", "host:port of catalog_svc.", parse=parse_target
    )
    inventory_address: str = setting(
        "HUB_INVENTORY_ADDRESS", "127.0.0.1:50053", "host:port of inventory_svc.", parse=parse_target
    )
    sync_address: str = setting("HUB_SYNC_ADDRESS", "127.0.0.1:50054", "host:port of sync_svc.", parse=parse_target)
    client_id: str = setting("HUB_CLIENT_ID", "", "The service account this service signs in with.", parse=parse_word)
    client_secret: str = setting("HUB_CLIENT_SECRET", "", "Its secret.", parse=parse_secret, secret=True)
    seal_key: str = setting(
        "HUB_SEAL_KEY", help="Seals page and watch tokens; the same on all replicas.", parse=parse_key, secret=True
    )
    mtls_ca: str = setting(
        "HUB_MTLS_CA", "", "The authority whose certificates services trust; empty is no TLS.", parse=parse_file
    )
    mtls_cert: str = setting("HUB_MTLS_CERT", "", "The service's own certificate.", parse=parse_file)
    mtls_key: str = setting("HUB_MTLS_KEY", "", "The certificate's key.", parse=parse_file)
    token_issuer: str = setting("HUB_TOKEN_ISSUER", "usav-hub", "iss of access tokens.", parse=parse_word)
    token_audience: str = setting("HUB_TOKEN_AUDIENCE", "usav-hub", "aud of access tokens.", parse=parse_word)
    log_level: str = setting("HUB_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR.", parse=parse_level)
    drain_seconds: float = setting(
        "HUB_DRAIN_SECONDS",
        1.5,
        "Seconds of NOT_SERVING before the server stops; up to three times as many until balancers know and no calls come.",
        parse=seconds(0, 600),
    )
    max_calls: int = setting(
        "HUB_MAX_CALLS", 2000, "Calls under way at once before RESOURCE_EXHAUSTED.", parse=whole(1, 1_000_000)
    )
    otlp_endpoint: str = setting(
        "HUB_OTLP_ENDPOINT",
        "",
        "host:port of an OTLP collector (gRPC) for traces; empty is off.",
        parse=parse_one_target,
    )
    trace_percent: float = setting(
        "HUB_TRACE_PERCENT", 100.0, "How many of the traces that begin here are recorded.", parse=parse_percent
    )

    def __post_init__(self) -> None:
        if self.client_id and not self.client_secret:
            raise SettingsError("HUB_CLIENT_SECRET is not set: HUB_CLIENT_ID signs in with it")
