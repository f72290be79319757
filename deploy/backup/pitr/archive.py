"""The write-ahead log in the store: segments by name, compressed and sealed, each whole or not there."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.backup.errors import BackupDamaged
from deploy.backup.sealing import opened, sealed
from deploy.backup.stores import Stored
from deploy.backup.vault import Vault

SEGMENT = re.compile(r"[0-9A-F]{24}")
_KEPT = re.compile(r"[0-9A-F]{24}|[0-9A-F]{8}\.history")
_READ = 1 << 20
_GZIP = 31
_SEGMENTS_OF_A_LOG = 0x100  # Of 16 MiB, as every cluster of ours has them.


@dataclass(frozen=True)
class WalArchive:
    """The log of one cluster, told from others by its system identifier."""

    vault: Vault
    cluster: str

    @property
    def prefix(self) -> str:
        """What the names of its objects begin with."""
        return f"wal/{self.cluster}/"

    def put(self, file: Path) -> None:
        """Stores a finished segment. Safe to repeat."""
        place = self._place(file.name)
        packed = _packed(_chunks(file))
        self.vault.store.put(place, sealed(packed, self.vault.key, place) if self.vault.key else packed)

    def get(self, name: str) -> Iterator[bytes]:
        """A segment's bytes. Raises BackupDamaged."""
        place = self._place(name)
        stored = self.vault.store.get(place)
        return _unpacked(opened(stored, self.vault.key, place) if self.vault.key else stored, place)

    def segments(self) -> dict[str, Stored]:
        """What is stored, by name."""
        found = {
            one.name.removeprefix(self.prefix).removesuffix(".gz"): one for one in self.vault.store.objects(self.prefix)
        }
        return {name: one for name, one in found.items() if _KEPT.fullmatch(name)}

    def unbroken(self, first: str) -> list[Stored]:
        """The segments from `first` on, in order, up to the first that is missing."""
        stored, name, found = self.segments(), first, []
        while name in stored:
            found.append(stored[name])
            name = following(name)
        return found

    def name_of(self, stored: Stored) -> str:
        """The segment that an object is."""
        return stored.name.removeprefix(self.prefix).removesuffix(".gz")

    def remove_before(self, first: str) -> int:
        """Removes the segments that come before `first`; answers how many."""
        old = [one for name, one in self.segments().items() if SEGMENT.fullmatch(name) and name[8:] < first[8:]]
        for one in old:
            self.vault.store.delete(one.name)
        return len(old)

    def _place(self, name: str) -> str:
        return f"{self.prefix}{name}.gz"


def is_finished(name: str) -> bool:
    """Whether a file of this name is complete: a segment, or the history of a timeline."""
    return _KEPT.fullmatch(name) is not None


def following(segment: str) -> str:
    """The segment after this one, on the same timeline."""
    timeline, number = segment[:8], int(segment[8:16], 16) * _SEGMENTS_OF_A_LOG + int(segment[16:], 16) + 1
    return f"{timeline}{number // _SEGMENTS_OF_A_LOG:08X}{number % _SEGMENTS_OF_A_LOG:08X}"


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(_READ):
            yield chunk


def _packed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    # Segments end early when they are switched: what follows is zeros. The gzip form brings a checksum along.
    packer = zlib.compressobj(1, wbits=_GZIP)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def _unpacked(chunks: Iterable[bytes], place: str) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        for chunk in chunks:
            yield unpacker.decompress(chunk)
    except zlib.error as error:
        raise BackupDamaged(f"{place} is not what was written: {error}") from None
    if not unpacker.eof:
        raise BackupDamaged(f"{place} is not what was written: it was cut off")
