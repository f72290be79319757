"""The settings of the sandbox process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chassis.setting_values import parse_path, parse_port
from chassis.settings import setting


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """Read from the environment."""

    port: int = setting("HUB_SANDBOX_PORT", 8090, "The loopback port; 0 takes a free one.", parse=parse_port)
    state_dir: Path | None = setting(  # the field is frozen, and `setting` declares it
        "HUB_STATE_DIR", None, "Where sandbox.db is kept; without it everything is in memory.", parse=parse_path
    )

    @property
    def state_file(self) -> Path | None:
        """The file the marketplaces' state is kept in."""
        return None if self.state_dir is None else self.state_dir / "sandbox.db"
