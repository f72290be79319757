"""Backups in a bucket of S3, or of anything that speaks its protocol. botocore signs, retries and finds the credentials.

Large objects go up in parts, which become an object only when the last of them is confirmed: whole or not at all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.backup.errors import BackupDamaged, BackupError
from deploy.backup.sealing import even
from deploy.backup.stores import Stored

# S3 takes 10,000 parts of 5 MiB to 5 GiB. Growing parts hold little memory and reach 300 GiB.
_PART = 8 << 20
_PARTS_OF_ONE_SIZE = 2_000
_READ = 1 << 20
_MISSING = {"NoSuchKey", "404", "NoSuchUpload"}


class S3Store:
    """All objects below a prefix of one bucket."""

    def __init__(self, bucket: str, prefix: str = "", *, endpoint: str = "", region: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        style = {"addressing_style": "path" if endpoint else "auto"}
        config = Config(
            s3=style,
            retries={"mode": "standard", "total_max_attempts": 5},
            connect_timeout=10,
            read_timeout=60,
            # Stores that only speak the protocol refuse the newer checksums; the manifest has a sha256 of everything.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        session = botocore.session.get_session()
        self._client: Any = session.create_client(
            "s3", region_name=region or None, endpoint_url=endpoint or None, config=config
        )

    @property
    def where(self) -> str:
        """The bucket and the prefix."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Stores an object. Raises BackupError."""
        parts = _growing(chunks)
        first = next(parts, b"")
        second = next(parts, None)
        with self._told(name):
            if second is None:
                self._client.put_object(**self._at(name), Body=first)
                return
            self._put_parts(name, first, second, parts)

    def get(self, name: str) -> Iterator[bytes]:
        """The object's bytes. Raises BackupDamaged, BackupError."""
        with self._told(name):
            body = self._client.get_object(**self._at(name))["Body"]
            with contextlib.closing(body):
                yield from iter(lambda: body.read(_READ), b"")

    def objects(self, prefix: str) -> list[Stored]:
        """The objects whose names begin with `prefix`, by name."""
        with self._told(prefix):
            pages = self._pages("list_objects_v2", Prefix=self._prefix + prefix)
            return [
                Stored(one["Key"].removeprefix(self._prefix), one["Size"], one["LastModified"])
                for page in pages
                for one in page.get("Contents", ())
            ]

    def folders(self) -> list[str]:
        """The folders below the prefix."""
        with self._told(""):
            pages = self._pages("list_objects_v2", Prefix=self._prefix, Delimiter="/")
            found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
        return sorted(one.removeprefix(self._prefix).rstrip("/") for one in found)

    def delete(self, name: str) -> None:
        """Removes an object. Safe to repeat."""
        with self._told(name):
            self._client.delete_object(**self._at(name))

    def remove_drafts(self, before: datetime) -> None:
        """Gives up uploads in parts that were begun and broken off before a time."""
        with self._told(""):
            for page in self._pages("list_multipart_uploads", Prefix=self._prefix):
                for one in page.get("Uploads", ()):
                    if one["Initiated"] < before:
                        self._abort(one["Key"], one["UploadId"])

    def _put_parts(self, name: str, first: bytes, second: bytes, rest: Iterator[bytes]) -> None:
        place = self._at(name)
        upload = self._client.create_multipart_upload(**place)["UploadId"]
        try:
            done = []
            for number, part in enumerate(_chained(first, second, rest), 1):
                answer = self._client.upload_part(**place, UploadId=upload, PartNumber=number, Body=part)
                done.append({"PartNumber": number, "ETag": answer["ETag"]})
            self._client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": done})
        except BaseException:
            with contextlib.suppress(BotoCoreError, ClientError):
                self._abort(place["Key"], upload)
            raise

    def _abort(self, key: str, upload: str) -> None:
        self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    def _pages(self, operation: str, **arguments: str) -> Iterator[dict[str, Any]]:
        yield from self._client.get_paginator(operation).paginate(Bucket=self._bucket, **arguments)

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _MISSING:
                raise BackupDamaged(f"{self.where}/{name} is missing") from error
            raise BackupError(f"{self.where}: {error}") from error
        except BotoCoreError as error:
            raise BackupError(f"{self.where}: {error}") from error


def _growing(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held, number = bytearray(), 0
    for chunk in even(chunks, _READ):
        held += chunk
        if len(held) >= _PART << (number // _PARTS_OF_ONE_SIZE):
            yield bytes(held)
            held.clear()
            number += 1
    if held:
        yield bytes(held)


def _chained(first: bytes, second: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from rest
