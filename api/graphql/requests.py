"""GraphQL requests as they come over HTTP: from the address of a GET, from the JSON body of a POST."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from starlette.requests import Request

from api.graphql.media import JSON
from api.graphql.trusted import Documents
from graph.errors import InputError, LimitExceededError

_UTF_8 = frozenset({"", "utf-8", "utf8"})


class MediaTypeError(InputError):
    """The body is of a type that is not read here."""


class BodyTooLargeError(LimitExceededError):
    """The body is longer than the configuration allows."""


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client asks for."""

    query: str
    operation_name: str | None
    variables: Mapping[str, Any]


async def request_of_body(request: Request, max_bytes: int, documents: Documents) -> GraphQLRequest:
    """The request in a JSON body. MediaTypeError, BodyTooLargeError, or InputError if it can't be understood.

    Any other type than JSON is refused, since a page of another site could make a browser send it without being asked.
    """
    _demand_json(request.headers.get("content-type", ""))
    body = await _body(request, max_bytes)
    try:
        parameters = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError(f"The body is not valid JSON: {error}") from error
    if isinstance(parameters, list):
        raise InputError("Batches are not served; send each operation in a request of its own.")
    if not isinstance(parameters, dict):
        raise InputError('The body has to be a JSON object such as {"query": "{ viewer { ref } }"}.')
    return request_of_parameters(cast("dict[str, object]", parameters), documents)


def request_of_address(request: Request, documents: Documents) -> GraphQLRequest:
    """The request in the query string, with `variables` and `extensions` as JSON. InputError if it can't be understood."""
    parameters: dict[str, object] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if text := request.query_params.get(name):
            try:
                parameters[name] = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise InputError(f"`{name}` is not valid JSON: {error}") from error
    return request_of_parameters(parameters, documents)


def _demand_json(content_type: str) -> None:
    media_type, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    if media_type != JSON:
        raise MediaTypeError("POST needs a JSON body and the header Content-Type: application/json.")
    charset = next((piece[8:].strip('"') for piece in parameters if piece.startswith("charset=")), "")
    if charset not in _UTF_8:
        raise MediaTypeError(f"The body is read as UTF-8, not as {charset}.")


async def _body(request: Request, max_bytes: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        _refuse_beyond(max_bytes, int(announced))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        _refuse_beyond(max_bytes, len(body))
    return bytes(body)


def _refuse_beyond(limit: int, length: int) -> None:
    if length > limit:
        raise BodyTooLargeError(f"The body has {length:,} bytes or more; the limit is {limit:,} (graphql.maxRequestBytes).")


def request_of_parameters(parameters: Mapping[str, object], documents: Documents) -> GraphQLRequest:
    """The request whose parts are named as in a JSON body. InputError if it can't be understood, and as `documents` say."""
    query = documents.text_of(parameters)
    name = parameters.get("operationName")
    if name is not None and not isinstance(name, str):
        raise InputError("`operationName` has to be a string or null.")
    for key in ("variables", "extensions"):
        if not isinstance(parameters.get(key), dict | None):
            raise InputError(f"`{key}` has to be an object or null.")
    return GraphQLRequest(query, name or None, cast("dict[str, Any]", parameters.get("variables") or {}))
