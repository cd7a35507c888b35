"""The application in this process, asked over HTTP without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import httpx

from api.app import create_app
from api.opening import Background
from config.graphql import GraphQL
from config.model import Config
from graph.relations import RelationRegistry
from graph.store import Store
from tests.api.catalog import CONFIGURED

RESPONSE = "application/graphql-response+json"


@asynccontextmanager
async def client_of(
    store: Store,
    *,
    registry: RelationRegistry = CONFIGURED,
    background: Background = nullcontext,
    **graphql: object,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with this store, which it opens, and these settings of `graphql`."""
    app = create_app(Config(graphql=GraphQL.model_validate(graphql)), store, registry, background)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


async def ask(client: httpx.AsyncClient, query: str, **more: object) -> httpx.Response:
    """The answer to an operation by POST, in the newer media type."""
    return await client.post("/graphql", json={"query": query, **more}, headers={"Accept": RESPONSE})
