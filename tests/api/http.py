"""The application in this process, asked over HTTP without a socket."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from urllib.parse import unquote

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.auth.admission import Admission
from api.errors import http_error
from api.opening import Background
from config.graphql import GraphQL
from config.model import Config
from config.permission import WITHOUT_POLICY, Permission
from graph.access import Access, Principal
from graph.relations import RelationRegistry
from graph.store import Store
from tests.api.catalog import CONFIGURED
from tests.api.described import is_as_described

RESPONSE = "application/graphql-response+json"

DESCRIBED = {"response": [is_as_described]}
"""Hooks that hold every answer of the catalog's REST API against its description."""


@asynccontextmanager
async def client_of(
    store: Store,
    *,
    registry: RelationRegistry = CONFIGURED,
    background: Background = nullcontext,
    permission: Permission = WITHOUT_POLICY,
    opens: bool = True,
    **graphql: object,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with this store, which it opens if that can be opened, and these settings of `graphql`."""
    app = create_app(Config(graphql=GraphQL.model_validate(graphql), permission=permission), store, registry, background)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost", event_hooks=DESCRIBED) as client,
    ):
        if opens:
            await until_ready(client)
        yield client


async def until_ready(client: httpx.AsyncClient) -> None:
    """Return once the store is open, which a start waits for half a second only."""
    for _ in range(500):
        if (await client.get("/readyz")).status_code == 200:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the store did not open within ten seconds")


async def ask(client: httpx.AsyncClient, query: str, **more: object) -> httpx.Response:
    """The answer to an operation by POST, in the newer media type."""
    return await client.post("/graphql", json={"query": query, **more}, headers={"Accept": RESPONSE})


class _Always:
    """Everybody is the same principal."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    async def principal_of(self, connection: HTTPConnection) -> Principal:
        return self._principal


def asked_by(access: Access, routes: Sequence[BaseRoute], open_paths: Sequence[str] = ()) -> httpx.AsyncClient:
    """A client of these routes alone, all of whose requests have that access. The header `raw-path` stands for the path, as it is."""
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Admission, authenticator=_Always(access.principal), policy=lambda _: access, open_paths=open_paths),
        ],
        exception_handlers={HTTPException: http_error, Exception: http_error},
    )

    async def sent(scope: Scope, receive: Receive, send: Send) -> None:
        # The client puts paths in order; this one is sent as it is.
        given = dict(scope["headers"]).get(b"raw-path", scope.get("raw_path"))
        scope |= {"raw_path": given, "path": unquote(given.decode("latin-1"))} if given is not None else {}
        await app(scope, receive, send)

    transport = httpx.ASGITransport(sent, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", event_hooks=DESCRIBED)
