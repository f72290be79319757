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
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from build_tools.layout import DESCRIPTOR_SET, GENERATED, PROTOS, ROOT, THIRD_PARTY

DIGEST_FILE = GENERATED / "protos.sha256"
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


def ensure_generated() -> bool:
    """Brings gen/ up to date with protos/; True when it had to build. Raises ProtoError; many may call it at once."""
    digest = _digest()
    if _is_current(digest):
        return False
    GENERATED.mkdir(exist_ok=True)
    with _only_one_build():
        if _is_current(digest):
            return False
        _build(digest)
    return True


def _is_current(digest: str) -> bool:
    return DESCRIPTOR_SET.exists() and DIGEST_FILE.exists() and DIGEST_FILE.read_text() == digest


def _digest() -> str:
    """Changes with every proto, with the tools' versions and with this file."""
    summary = hashlib.sha256()
    for tool in TOOLS:
        summary.update(f"{tool}=={version(tool)}\n".encode())
    for path in [Path(__file__), *sorted(PROTOS.rglob("*.proto"))]:
        summary.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return summary.hexdigest()


@contextmanager
def _only_one_build() -> Iterator[None]:
    with (GENERATED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(digest: str) -> None:
    ours = sorted(str(path.relative_to(PROTOS)) for path in (PROTOS / "usav").rglob("*.proto"))
    with tempfile.TemporaryDirectory(prefix=".gen-", dir=ROOT) as folder:
        target = Path(folder)
        _compile(ours, target)
        _mark_packages(target)
        _move_into_place(target)
    DIGEST_FILE.write_text(digest)


def _compile(ours: list[str], target: Path) -> None:
    """Only files of ours and the validation rules become Python; those of Google have their modules and get types."""
    services = [name for name in ours if name.endswith("_service.proto")]
    _protoc([f"--python_out={target}", f"--mypy_out=readable_stubs:{target}", *ours, VALIDATION_PROTO])
    _protoc([f"--mypy_out=readable_stubs:{target}", *GOOGLE_PROTOS])
    if services:
        _protoc([f"--grpc_python_out={target}", f"--mypy_grpc_out=readable_stubs:{target}", *services])
    output = f"--descriptor_set_out={target / DESCRIPTOR_SET.name}"
    _protoc([output, "--include_imports", "--include_source_info", *ours, VALIDATION_PROTO, *GOOGLE_PROTOS])


def _protoc(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", *_include_paths(), *_plugins(), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProtoError(done.stderr.strip() or f"protoc ended with {done.returncode}")


def _include_paths() -> list[str]:
    tools = find_spec("grpc_tools")
    if tools is None or tools.origin is None:
        raise ProtoError("grpcio-tools is not installed; run `make setup`")
    return [f"-I{PROTOS}", f"-I{THIRD_PARTY}", f"-I{Path(tools.origin).parent / '_proto'}"]


def _plugins() -> list[str]:
    programs = Path(sys.executable).parent
    return [f"--plugin={programs / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]


def _mark_packages(target: Path) -> None:
    for package in (target / name for name in PACKAGES):
        (package / "py.typed").touch()
        for folder in (package, *(path for path in package.rglob("*") if path.is_dir())):
            (folder / "__init__.py").touch()


def _move_into_place(built: Path) -> None:
    """Replaces what differs, keeps what is the same (and its time stamp), removes stubs whose proto is gone."""
    names = {path.relative_to(built) for path in _files(built)}
    for name in names:
        new, present = built / name, GENERATED / name
        if not (present.exists() and present.read_bytes() == new.read_bytes()):
            present.parent.mkdir(parents=True, exist_ok=True)
            os.replace(new, present)
    for folder in (GENERATED / name for name in GENERATED_FOLDERS):
        for path in list(_files(folder)):
            if path.relative_to(GENERATED) not in names:
                path.unlink()
        _remove_empty_folders(folder)


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _remove_empty_folders(folder: Path) -> None:
    for child in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if child.name != "__pycache__" and not any(_files(child)):
            shutil.rmtree(child)


def main() -> int:
    """Builds gen/ when needed and says so; on a broken proto it prints where and changes nothing."""
    try:
        built = ensure_generated()
    except ProtoError as error:
        print(f"protos: not generated, gen/ is as it was before:\n{error}", file=sys.stderr)
        return 1
    if built:
        print(f"protos: generated {GENERATED.relative_to(ROOT)}/")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
