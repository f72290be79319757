"""Imports point one way: down the layers of a service, and from services to the chassis, never back or across."""

from __future__ import annotations

from pathlib import Path

import pytest

from build_tools.imports import KNOWS, imports_of, wrong_imports
from build_tools.layout import ROOT


def test_no_import_points_the_wrong_way() -> None:
    assert wrong_imports() == []


def test_imports_were_looked_at() -> None:
    assert all(list(imports_of(ROOT, package)) for package in KNOWS if (ROOT / package).is_dir())


def test_every_package_of_the_repository_has_its_place() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests"} <= set(KNOWS)


@pytest.mark.parametrize(
    ("file", "statement", "reason"),
    [
        ("auth_svc/domain/user.py", "import sqlalchemy", "the domain knows"),
        ("auth_svc/domain/user.py", "from chassis import clock", "the domain knows"),
        ("auth_svc/domain/user.py", "from auth_svc.storage import tables", "the domain knows"),
        ("auth_svc/storage/tables.py", "from usav.auth.v1 import user_pb2", "nothing of the wire"),
        ("auth_svc/storage/tables.py", "from auth_svc import operations", "storage stands below operations"),
        ("auth_svc/operations/users.py", "from auth_svc.convert import to_user", "operations stands below convert"),
        ("auth_svc/operations.py", "import grpc", "nothing of the wire"),
        ("auth_svc/convert.py", "from auth_svc.storage.tables import USERS", "convert is pure"),
        ("auth_svc/servicer.py", "import auth_svc.storage.tables", "not storage"),
        ("auth_svc/servicer.py", "from . import bootstrap", "servicer stands below bootstrap"),
        ("auth_svc/worker.py", "from auth_svc.servicer import Servicer", "worker stands below servicer"),
        ("auth_svc/operations.py", "from catalog_svc.domain import family", "auth_svc may know only"),
        ("auth_svc/bootstrap.py", "from sandbox import world", "auth_svc may know only"),
        ("auth_svc/bootstrap.py", "from tests import factories", "known to nobody"),
        ("chassis/server.py", "from auth_svc import settings", "chassis may know only"),
        ("chassis/server.py", "from usav.catalog.v1 import variant_pb2", "chassis may know only"),
        ("hubctl/app.py", "def f():\n    from inventory_svc import queries", "hubctl may know only"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, file: str, statement: str, reason: str) -> None:
    _write(tmp_path, file, statement)
    assert [finding for finding in wrong_imports(tmp_path) if reason in finding], wrong_imports(tmp_path)


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        (
            "auth_svc/domain/user.py",
            "import re\nfrom chassis.errors import NotFound\nfrom auth_svc.domain import roles",
        ),
        ("auth_svc/storage/tables.py", "import sqlalchemy\nfrom chassis.database import NAMING"),
        ("auth_svc/operations.py", "from auth_svc.storage import tables\nfrom auth_svc.domain import user"),
        ("auth_svc/servicer.py", "import grpc\nfrom auth_svc import convert, operations, queries"),
        ("auth_svc/bootstrap.py", "from auth_svc.storage import tables\nfrom auth_svc.servicer import Servicer"),
        ("chassis/access.py", "from usav.options.v1 import authz_pb2"),
    ],
)
def test_a_right_import_is_left_alone(tmp_path: Path, file: str, statement: str) -> None:
    _write(tmp_path, file, statement)
    assert wrong_imports(tmp_path) == []


def _write(root: Path, file: str, statement: str) -> None:
    for name in ("operations", "queries", "convert", "servicer", "bootstrap", "settings", "worker"):
        _touch(root / "auth_svc" / f"{name}.py")
    for folder in ("auth_svc/storage/tables", "auth_svc/domain/roles", "catalog_svc/domain/family", "sandbox/world"):
        _touch(root / f"{folder}.py")
    _touch(root / "chassis" / "clock.py")
    _touch(root / file)
    (root / file).write_text(statement + "\n")


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
