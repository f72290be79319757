"""A bucket on loopback that is as strict as S3.

It checks every signature (SigV4, written from Amazon's description), the payload's hash and the parts of an upload, and lists
in short pages.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

ACCESS_KEY, SECRET_KEY = "AKIDOFTHETESTS", "secret/of+the=tests"
BUCKET, REGION = "backups", "eu-central-1"
_SMALLEST_PART = 5 << 20
_PAGE = 3
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)"
)


class Refusal(Exception):
    """An error as S3 answers it."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class Bucket:
    """What is stored. So many of the next parts as `broken_parts` says are answered with 500."""

    endpoint: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, datetime, dict[int, bytes]]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    broken_parts: int = 0
    parts_put: int = 0

    def put_part(self, upload: str, number: int, body: bytes) -> str:
        if upload not in self.uploads:
            raise Refusal(404, "NoSuchUpload")
        if self.broken_parts:
            self.broken_parts -= 1
            raise Refusal(500, "InternalError")
        self.parts_put += 1
        self.uploads[upload][2][number] = body
        return _etag(body)

    def complete(self, key: str, upload: str, body: bytes) -> None:
        if upload not in self.uploads:
            raise Refusal(404, "NoSuchUpload")
        parts = self.uploads[upload][2]
        named = [
            (int(_text(one, "PartNumber")), _text(one, "ETag"))
            for one in ElementTree.fromstring(body)
            if one.tag.endswith("Part")
        ]
        if any(_etag(parts.get(number, b"?")) != etag for number, etag in named) or named != sorted(named):
            raise Refusal(400, "InvalidPart")
        if any(len(parts[number]) < _SMALLEST_PART for number, _ in named[:-1]):
            raise Refusal(400, "EntityTooSmall")
        self.objects[key] = b"".join(parts[number] for number, _ in named)
        del self.uploads[upload]

    def listed(self, query: dict[str, str]) -> str:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        entries: dict[str, str] = {}
        for key, body in sorted(self.objects.items()):
            if not key.startswith(prefix):
                continue
            inner, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if cut:
                folder = f"{prefix}{inner}{delimiter}"
                entries[folder] = f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
            else:
                entries[key] = (
                    f"<Contents><Key>{escape(key)}</Key><Size>{len(body)}</Size>"
                    f"<LastModified>{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
                )
        after = query.get("continuation-token", "")
        page = [name for name in entries if name > after][:_PAGE]
        more = bool(page) and page[-1] != list(entries)[-1]
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        inside = "".join(entries[name] for name in page)
        return f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{inside}</ListBucketResult>"

    def listed_uploads(self) -> str:
        inside = "".join(
            f"<Upload><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
            f"<Initiated>{at:%Y-%m-%dT%H:%M:%S.000Z}</Initiated></Upload>"
            for upload, (key, at, _) in self.uploads.items()
        )
        return f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{inside}</ListMultipartUploadsResult>"


@contextmanager
def bucket() -> Iterator[Bucket]:
    """An empty bucket that listens until the end of the context."""
    made = Bucket()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(store: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                self._check_signature(body)
                status, content, headers = self._answer(body)
            except Refusal as refusal:
                store.refused.append(refusal.code)
                status, headers = refusal.status, {}
                content = f"<Error><Code>{refusal.code}</Code><Message>no</Message></Error>".encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = _serve

        def _check_signature(self, body: bytes) -> None:
            found = _AUTHORIZATION.fullmatch(self.headers.get("authorization", ""))
            if not found or found[1] != ACCESS_KEY:
                raise Refusal(403, "InvalidAccessKeyId")
            _, day, region, signed_headers, signature = found.groups()
            payload = self.headers["x-amz-content-sha256"]
            if payload != hashlib.sha256(body).hexdigest():
                raise Refusal(400, "XAmzContentSHA256Mismatch")
            parts = urlsplit(self.path)
            query = sorted((quote(a, safe="-_.~"), quote(b, safe="-_.~")) for a, b in parse_qsl(parts.query, True))
            canonical = "\n".join(
                (
                    self.command,
                    quote(unquote(parts.path), safe="/-_.~"),
                    "&".join(f"{a}={b}" for a, b in query),
                    *(f"{name}:{' '.join(self.headers[name].split())}" for name in signed_headers.split(";")),
                    "",
                    signed_headers,
                    payload,
                )
            )
            scope = f"{day}/{region}/s3/aws4_request"
            hashed = hashlib.sha256(canonical.encode()).hexdigest()
            to_sign = f"AWS4-HMAC-SHA256\n{self.headers['x-amz-date']}\n{scope}\n{hashed}"
            key = f"AWS4{SECRET_KEY}".encode()
            for step in (day, region, "s3", "aws4_request"):
                key = hmac.digest(key, step.encode(), "sha256")
            if region != REGION or not hmac.compare_digest(
                hmac.digest(key, to_sign.encode(), "sha256").hex(), signature
            ):
                raise Refusal(403, "SignatureDoesNotMatch")

        def _answer(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            parts = urlsplit(self.path)
            name, _, key = unquote(parts.path).lstrip("/").partition("/")
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            if name != BUCKET:
                raise Refusal(404, "NoSuchBucket")
            match (self.command, key):
                case ("GET", ""):
                    listing = store.listed_uploads() if "uploads" in query else store.listed(query)
                    return 200, listing.encode(), {}
                case ("GET", _):
                    if key not in store.objects:
                        raise Refusal(404, "NoSuchKey")
                    return 200, store.objects[key], {"etag": _etag(store.objects[key])}
                case ("PUT", _) if "uploadId" in query:
                    return 200, b"", {"etag": store.put_part(query["uploadId"], int(query["partNumber"]), body)}
                case ("PUT", _):
                    store.objects[key] = body
                    return 200, b"", {"etag": _etag(body)}
                case ("POST", _) if "uploads" in query:
                    upload = f"upload-{len(store.uploads)}-{len(store.objects)}-{store.parts_put}"
                    store.uploads[upload] = (key, datetime.now(UTC), {})
                    answer = (
                        f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
                    )
                    return 200, answer.encode(), {}
                case ("POST", _):
                    store.complete(key, query["uploadId"], body)
                    return 200, b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>", {}
                case ("DELETE", _) if "uploadId" in query:
                    store.uploads.pop(query["uploadId"], None)
                case ("DELETE", _):
                    store.objects.pop(key, None)
            return 204, b"", {}

    return Handler


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _text(element: ElementTree.Element, name: str) -> str:
    return next(str(child.text) for child in element if child.tag.endswith(name))
