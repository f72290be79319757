"""What is locked is asked about and listed; a database that is away is said to be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from build_tools import audit
from build_tools.locked import LOCKS, Package, packages
from build_tools.sbom import bill_of_materials


@contextmanager
def database(holes: dict[str, list[str]], *, answer: bytes | None = None) -> Iterator[str]:
    """A database that knows these holes by package name."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            results: list[dict[str, Any]] = [
                {"vulns": [{"id": hole} for hole in holes.get(query["package"]["name"], [])]}
                for query in asked["queries"]
            ]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"results": results}).encode() if answer is None else answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    accepted = tmp_path / "accepted.txt"
    accepted.write_text("# none\nOSV-2 does not concern us\n")
    monkeypatch.setattr(audit, "ACCEPTED", accepted)
    return accepted


@pytest.mark.usefixtures("audited")
@pytest.mark.parametrize(("holes", "code"), [([], 0), (["OSV-1"], 1), (["OSV-2"], 0), (["OSV-2", "OSV-1"], 1)])
def test_a_known_hole_fails_unless_it_is_accepted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], holes: list[str], code: int
) -> None:
    with database({"cryptography": holes}) as url:
        monkeypatch.setenv("HUB_AUDIT_URL", url)
        assert audit.main() == code
    assert ("cryptography" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b"<html>"])
def test_an_answer_that_is_none_counts_as_unreachable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    with database({}, answer=answer) as url:
        monkeypatch.setenv("HUB_AUDIT_URL", url)
        assert audit.main() == 0
    assert "NOT DONE" in capsys.readouterr().err


def test_a_database_that_is_away_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUB_AUDIT_URL", "http://127.0.0.1:9")
    assert audit.main() == 0
    assert "cannot be reached" in capsys.readouterr().err


def test_every_line_of_the_lock_is_read_with_its_hashes() -> None:
    for lock in LOCKS.values():
        read = packages(lock)
        assert len(read) == sum("==" in line and line[0].isalnum() for line in lock.read_text().splitlines())
        assert all(package.hashes for package in read)


def test_the_bill_lists_what_is_locked_and_is_the_same_every_time() -> None:
    made = bill_of_materials(LOCKS["base"])
    assert made == bill_of_materials(LOCKS["base"])
    assert made["bomFormat"] == "CycloneDX"
    references = [component["bom-ref"] for component in made["components"]]
    assert len(references) == len(set(references))
    assert any(one.startswith("pkg:pypi/grpcio@") for one in references)
    assert made["dependencies"][0]["dependsOn"] == references


def test_names_are_normalized() -> None:
    assert Package("Foo_bar.baz", "1", ()).purl == "pkg:pypi/foo-bar-baz@1"
