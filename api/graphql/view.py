"""GraphQL over HTTP at one address: queries by GET with ETags, everything by POST, GraphiQL for browsers.

https://graphql.github.io/graphql-over-http/draft/
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from api.auth.admission import access_of, admittance_of
from api.auth.expiry import ended
from api.errors import STATUS_BY_CODE, UNAVAILABLE, status_of
from api.execute import NotAQueryError, execute, refusal
from api.graphql.context import Context
from api.graphql.feed import LogFeed
from api.graphql.media import JSON, RESPONSE, answer_type, wants_events, wants_page
from api.graphql.page import page
from api.graphql.requests import BodyTooLargeError, GraphQLRequest, MediaTypeError, request_of_address, request_of_body
from api.graphql.schema import CatalogSchema, core_schema
from api.graphql.sse import EventStream
from api.graphql.streams import answers, type_of
from api.graphql.trusted import Documents
from api.graphql.validators import content_tag, depends_on_log_alone, log_tag, matches
from api.graphql.ws import GraphQLSocket
from config.graphql import GraphQL
from graph.errors import CallboardError, InputError, StoreUnavailableError

_METHODS = "GET, HEAD, POST"
_ASKING = frozenset({"query", "documentId", "extensions"})
_CACHING = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}


class MethodError(InputError):
    """The endpoint does not answer this HTTP method."""


class NotAcceptableError(InputError):
    """The client takes no media type that a GraphQL answer can have."""


_STATUS_BY_ERROR: Mapping[type[CallboardError], int] = {
    NotAQueryError: 405,
    MethodError: 405,
    NotAcceptableError: 406,
    BodyTooLargeError: 413,
    MediaTypeError: 415,
}


class GraphQLEndpoint:
    """The ASGI application at /graphql, for HTTP and WebSockets.

    `fingerprint` stands for the configuration in ETags; `opened` says whether the store is; `is_own_origin` whether a page that opens a
    WebSocket may.
    """

    def __init__(
        self,
        schema: CatalogSchema,
        settings: GraphQL,
        *,
        context_of: Callable[[HTTPConnection], Context],
        feed: LogFeed,
        is_own_origin: Callable[[HTTPConnection], bool],
        opened: Callable[[], bool],
        fingerprint: str,
        documents: Documents,
    ) -> None:
        self._schema = schema
        self._core = core_schema(schema)
        self._settings = settings
        self._context_of = context_of
        self._feed = feed
        self._is_own_origin = is_own_origin
        self._opened = opened
        self._fingerprint = fingerprint
        self._documents = documents

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._serve_socket(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        response = await self._response(request)
        await response(scope, receive, send)

    async def _serve_socket(self, socket: WebSocket) -> None:
        if not self._is_own_origin(socket):
            # Refused before it is accepted, which the client sees as 403.
            await socket.close()
            return
        await GraphQLSocket(socket, self._schema, self._settings, self._feed, lambda: self._context_of(socket), self._documents).serve()

    async def _events(self, request: Request) -> EventStream:
        is_get = request.method == "GET"
        asked = request_of_address(request, self._documents) if is_get else await self._asked(request)
        if not self._opened():
            raise StoreUnavailableError(UNAVAILABLE)
        if is_get and type_of(asked, self._settings) is OperationType.MUTATION:
            raise NotAQueryError("Mutations are not executed by GET; send them by POST.")
        stream = answers(self._schema, asked, self._context_of(request), self._settings)
        return EventStream(stream, lambda: ended(admittance_of(request), access_of(request)))

    async def _asked(self, request: Request) -> GraphQLRequest:
        return await request_of_body(request, self._settings.max_request_bytes, self._documents)

    async def _response(self, request: Request) -> Response | EventStream:
        accept = request.headers.get("accept")
        if (
            request.method in {"GET", "HEAD"}
            and not _ASKING & request.query_params.keys()
            and self._settings.graphiql
            and wants_page(accept)
        ):
            return page()
        media_type = answer_type(accept)
        try:
            if wants_events(accept) and request.method in {"GET", "POST"}:
                return await self._events(request)
            if media_type is None:
                raise NotAcceptableError(f"Answers are {RESPONSE} or {JSON}; the Accept header allows neither.")
            if request.method == "POST":
                return _answered(await self._execute(request, await self._asked(request)), media_type)
            if request.method in {"GET", "HEAD"}:
                return await self._get(request, request_of_address(request, self._documents), media_type)
            raise MethodError(f"{request.method} is not answered here; use POST, or GET for queries.")
        except CallboardError as error:
            return _refused(error, media_type or JSON)

    async def _get(self, request: Request, asked: GraphQLRequest, media_type: str) -> Response:
        if not self._opened():
            raise StoreUnavailableError(UNAVAILABLE)
        named = request.headers.get("if-none-match")
        context = self._context_of(request)
        # The log tells of what is hidden as well, if only that it has changed.
        by_log = context.access.sees_everything
        tag = await log_tag(asked, context, self._fingerprint + media_type) if by_log else ""
        if by_log and matches(named, tag):
            return _unchanged(tag)
        answer = await self._execute(request, asked, queries_only=True)
        response = _answered(answer, media_type)
        if "errors" in answer:
            return response
        if not by_log or not depends_on_log_alone(self._core, asked):
            tag = content_tag(bytes(response.body))
            if matches(named, tag):
                return _unchanged(tag)
        response.headers.update({"ETag": tag, **_CACHING})
        return response

    async def _execute(self, request: Request, asked: GraphQLRequest, *, queries_only: bool = False) -> dict[str, Any]:
        if not self._opened():
            return refusal(StoreUnavailableError(UNAVAILABLE))
        return await execute(
            self._schema,
            asked.query,
            asked.variables,
            asked.operation_name,
            self._context_of(request),
            timeout_seconds=self._settings.timeout_seconds,
            queries_only=queries_only,
        )


def _answered(answer: Mapping[str, Any], media_type: str) -> Response:
    """A request that was refused says so by its status; plain JSON keeps the 200 that older clients expect, but for an absent store
    and for what is to be tried again later.
    """
    status, headers = 200, dict[str, str]()
    if "data" not in answer:
        refused, headers = status_of(answer["errors"][0]["extensions"])
        status = refused if media_type == RESPONSE or refused >= 429 else 200
    response = _json(answer, media_type, status)
    response.headers.update(headers)
    return response


def _refused(error: CallboardError, media_type: str) -> Response:
    """A request that is not even a GraphQL request is refused by status in either type."""
    response = _json(refusal(error), media_type, _STATUS_BY_ERROR.get(type(error)) or STATUS_BY_CODE[error.code])
    if isinstance(error, MethodError | NotAQueryError):
        response.headers["Allow"] = _METHODS if isinstance(error, MethodError) else "POST"
    return response


def _json(answer: Mapping[str, Any], media_type: str, status: int) -> Response:
    headers = {"Content-Type": f"{media_type}; charset=utf-8", "Cache-Control": "no-store"}
    if status == 503:
        headers["Retry-After"] = "5"
    return Response(orjson.dumps(answer), status, headers)


def _unchanged(tag: str) -> Response:
    return Response(status_code=304, headers={"ETag": tag, **_CACHING})
