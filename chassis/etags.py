"""Etags from row versions: what a caller read is what he changes, or the change is refused (AIP-154)."""

from __future__ import annotations

from chassis.errors import Aborted


class EtagMismatch(Aborted):
    """Somebody changed the resource since the caller read it."""

    reason = "ETAG_MISMATCH"


def etag(version: int) -> str:
    """The etag of a row version."""
    return f'W/"{version}"'


def check_etag(given: str, version: int) -> None:
    """Passes when no etag is given or it is the present one. Raises EtagMismatch."""
    if given and given != etag(version):
        raise EtagMismatch(
            "The resource has changed since it was read; read it again and repeat the change on what is there now.",
            metadata={"etag": etag(version)},
        )
