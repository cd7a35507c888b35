"""A Redis of the tests' own, where the machine has the program."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.servers.neo4j import MissingServerError


class RedisServer:
    """A redis-server on a free port of the loopback interface, which keeps nothing on disk, and its port when it is started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Return once it answers. MissingServerError without the program."""
        program = shutil.which("redis-server")
        if program is None:
            raise MissingServerError("redis-server is not installed; on Debian and Ubuntu: apt-get install redis-server")
        self._port = self._port or _free_port()
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        self._process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                if time.monotonic() > until:
                    raise
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
