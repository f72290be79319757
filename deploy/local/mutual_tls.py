"""Certificates for the processes of one hub, made anew at each start when HUB_MTLS is on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chassis.identity import name_of

GATEWAY = "gateway"


@dataclass(frozen=True)
class MutualTls:
    """The files of one hub's authority."""

    folder: Path

    def make(self, processes: Iterable[str]) -> None:
        """One certificate per process, each for its own name only; the authority's key is forgotten afterwards."""
        # Imported here: most hubs run without, and start the quicker for it.
        from deploy.local.certificates import Authority

        authority = Authority.make("USAV Inventory Hub, services")
        authority.write(self._authority)
        for process in processes:
            authority.issue(self._chain(process), self._key(process), [name_of(process)])

    def environment(self, process: str) -> dict[str, str]:
        """The settings of one process."""
        return {
            "HUB_MTLS_CA": str(self._authority),
            "HUB_MTLS_CERT": str(self._chain(process)),
            "HUB_MTLS_KEY": str(self._key(process)),
        }

    @property
    def _authority(self) -> Path:
        return self.folder / "authority.pem"

    def _chain(self, process: str) -> Path:
        return self.folder / f"{process}.pem"

    def _key(self, process: str) -> Path:
        return self.folder / f"{process}.key"
