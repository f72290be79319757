"""Generates gen/ (stubs, their types, the descriptor set) from protos/, only when something it depends on has changed.

A build happens beside gen/ and its files are then renamed into place one by one: a failed build leaves gen/ as it was,
and a running process never finds a file missing. Two builds at once wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from build_tools.layout import DESCRIPTOR_SET, GENERATED, PROTOS, ROOT, THIRD_PARTY

TOOLS = ("grpcio-tools", "mypy-protobuf", "protobuf")

# Their Python modules come from googleapis-common-protos, whose wheel has no types for them: those are generated. The list
# also brings them into the descriptor set, imported or not: the gateway drops error details whose type it does not know.
GOOGLE_PROTOS = (
    "google/api/annotations.proto",
    "google/api/field_behavior.proto",
    "google/api/http.proto",
    "google/api/httpbody.proto",
    "google/rpc/code.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
    "google/type/money.proto",
)
# No wheel holds the module of this one, so it is generated beside ours.
VALIDATION_PROTO = "buf/validate/validate.proto"

# The folders of gen/ that are filled here. google/ holds types only and so is no package of its own at run time.
PACKAGES = ("usav", "buf")
GENERATED_FOLDERS = (*PACKAGES, "google")


class ProtoError(Exception):
    """A proto could not be compiled; the text says which one and where."""


@dataclass(frozen=True)
class Checkout:
    """Where one checkout of the repository has its protos and what is made of them."""

    root: Path = ROOT

    @property
    def protos(self) -> Path:
        return self.root / PROTOS.relative_to(ROOT)

    @property
    def third_party(self) -> Path:
        return self.root / THIRD_PARTY.relative_to(ROOT)

    @property
    def generated(self) -> Path:
        return self.root / GENERATED.relative_to(ROOT)

    @property
    def descriptor_set(self) -> Path:
        return self.root / DESCRIPTOR_SET.relative_to(ROOT)

    @property
    def digest_file(self) -> Path:
        return self.generated / "protos.sha256"


def ensure_generated(root: Path = ROOT) -> bool:
    """Brings gen/ up to date with protos/; True when it had to build. Raises ProtoError; many may call it at once."""
    checkout = Checkout(root)
    digest = _digest(checkout)
    if _is_current(checkout, digest):
        return False
    checkout.generated.mkdir(exist_ok=True)
    with _only_one_build(checkout):
        if _is_current(checkout, digest):
            return False
        _build(checkout, digest)
    return True


def _is_current(checkout: Checkout, digest: str) -> bool:
    stored = checkout.digest_file
    return checkout.descriptor_set.exists() and stored.exists() and stored.read_text() == digest


def _digest(checkout: Checkout) -> str:
    """Changes with every proto, with the tools' versions and with this file."""
    summary = hashlib.sha256(Path(__file__).read_bytes())
    for tool in TOOLS:
        summary.update(f"{tool}=={version(tool)}\n".encode())
    for path in sorted(checkout.protos.rglob("*.proto")):
        summary.update(str(path.relative_to(checkout.root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return summary.hexdigest()


@contextmanager
def _only_one_build(checkout: Checkout) -> Iterator[None]:
    with (checkout.generated / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(checkout: Checkout, digest: str) -> None:
    with tempfile.TemporaryDirectory(prefix=".gen-", dir=checkout.root) as folder:
        built = Path(folder)
        _compile(checkout, built)
        _mark_packages(built)
        _move_into_place(built, checkout.generated)
    checkout.digest_file.write_text(digest)


def _compile(checkout: Checkout, target: Path) -> None:
    """Only files of ours and the validation rules become Python; those of Google have their modules and get types."""
    ours = sorted(str(path.relative_to(checkout.protos)) for path in (checkout.protos / "usav").rglob("*.proto"))
    services = [name for name in ours if name.endswith("_service.proto")]
    everything = [*ours, VALIDATION_PROTO, *GOOGLE_PROTOS]
    descriptor_set = target / checkout.descriptor_set.name
    _protoc(checkout, f"--python_out={target}", f"--mypy_out=readable_stubs:{target}", *ours, VALIDATION_PROTO)
    _protoc(checkout, f"--mypy_out=readable_stubs:{target}", *GOOGLE_PROTOS)
    if services:
        _protoc(checkout, f"--grpc_python_out={target}", f"--mypy_grpc_out=readable_stubs:{target}", *services)
    _protoc(
        checkout, f"--descriptor_set_out={descriptor_set}", "--include_imports", "--include_source_info", *everything
    )


def _protoc(checkout: Checkout, *arguments: str) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", *_include_paths(checkout), *_plugins(), *arguments]
    done = subprocess.run(command, cwd=checkout.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProtoError(done.stderr.strip() or f"protoc ended with {done.returncode}")


def _include_paths(checkout: Checkout) -> list[str]:
    tools = find_spec("grpc_tools")
    if tools is None or tools.origin is None:
        raise ProtoError("grpcio-tools is not installed; run `make setup`")
    return [f"-I{checkout.protos}", f"-I{checkout.third_party}", f"-I{Path(tools.origin).parent / '_proto'}"]


def _plugins() -> list[str]:
    programs = Path(sys.executable).parent
    return [f"--plugin={programs / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]


def _mark_packages(built: Path) -> None:
    for package in (built / name for name in PACKAGES):
        package.mkdir(exist_ok=True)
        (package / "py.typed").touch()
        for folder in (package, *(path for path in package.rglob("*") if path.is_dir())):
            (folder / "__init__.py").touch()


def _move_into_place(built: Path, generated: Path) -> None:
    """Replaces what differs, keeps what is the same (and its time stamp), removes stubs whose proto is gone."""
    names = {path.relative_to(built) for path in _files(built)}
    for name in names:
        new, present = built / name, generated / name
        if not (present.exists() and present.read_bytes() == new.read_bytes()):
            present.parent.mkdir(parents=True, exist_ok=True)
            os.replace(new, present)
    for folder in (generated / name for name in GENERATED_FOLDERS):
        for path in list(_files(folder)):
            if path.relative_to(generated) not in names:
                path.unlink()
        _remove_empty_folders(folder)


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _remove_empty_folders(folder: Path) -> None:
    for child in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if child.name != "__pycache__" and not any(_files(child)):
            shutil.rmtree(child)


def main(root: Path = ROOT) -> int:
    """Builds gen/ when needed and says so; on a broken proto it prints where and changes nothing."""
    try:
        built = ensure_generated(root)
    except ProtoError as error:
        print(f"protos: not generated, gen/ is as it was before:\n{error}", file=sys.stderr)
        return 1
    if built:
        print("protos: generated gen/")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
