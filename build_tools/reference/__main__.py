"""`python -m build_tools.reference`: writes every page and file that is made from the code."""

from __future__ import annotations

import sys
from pathlib import Path

from build_tools.layout import ROOT
from build_tools.reference import configuration, dashboards, data_model, metrics


def texts() -> dict[Path, str]:
    """Every file with what it has to hold."""
    return {
        ROOT / "docs" / "metrics.md": metrics.page(),
        ROOT / "docs" / "configuration.md": configuration.page(),
        ROOT / "docs" / "data-model.md": data_model.page(),
        **{ROOT / "deploy/observability/grafana" / name: text for name, text in dashboards.files().items()},
    }


def main() -> int:
    """Writes what differs."""
    for path, text in texts().items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"reference: wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
