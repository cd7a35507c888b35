"""Google Cloud Storage's XML API as a small server, as far as blobs need it, by its reference.

https://cloud.google.com/storage/docs/xml-api/reference-methods: upload, download, headers and deletion of an object, and List Objects
with list-type=2. Whoever asks is let in: its key says that no token is fetched.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

BUCKET = "docs"
_MOST_KEYS = 1000


@dataclass(frozen=True, slots=True)
class _Object:
    content: bytes
    content_type: str
    generation: int
    at: datetime

    @property
    def etag(self) -> str:
        return f'"{md5(self.content).hexdigest()}"'


@dataclass(slots=True)
class GcsServer:
    """A running server with one bucket. `asked` are the paths of its requests."""

    port: int = 0
    objects: dict[str, _Object] = field(default_factory=dict[str, _Object])
    asked: list[str] = field(default_factory=list[str])

    def key(self) -> str:
        """A service account's key, as JSON, that leads here."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        url = f"http://127.0.0.1:{self.port}"
        key = {
            "type": "service_account",
            "private_key": pem,
            "private_key_id": "1",
            "client_email": "tests@example.iam",
            "gcs_base_url": url,
        }
        return orjson.dumps({**key, "token_uri": f"{url}/token", "disable_oauth": True}).decode()


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    """The server on a free port of loopback while entered."""
    served = GcsServer()

    class Handler(_Handler):
        server_state = served

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: GcsServer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        name = self._name()
        if name is None:
            return
        stored = self.server_state.objects
        generation = 1 + max((one.generation for one in stored.values()), default=0)
        kept = _Object(content, self.headers.get("Content-Type") or "application/octet-stream", generation, datetime.now(UTC))
        stored[name] = kept
        self._answer(200, b"", {"ETag": kept.etag, "x-goog-generation": str(generation)})

    def do_GET(self) -> None:
        name = self._name()
        if name == "":
            self._list()
        elif name is not None:
            self._object(name)

    do_HEAD = do_GET  # noqa: N815 - the name that the library calls

    def do_DELETE(self) -> None:
        name = self._name()
        if name is None:
            return
        if self.server_state.objects.pop(name, None) is None:
            self._fail(404, "NoSuchKey", "The specified key does not exist.")
        else:
            self._answer(204, b"", {})

    def _name(self) -> str | None:
        """The object's name, empty for the bucket; None if the request was refused."""
        path = urlsplit(self.path).path
        self.server_state.asked.append(path)
        bucket, _, name = path.removeprefix("/").partition("/")
        if unquote(bucket) != BUCKET:
            self._fail(404, "NoSuchBucket", "The specified bucket does not exist.")
            return None
        return unquote(name)

    def _object(self, name: str) -> None:
        found = self.server_state.objects.get(name)
        if found is None:
            self._fail(404, "NoSuchKey", "The specified key does not exist.")
            return
        headers = {
            "ETag": found.etag,
            "Content-Type": found.content_type,
            "Last-Modified": format_datetime(found.at, usegmt=True),
            "x-goog-generation": str(found.generation),
        }
        asked, size = self.headers.get("Range"), len(found.content)
        if asked is None:
            self._answer(200, found.content, headers)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or size - 1), size - 1)
        if start >= size:
            self._fail(416, "InvalidRange", "The requested range cannot be satisfied.")
            return
        self._answer(206, found.content[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{size}"})

    def _list(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if asked.get("list-type") != "2":
            self._fail(400, "InvalidArgument", "Invalid argument.")
            return
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        after = asked.get("continuation-token") or asked.get("start-after", "")
        most = min(int(asked.get("max-keys", _MOST_KEYS)), _MOST_KEYS)
        found: dict[str, str] = {}
        for name in sorted(self.server_state.objects):
            if name.startswith(prefix):
                end = name.find(delimiter, len(prefix)) if delimiter else -1
                key = name if end < 0 else name[: end + len(delimiter)]
                if key > after:
                    found[key] = self._entry(name) if end < 0 else f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
        page, rest = list(found.items())[:most], len(found) > most
        token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if rest else ""
        body = (
            "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>"
            f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
            f"<IsTruncated>{str(rest).lower()}</IsTruncated>{token}{''.join(entry for _, entry in page)}</ListBucketResult>"
        )
        self._answer(200, body.encode(), {"Content-Type": "application/xml; charset=UTF-8"})

    def _entry(self, name: str) -> str:
        one = self.server_state.objects[name]
        return (
            f"<Contents><Key>{escape(name)}</Key><Generation>{one.generation}</Generation><MetaGeneration>1</MetaGeneration>"
            f"<LastModified>{one.at.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z</LastModified><ETag>{escape(one.etag)}</ETag>"
            f"<Size>{len(one.content)}</Size></Contents>"
        )

    def _fail(self, status: int, code: str, message: str) -> None:
        body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self._answer(status, body.encode(), {"Content-Type": "application/xml; charset=UTF-8"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
