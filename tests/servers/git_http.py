"""Git repositories served over HTTP by git itself: `git http-backend`, behind a small server on a free port."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

_ENVIRONMENT = {"GIT_HTTP_EXPORT_ALL": "1", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ.get("PATH", "")}


class GitHttpServer(ThreadingHTTPServer):
    """Serves the bare repositories below `folder`, as `url`/name.git. With `password` (user:password) nobody else is let in.

    `requests` are the paths asked for, with their queries.
    """

    daemon_threads = True

    def __init__(self, folder: Path, password: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.password = folder, password
        self.requests: list[str] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GitHttpServer

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests look at `requests`."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts: list[bytes] = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _serve(self, body: bytes) -> None:
        self.server.requests.append(self.path)
        wanted = self.server.password
        if wanted and self.headers.get("Authorization") != f"Basic {base64.b64encode(wanted.encode()).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, fields, content = git_backend(self.server.folder, self.command, unquote(path), query, headers, body)
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def git_backend(
    folder: Path, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of git's own answer about the bare repositories below the folder. Names of `headers` are lower case."""
    environment = {
        **_ENVIRONMENT,
        "GIT_PROJECT_ROOT": str(folder),
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=False)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = [(name, value) for line in head.decode("latin-1").split("\r\n") for name, found, value in [line.partition(": ")] if found]
    status = next((int(value.split()[0]) for name, value in fields if name == "Status"), 200 if fields else 500)
    return status, [(name, value) for name, value in fields if name not in {"Status", "Content-Length"}], content


@contextmanager
def serving_git(folder: Path, password: str | None = None) -> Iterator[GitHttpServer]:
    """The server while entered."""
    server = GitHttpServer(folder, password)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
