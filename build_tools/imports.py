"""Which part of the code may import which, and the search for imports that point the wrong way.

Inside a service the layers stand one on another; each imports itself and what is below. Between packages a table says who may
know whom. Imports for type checking count like any other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from build_tools.layout import ROOT, SERVICE_PACKAGES

# From the bottom up. What is not named here (a worker, a planner) stands with the operations.
LAYERS = (
    {"domain", "settings"},
    {"channels"},  # of sync: the words of the platforms, which storage keeps
    {"storage"},
    {"migrations"},
    {"operations", "queries"},
    {"convert"},
    {"servicer", "servicers"},
    {"bootstrap"},
    {"__main__"},
)
_RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}
_OPERATIONS_RANK = _RANKS["operations"]

# Who of ours may know whom; every package knows itself. "usav" are the stubs of all services.
KNOWS: dict[str, set[str]] = {
    "chassis": {"usav.options", "usav.hub", "usav.auth"},
    **{service: {"chassis", "usav"} for service in SERVICE_PACKAGES},
    "sandbox": {"chassis"},
    "hubctl": {"chassis", "usav", "deploy"},
    "build_tools": {"chassis", "usav", "deploy"},
    "deploy": {"chassis", "usav", "build_tools"},
    "bench": {"chassis", "usav", "build_tools", "deploy", "hubctl", "sandbox", *SERVICE_PACKAGES},
}

# The wire belongs to the layers above.
_WIRE = {"usav", "grpc", "grpc_status"}
_BANNED = {"storage": _WIRE, "migrations": _WIRE, "operations": _WIRE, "queries": _WIRE}


@dataclass(frozen=True)
class Import:
    """One import: the module that has it, the line, and the module it asks for."""

    importer: str
    line: int
    imported: str

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def wrong_imports(root: Path = ROOT) -> list[str]:
    """Every import of our packages that points the wrong way, with the reason."""
    found = []
    for package in KNOWS:
        for one in imports_of(root, package):
            reason = objection(one)
            if reason:
                found.append(f"{one}: {reason}")
    return found


def objection(one: Import) -> str:
    """Why an import may not be; empty when it may."""
    package, *inner = one.importer.split(".")
    imported_package = one.imported.split(".")[0]
    if inner and package in SERVICE_PACKAGES:
        reason = _objection_of_layer(inner[0], package, one.imported)
        if reason:
            return reason
    if imported_package in (package, "tests") or imported_package not in {*KNOWS, "usav"}:
        return "tests are known to nobody" if imported_package == "tests" else ""
    # The bare package of the stubs holds nothing, so naming it is no knowledge.
    if one.imported == "usav" or any(_within(one.imported, known) for known in KNOWS[package]):
        return ""
    return f"{package} may know only {', '.join(sorted(KNOWS[package]))} of ours"


def imports_of(root: Path, package: str) -> Iterator[Import]:
    """Every import in the Python files of a package."""
    for file in sorted((root / package).rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        importer = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        scope = parts[:-1]
        for node in ast.walk(ast.parse(file.read_text(), str(file))):
            for name in _names(root, node, scope):
                yield Import(importer, getattr(node, "lineno", 0), name)


def _names(root: Path, node: ast.AST, scope: tuple[str, ...]) -> list[str]:
    """The modules that one statement asks for; `from a import b` asks for a.b where that is a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    above = scope[: len(scope) - node.level + 1] if node.level else ()
    source = ".".join((*above, *(node.module or "").split("."))).strip(".")
    return list(dict.fromkeys(_module(root, source, alias.name) for alias in node.names))


def _module(root: Path, source: str, name: str) -> str:
    inner = root.joinpath(*source.split("."), name)
    is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
    return f"{source}.{name}" if is_module else source


def _objection_of_layer(layer: str, package: str, imported: str) -> str:
    imported_package, _, rest = imported.partition(".")
    if layer == "domain":
        return _objection_of_domain(package, imported)
    if imported_package in _BANNED.get(layer, ()):
        return f"{layer} knows nothing of the wire"
    if imported_package != package or not rest:
        return ""
    other = rest.split(".")[0]
    if _rank(other) > _rank(layer):
        return f"{layer} stands below {other}"
    if layer.startswith("servicer") and other == "storage":
        return "a servicer asks operations and queries, not storage"
    return "convert is pure" if (layer, other) == ("convert", "storage") else ""


def _objection_of_domain(package: str, imported: str) -> str:
    top = imported.split(".")[0]
    if top in sys.stdlib_module_names or _within(imported, f"{package}.domain") or imported == "chassis.errors":
        return ""
    return "the domain knows the standard library, itself and chassis.errors"


def _rank(layer: str) -> int:
    return _RANKS.get(layer, _OPERATIONS_RANK)


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
