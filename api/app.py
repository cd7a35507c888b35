"""Composes the server: routes, error answers, security headers, and the store's life beside them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from hashlib import blake2b
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from api.audit import Audit, AuditedRefusals
from api.auth.admission import Admission, access_of
from api.auth.sign_in import SignIn, sign_in_for
from api.docs.routes import docs_routes
from api.docs.sites import DocsSites
from api.errors import http_error
from api.graphql.context import Context
from api.graphql.feed import LogFeed
from api.graphql.limits import extensions_for
from api.graphql.page import PageFiles
from api.graphql.schema import build_schema
from api.graphql.trusted import documents_from
from api.graphql.view import GraphQLEndpoint
from api.health import health_routes
from api.limits.composition import after_admission, before_admission
from api.limits.rates import charge
from api.metrics import OperationTimes, TimedOperation, metrics_route
from api.opening import Background, StoreOpening
from api.protection import SecurityHeaders, cross_origin, is_own_origin
from api.rest.catalog.acting import Acting
from api.rest.catalog.reading import Catalog
from api.rest.catalog.routes import catalog_routes
from api.rest.entity_sets import entity_set_routes
from api.rest.permission import HEALTH, permission_routes
from api.rest.scaffolder.routes import scaffolder_routes
from api.rest.search import search_routes
from api.rest.techdocs import techdocs_routes
from api.rest.user_settings import user_settings_routes
from api.webhooks import webhook_routes
from config.model import Config
from config.redaction import secrets_of
from graph.policy import policy_from
from graph.redacting import seen_by
from graph.redaction import check_redactions
from graph.relations import RelationRegistry
from graph.store import Store
from plugins.receivers import receptions_from

if TYPE_CHECKING:
    from plugins.outbound.client import Outbound

_FIRST_TRY_SECONDS = 0.5
"""How long a start waits for the store, so that the first requests to a store that is there are answered."""


_OPEN_PATHS = ("/", "/livez", "/readyz", "/graphiql/*", "/docs/-/*", "/webhooks/*", HEALTH)
"""What is answered whoever asks: it tells nothing of the catalog, or as with webhooks it checks a signature."""


def create_app(config: Config, store: Store, registry: RelationRegistry, background: Background = nullcontext) -> Starlette:
    """The ASGI application. Its lifespan opens and closes the store, and runs `background` while that is open.

    It answers within half a second; until the store is open, GraphQL requests get UNAVAILABLE. `app.state.opening` is the task that
    fails with StoreError if the store can never be opened; `app.state.feed` ends all subscriptions when it is closed.
    """
    check_redactions(config.permission, registry)
    opening, audit = StoreOpening(store, background), Audit(config.backend.audit.file, secrets=secrets_of(config))
    feed = LogFeed(store.head, lambda: opening.work, config.graphql.max_subscriptions)
    times, outbound = OperationTimes(), _outbound(config)
    sign_in = sign_in_for(config, store, outbound, audit)
    docs = DocsSites(config, store, registry, lambda: opening.work)
    graphql = _graphql_endpoint(config, store, registry, opening, feed, times, audit, sign_in, docs)
    app = Starlette(
        routes=[
            Route("/", _to_graphql),
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            Mount("/graphiql", PageFiles()),
            *health_routes(store, opening),
            metrics_route(store, opening, feed, times),
            *_rest_routes(config, store, registry, opening, audit, outbound),
            *docs_routes(docs, lambda: opening.opened),
            *techdocs_routes(docs, Catalog(store, registry), lambda: opening.opened),
            *sign_in.routes,
        ],
        middleware=[
            Middleware(SecurityHeaders, base_url=config.backend.base_url),
            *cross_origin(config.backend.cors),
            *before_admission(config.backend),
            Middleware(AuditedRefusals, audit=audit),
            _admission(config, sign_in),
            *after_admission(config.backend),
        ],
        exception_handlers={HTTPException: http_error, Exception: http_error},
        lifespan=partial(_living, store, opening, feed, outbound, docs),
    )
    app.state.feed, app.state.audit = feed, audit
    return app


def _outbound(config: Config) -> "Outbound | None":
    """What reaches other systems for whoever asks; None where nothing that is configured does."""
    if not (config.proxy.endpoints or config.auth or config.backend.auth.external_access):
        return None
    return cast("Outbound", _only_where_configured("plugins.outbound.client").Outbound(config.backend.reading))


def _only_where_configured(module: str) -> ModuleType:
    # Clients of HTTP take memory for which most servers have no use.
    return import_module(module)


def _admission(config: Config, sign_in: SignIn) -> Middleware:
    proxied = _only_where_configured("api.rest.proxy").open_proxy_paths(config.proxy) if config.proxy.endpoints else ()
    open_paths = (*_OPEN_PATHS, *proxied, *sign_in.open_paths)
    policy = policy_from(config.permission)
    return Middleware(Admission, authenticator=sign_in.authenticator, policy=policy, open_paths=open_paths, sign_in_page=sign_in.page)


@asynccontextmanager
async def _living(
    store: Store, opening: StoreOpening, feed: LogFeed, outbound: "Outbound | None", docs: DocsSites, app: Starlette
) -> AsyncGenerator[None, None]:
    app.state.opening = asyncio.create_task(opening.run())
    await opening.wait_for_first_try(_FIRST_TRY_SECONDS)
    try:
        yield
    finally:
        feed.close()
        app.state.opening.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([app.state.opening])
        if outbound:
            await outbound.close()
        await docs.close()
        app.state.audit.close()
        await store.close()


def _rest_routes(
    config: Config, store: Store, registry: RelationRegistry, opening: StoreOpening, audit: Audit, outbound: "Outbound | None"
) -> list[Route]:
    proxied: list[Route] = []
    if config.proxy.endpoints:
        proxied = _only_where_configured("api.rest.proxy").proxy_routes(config.proxy, outbound, audit)
    return [
        *entity_set_routes(lambda: opening.actions, audit, config.catalog.registration.max_set_bytes),
        *catalog_routes(store, registry, Acting(lambda: opening.actions, audit)),
        *search_routes(lambda: opening.search, audit),
        *permission_routes(store, enabled=config.permission.enabled, max_bytes=config.backend.limits.max_body_bytes),
        *scaffolder_routes(lambda: opening.scaffolder, audit),
        *webhook_routes(receptions_from(config), store, opening),
        *proxied,
        *user_settings_routes(store, lambda: opening.opened, audit),
    ]


def _graphql_endpoint(
    config: Config,
    store: Store,
    registry: RelationRegistry,
    opening: StoreOpening,
    feed: LogFeed,
    times: OperationTimes,
    audit: Audit,
    sign_in: SignIn,
    docs: DocsSites,
) -> GraphQLEndpoint:
    schema = build_schema(registry, (lambda: TimedOperation(times), *extensions_for(config.graphql)))
    return GraphQLEndpoint(
        schema,
        config.graphql,
        context_of=lambda connection: _context(store, registry, connection, opening, feed, audit, sign_in, docs),
        feed=feed,
        is_own_origin=lambda connection: is_own_origin(connection, config.backend.base_url),
        opened=lambda: opening.opened,
        fingerprint=_fingerprint(config, schema.as_str()),
        documents=documents_from(config.graphql.trusted_documents),
    )


def _context(
    store: Store,
    registry: RelationRegistry,
    connection: HTTPConnection,
    opening: StoreOpening,
    feed: LogFeed,
    audit: Audit,
    sign_in: SignIn,
    docs: DocsSites,
) -> Context:
    access = access_of(connection)
    seen, taking = seen_by(store, access, registry), partial(charge, connection)
    return Context(
        seen,
        registry,
        access,
        actions=opening.actions,
        scaffolder=opening.scaffolder,
        work=opening.work,
        log_feed=feed,
        charge=taking,
        audit=audit,
        sessions=sign_in.sessions,
        personal=sign_in.personal,
        search=opening.search,
        docs=docs,
    )


async def _to_graphql(_: Request) -> Response:
    return RedirectResponse("graphql")


def _fingerprint(config: Config, schema: str) -> str:
    """Stands for what answers depend on beside the catalog; secrets are masked in it."""
    return blake2b(f"{config.model_dump_json()}\n{schema}".encode(), digest_size=16).hexdigest()
