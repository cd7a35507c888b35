"""Composes the server: routes, error answers, security headers, and the store's life beside them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext, suppress
from hashlib import blake2b

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from api.errors import http_error
from api.graphql.context import Context
from api.graphql.limits import extensions_for
from api.graphql.page import PageFiles
from api.graphql.schema import build_schema
from api.graphql.view import GraphQLEndpoint
from api.health import health_routes
from api.opening import Background, StoreOpening
from api.protection import SecurityHeaders
from api.rest.entity_sets import entity_set_routes
from api.webhooks import webhook_routes
from config.model import Config
from graph.relations import RelationRegistry
from graph.store import Store
from plugins.receivers import receptions_from

_FIRST_TRY_SECONDS = 0.5
"""How long a start waits for the store, so that the first requests to a store that is there are answered."""


def create_app(config: Config, store: Store, registry: RelationRegistry, background: Background = nullcontext) -> Starlette:
    """The ASGI application. Its lifespan opens and closes the store, and runs `background` while that is open.

    It answers within half a second; until the store is open, GraphQL requests get UNAVAILABLE. `app.state.opening` is the task that
    fails with StoreError if the store can never be opened.
    """
    opening = StoreOpening(store, background)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        app.state.opening = asyncio.create_task(opening.run())
        await opening.wait_for_first_try(_FIRST_TRY_SECONDS)
        try:
            yield
        finally:
            app.state.opening.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([app.state.opening])
            await store.close()

    schema = build_schema(registry, extensions_for(config.graphql))
    graphql = GraphQLEndpoint(
        schema,
        config.graphql,
        context_of=lambda _: Context(store, registry, actions=opening.actions),
        opened=lambda: opening.opened,
        fingerprint=_fingerprint(config, schema.as_str()),
    )
    return Starlette(
        routes=[
            Route("/", _to_graphql),
            Route("/graphql", graphql),
            Mount("/graphiql", PageFiles()),
            *health_routes(store, opening),
            *entity_set_routes(lambda: opening.actions, config.catalog.registration.max_set_bytes),
            *webhook_routes(receptions_from(config), store, opening),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: http_error, Exception: http_error},
        lifespan=lifespan,
    )


async def _to_graphql(_: Request) -> Response:
    return RedirectResponse("graphql")


def _fingerprint(config: Config, schema: str) -> str:
    """Stands for what answers depend on beside the catalog; secrets are masked in it."""
    return blake2b(f"{config.model_dump_json()}\n{schema}".encode(), digest_size=16).hexdigest()
