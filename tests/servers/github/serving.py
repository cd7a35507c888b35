"""Runs the emulator of GitHub in a thread of the tests' own process."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from tests.servers.git_http import serving_git
from tests.servers.github.application import application
from tests.servers.github.hub import Hub


@contextmanager
def serving_github(folder: Path) -> Iterator[Hub]:
    """A running emulator with its repositories in the folder. In the end nothing may have differed from GitHub's description."""
    hub = Hub(folder)
    web, codeload = _listener(), _listener()
    hub.host = f"127.0.0.1:{web.getsockname()[1]}"
    hub.codeload_host = f"127.0.0.1:{codeload.getsockname()[1]}"
    config = uvicorn.Config(application(hub), log_config=None, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([web, codeload],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        with serving_git(folder) as git:
            hub.git_url = git.url
            yield hub
    finally:
        server.should_exit = True
        thread.join(10)
    assert hub.problems == [], hub.problems


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=512)
