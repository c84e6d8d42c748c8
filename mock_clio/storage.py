"""The object store behind documents: signed, short-lived URLs on a path of their own, no bearer token.

It checks what S3 checks of a presigned URL and answers errors in S3's XML. The signature itself is an HMAC of the
mock's own, which nobody outside can compute.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from mock_clio.clock import Clock
from mock_clio.store.rows import Collection, Row
from mock_clio.wire.http import Request, Response

STORAGE_PREFIX = "/__storage__/"
SINGLE_PUT_SECONDS, PART_PUT_SECONDS, GET_SECONDS = 600, 8 * 3600, 600
"""How long URLs live; that of a download is the mock's own choice."""
_FILES = f"{STORAGE_PREFIX}uploads/document_version/file/"
_ALGORITHM = "AWS4-HMAC-SHA256"
_STAMP = "%Y%m%dT%H%M%SZ"
_SIGNATURE = "X-Amz-Signature"


class StorageError(Exception):
    """A request that the store refuses."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Storage:
    """Bytes of files by key, and the URLs that open them."""

    def __init__(self, clock: Clock, versions: Collection) -> None:
        self._clock = clock
        self._versions = versions
        self._secret = secrets.token_bytes(32)
        self.base_url = ""
        """Scheme and host of the URLs: those by which the API was last asked."""
        self.blobs: dict[str, bytes] = {}
        """What was uploaded: by uuid of the version, or `<uuid>/<part number>`."""

    def get_url(self, version: Row) -> str:
        """Where a version can be read."""
        return self._sign("GET", version, {"versionId": str(version["id"])}, GET_SECONDS, {})

    def put_url(self, version: Row, headers: Mapping[str, str]) -> str:
        """Where a version's bytes are to be written in one go, with exactly these headers."""
        return self._sign("PUT", version, {}, SINGLE_PUT_SECONDS, headers)

    def part_url(self, version: Row, number: int, headers: Mapping[str, str]) -> str:
        """Where one part of a version is to be written, with exactly these headers."""
        query = {"uploadId": version["uuid"].replace("-", ""), "partNumber": str(number)}
        return self._sign("PUT", version, query, PART_PUT_SECONDS, headers)

    def content(self, version: Row) -> bytes:
        """A version's bytes; those of a file nobody uploaded are made up, always the same for the same version."""
        stored = self.blobs.get(version["content"])
        if stored is not None:
            return stored
        line = f"{version['content']} {version['filename']}\n".encode()
        size: int = version["size"]
        return (line * (size // len(line) + 1))[:size]

    def answer(self, request: Request) -> Response:
        """The answer to a request below the store's path."""
        try:
            self._check(request)
            if request.method == "PUT":
                return self._put(request)
            return self._get(request)
        except StorageError as error:
            body = f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
            return Response(error.status, body.encode(), [("Content-Type", "application/xml")])

    def _sign(
        self,
        method: str,
        version: Row,
        query: Mapping[str, str],
        seconds: int,
        headers: Mapping[str, str],
    ) -> str:
        path = f"{_FILES}{version['uuid']}/{version['filename'].replace('/', '_')}"
        now = self._clock.utc()
        signed = {name.lower(): value for name, value in headers.items()}
        whole = {
            **query,
            "X-Amz-Expires": str(seconds),
            "X-Amz-Date": now.strftime(_STAMP),
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"mock/{now:%Y%m%d}/us-west-2/s3/aws4_request",
            "X-Amz-SignedHeaders": ";".join(sorted({*signed, "host"})),
        }
        whole[_SIGNATURE] = self._signature(method, path, whole, signed)
        return f"{self.base_url}{quote(path)}?{urlencode(whole)}"

    def _signature(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        named = [name for name in query["X-Amz-SignedHeaders"].split(";") if name != "host"]
        lines = [method, path, *(f"{name}={query[name]}" for name in sorted(query) if name != _SIGNATURE)]
        lines += [f"{name}:{headers.get(name, '').strip()}" for name in named]
        return hmac.new(self._secret, "\n".join(lines).encode(), hashlib.sha256).hexdigest()

    def _check(self, request: Request) -> None:
        """Whether the URL opens what it names, now."""
        query = dict(request.query)
        if "authorization" in request.headers and _SIGNATURE in query:
            raise StorageError(400, "InvalidArgument", "Only one auth mechanism allowed")
        if any(name not in query for name in (_SIGNATURE, "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires")):
            raise StorageError(403, "AccessDenied", "Access Denied")
        expected = self._signature(request.method, request.path, query, request.headers)
        if not hmac.compare_digest(expected.encode(), query[_SIGNATURE].encode()):
            raise StorageError(403, "SignatureDoesNotMatch", "The signature does not match the request")
        made = datetime.strptime(query["X-Amz-Date"], _STAMP).replace(tzinfo=UTC)
        if self._clock.now() >= made.timestamp() + int(query["X-Amz-Expires"]):
            raise StorageError(403, "AccessDenied", "Request has expired")

    def _put(self, request: Request) -> Response:
        digest = hashlib.md5(request.body, usedforsecurity=False)
        given = request.headers.get("content-md5")
        if given is not None and given != base64.b64encode(digest.digest()).decode():
            raise StorageError(400, "BadDigest", "The Content-MD5 does not match what was received")
        part = request.param("partNumber")
        uuid = request.path.removeprefix(_FILES).partition("/")[0]
        self.blobs[f"{uuid}/{part}" if part else uuid] = request.body
        return Response(200, b"", [("ETag", f'"{digest.hexdigest()}"')])

    def _get(self, request: Request) -> Response:
        version = self._versions.get(int(request.param("versionId") or 0))
        if version is None:
            raise StorageError(404, "NoSuchKey", "The key does not exist")
        body = self.content(version)
        tag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return Response(200, body, [("Content-Type", version["content_type"]), ("ETag", f'"{tag}"')])
