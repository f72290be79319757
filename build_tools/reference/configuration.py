"""docs/configuration.md: every setting of every process, from the classes that read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from build_tools.layout import SERVICE_PACKAGES
from chassis.settings import ServiceSettings, is_required

_UNITS = {"_DAYS": 86_400, "_MINUTES": 60, "_SECONDS": 1}
_OPENING = """# Configuration

Written by `make reference` from the settings classes; do not edit. Settings are environment variables, or lines of an
`.env`: beside the code for `make run`, in the working folder for a service that is started by itself. The environment
wins over the file, and an empty value counts as not set. A value that is not right ends the start with exit code 2
and a message that names the variable and says what it takes; the value of a secret is never shown. A secret may stand
in a file instead, which the variable with `_FILE` after its name points to.

`make run` finds most of this out by itself: of what follows, what stands under *The whole hub on one machine* is all
it asks for. Everything else that begins with `HUB_` is handed on to the processes behind it.
"""

# Package or module, its settings class, the heading, and what to say first.
_SECTIONS: Sequence[tuple[str, str, str, str]] = (
    ("deploy.local.settings", "HubSettings", "The whole hub on one machine", "`make run`, see [running](running.md)."),
    (
        "chassis.settings",
        "ServiceSettings",
        "Every service",
        "`python -m auth_svc`, `catalog_svc`, `inventory_svc`, `sync_svc`. Replicas of a service differ in their ports only.",
    ),
    *((f"{name}.settings", f"{name.removesuffix('_svc').capitalize()}Settings", name, "") for name in SERVICE_PACKAGES),
    (
        "deploy.gateway.environment",
        "GatewayEnvironment",
        "The gateway, where it runs by itself",
        "`python -m deploy.gateway` prints Envoy's configuration, see [the gateway](gateway.md).",
    ),
    ("deploy.gateway.environment", "EdgeEnvironment", "The gateway, everywhere", ""),
    (
        "deploy.backup.settings",
        "BackupSettings",
        "Backups",
        "`hubctl backup` and its scheduler, see [backups](backup.md).",
    ),
    (
        "deploy.containers.secrets",
        "SecretSettings",
        "The secrets of a hub in containers",
        "Read by the one-shot service `secrets`, see [deploying](deploy.md).",
    ),
    ("sandbox.settings", "SandboxSettings", "The sandbox of the marketplaces", "See [the sandbox](sandbox.md)."),
)


def classes() -> dict[str, type[Any]]:
    """Every settings class, by its heading."""
    return {heading: getattr(import_module(module), name) for module, name, heading, _ in _SECTIONS}


def fields_of(cls: type[Any]) -> list[dataclasses.Field[Any]]:
    """The settings of a class in their order."""
    return [item for item in dataclasses.fields(cls) if "variable" in item.metadata]


def page() -> str:
    """The whole text."""
    parts = [_OPENING]
    common = {item.metadata["variable"] for item in fields_of(ServiceSettings)}
    for (_, _, heading, about), cls in zip(_SECTIONS, classes().values(), strict=True):
        shown = fields_of(cls)
        if issubclass(cls, ServiceSettings) and cls is not ServiceSettings:
            shown = [item for item in shown if item.metadata["variable"] not in common]
        parts.append(_section(heading, about, shown, get_type_hints(cls)))
    return "".join(parts)


def _section(heading: str, about: str, shown: Sequence[dataclasses.Field[Any]], hints: Mapping[str, Any]) -> str:
    text = f"\n## {heading}\n" + (f"\n{about}\n" if about else "")
    if not shown:
        return text + "\nNone of its own beyond those of every service.\n"
    rows = "".join(_row(item) for item in shown)
    return f"{text}\n| Variable | Default | |\n|---|---|---|\n{rows}"


def _row(item: dataclasses.Field[Any]) -> str:
    told = item.metadata
    secret = " *Secret.*" if told["secret"] else ""
    return f"| `{told['variable']}` | {_shown(item)} | {told['help']}{secret} |\n"


def _shown(item: dataclasses.Field[Any]) -> str:
    default = item.metadata["default"]
    if is_required(item):
        return "**required**"
    if default in ("", (), b"", None):
        return ""
    if isinstance(default, timedelta):
        unit = next(seconds for word, seconds in _UNITS.items() if word in item.metadata["variable"])
        return f"`{default.total_seconds() / unit:g}`"
    return f"`{_text(default)}`"


def _text(value: Any) -> str:
    """A default as one would write it into the environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(map(_one, value))
    return value.as_posix() if isinstance(value, Path) else str(value)


def _one(value: Any) -> str:
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return ":".join(map(str, value)) if isinstance(value, tuple) else str(value)
