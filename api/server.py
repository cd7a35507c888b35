"""The serving process: composes store, registry, application and background work, listens, and stops when told to."""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from ctypes import CDLL
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.app import create_app
from api.auth.peers import Peers
from api.graphql.feed import LogFeed
from api.limits.connections import bounded_http
from api.protection import protected, security_headers
from config.backend import Listen
from config.errors import ConfigurationError
from config.model import Config
from graph.configured import registry_from
from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores import store_from
from ingest.progress import Progress
from workers.beside import Beside

_BACKLOG = 2048
_LONGEST_STOP_SECONDS = 3
_SETTLED_SECONDS = 3
"""When a start with nothing to read is over."""
_TOLD_TO_CLIENTS = ("Invalid HTTP request received.", "ASGI callable returned without completing handshake.")
"""What uvicorn logs of requests that are no HTTP and of WebSockets that were refused, as often as anybody likes to send them."""


def run(config: Config, progress: Progress | None = None) -> int:
    """Serve until SIGINT or SIGTERM; 0 then. ConfigurationError if the address can't be had, StoreError if the store can never be opened.

    Where it listens is written to stdout. `progress` is told of large reads.
    """
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg not in _TOLD_TO_CLIENTS)
    with _listening(config.backend.listen) as listener:
        server = _Server(config, listener, progress)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve([listener]))
    server.raise_failure()
    return 0


class _Server(uvicorn.Server):
    """A server that says where it listens, stops if its store can never be opened, and takes a signal to stop as no failure."""

    def __init__(self, config: Config, listener: socket.socket, progress: Progress | None) -> None:
        registry = registry_from(config.catalog.relations)
        store = store_from(config.backend.database, registry)
        self._app: Starlette = create_app(config, store, registry, partial(_background, config, store, registry, progress))
        self._address = _address(listener)
        self._failure: BaseException | None = None
        super().__init__(
            uvicorn.Config(
                with_addresses(protected(self._app, config.backend), config.backend.trust_proxy),
                log_config=None,
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
                ws_max_size=config.graphql.max_request_bytes,
                ws_per_message_deflate=False,
                lifespan="on",
                timeout_graceful_shutdown=_LONGEST_STOP_SECONDS,
                http=bounded_http(config.backend.limits, security_headers(config.backend.base_url)),
                proxy_headers=False,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().call_later(_SETTLED_SECONDS, _give_back_memory)
        opening: asyncio.Task[None] = self._app.state.opening
        opening.add_done_callback(self._stop_for)
        sys.stdout.write(f"Callboard listens on {self._address}, with GraphiQL at {self._address}/graphql. Ctrl-C stops it.\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Subscriptions last as long as they are let.
        feed: LogFeed = self._app.state.feed
        feed.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # The superclass would raise the signal once more after stopping, and the exit code would tell of a failure.
        self.force_exit = self.should_exit
        self.should_exit = True

    def raise_failure(self) -> None:
        if self._failure:
            raise self._failure

    def _stop_for(self, opening: asyncio.Task[None]) -> None:
        if not opening.cancelled():
            self._failure = opening.exception()
            self.should_exit = True


def with_addresses(app: ASGIApp, trusted: Sequence[str]) -> ASGIApp:
    """The application, told the address of each client by the proxies that are trusted, and that of the other end of the connection."""
    # Whoever is believed in this can name any address as their own.
    return Peers(cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), list(trusted))) if trusted else app)


@asynccontextmanager
async def _background(config: Config, store: Store, registry: RelationRegistry, progress: Progress | None) -> AsyncGenerator[Beside]:
    # The job system and the reading of files are a third of what a start imports, and no request needs them.
    composition = await asyncio.to_thread(import_module, "workers.composition")
    async with composition.running_worker(config, store, registry, progress) as beside:
        yield beside


def _give_back_memory() -> None:
    """Return to the system what starting took and does not need any more, where the C library keeps it (glibc)."""
    with suppress(OSError, AttributeError, TypeError):
        CDLL(None).malloc_trim(0)


def _listening(listen: Listen) -> socket.socket:
    host = listen.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, listen.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        key = "backend.listen.host" if isinstance(error, socket.gaierror) else "backend.listen.port"
        raise ConfigurationError(key, f"can't listen on {listen.host}, port {listen.port}: {error.strerror}") from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
