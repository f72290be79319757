"""`python -m build_tools.openapi`: writes gen/openapi.json and gen/docs/, when the protos or the build tools have changed.

Every make target comes by here, so what writes the document is imported only when there is something to write.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from build_tools.layout import DESCRIPTOR_SET, GENERATED, ROOT

DIGEST_FILE = GENERATED / "openapi.sha256"
TOOLS = Path(__file__).resolve().parent.parent


def main() -> int:
    """Brings document and pages up to date. An rpc without roles and two rpcs on one path are told, nothing is written."""
    digest = _digest()
    if DIGEST_FILE.exists() and DIGEST_FILE.read_text() == digest:
        return 0
    from build_tools.openapi.writer import REFUSALS, write

    try:
        print(f"openapi: wrote {write().relative_to(ROOT)}")
    except REFUSALS as error:
        print(f"openapi: {error}", file=sys.stderr)
        return 1
    DIGEST_FILE.write_text(digest)
    return 0


def _digest() -> str:
    summary = hashlib.sha256()
    for path in [DESCRIPTOR_SET, ROOT / "pyproject.toml", *sorted(TOOLS.rglob("*.py"))]:
        summary.update(path.read_bytes() + b"\0")
    return summary.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
