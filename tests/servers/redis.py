"""A Redis server as a child process, on a socket file of its own, without Docker."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.neo4j import MissingServerError


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of a Redis that keeps nothing, and ends with the context. MissingServerError if it is not on this machine."""
    program = shutil.which("redis-server")
    if program is None:
        raise MissingServerError("redis-server is not on the PATH")
    socket = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        # The file appears when it can be connected to.
        while not socket.exists():
            if process.poll() is not None:
                raise RuntimeError(f"Redis ended at its start with {process.returncode}")
            time.sleep(0.02)
        yield f"unix://{socket}"
    finally:
        process.kill()
        process.wait()
        socket.unlink(missing_ok=True)
