"""The one mapping of errors to what clients see: GraphQL errors with a code, and JSON errors of HTTP with a status.

Whatever is not raised on purpose is INTERNAL: clients get an id, and the log has the same id with the traceback.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from graphql import GraphQLError
from graphql.validation.validate import ValidationAbortedError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from graph.errors import CallboardError, InputError, LimitExceededError, RateLimitedError, StoreUnavailableError

STATUS_BY_CODE: Mapping[str, int] = {
    "BAD_USER_INPUT": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "LIMIT_EXCEEDED": 400,
    "UNAVAILABLE": 503,
    "PERSISTED_QUERY_NOT_FOUND": 404,
    "INTERNAL": 500,
}
"""Every value of `extensions.code`, and the status of an HTTP answer that is such an error and nothing else."""

_NAME_BY_STATUS: Mapping[int, str] = {
    400: "InputError",
    401: "AuthenticationError",
    403: "NotAllowedError",
    404: "NotFoundError",
    408: "RequestTimeoutError",
    409: "ConflictError",
    413: "PayloadTooLargeError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}
UNAVAILABLE = "The store can't be reached at the moment. Try again in a few seconds; /readyz says when it is back."
_TOO_DEEP = "The request is nested too deeply to be read. Ask for less, or in parts."
_TOO_INTRICATE = "The operation is too intricate to be validated: too many errors, fragments or overlapping fields. Ask for it in parts."

_LONGEST_MESSAGE = 2_000
_PARSER_GAVE_UP = "Parsing aborted."

_log = logging.getLogger("callboard.errors")


def graphql_error(error: GraphQLError) -> dict[str, Any]:
    """The error as an answer holds it: message, `extensions.code`, and locations and path where there are any; internals masked."""
    formatted: dict[str, Any] = {**error.formatted}
    return {**formatted, **request_error(_cause(error))}


def request_error(error: BaseException) -> dict[str, Any]:
    """The message and `extensions.code` of an error, as one member of `errors`."""
    public = _public(error)
    if isinstance(public, RateLimitedError):
        return {"message": str(public), "extensions": {"code": public.code, "retryAfterSeconds": public.retry_after_seconds}}
    if public is not None:
        return {"message": _shortened(str(public)), "extensions": {"code": public.code}}
    error_id = uuid4().hex[:12]
    _log.error("internal error %s", error_id, exc_info=error)
    message = f"Something went wrong in the server. Its log has the details under the id {error_id}."
    return {"message": message, "extensions": {"code": CallboardError.code, "id": error_id}}


def _shortened(message: str) -> str:
    """Messages quote what was sent, which may be long."""
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


def status_of(extensions: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
    """The status of an HTTP answer that is an error with these `extensions` and nothing else, and the headers that it needs."""
    seconds = extensions.get("retryAfterSeconds")
    if seconds is not None:
        return HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(seconds)}
    return STATUS_BY_CODE[extensions["code"]], {}


async def http_error(request: Request, error: Exception) -> JSONResponse:
    """The answer to a failed HTTP request outside GraphQL, in the one shape that clients of Backstage read."""
    if isinstance(error, HTTPException):
        status, message, headers = error.status_code, error.detail, error.headers
        if status == HTTPStatus.NOT_FOUND and message == HTTPStatus.NOT_FOUND.phrase:
            message = f"Nothing is served at {request.url.path}"
    else:
        seen = request_error(error)
        (status, headers), message = status_of(seen["extensions"]), seen["message"]
    name = _NAME_BY_STATUS.get(status) or HTTPStatus(status).phrase.title().replace(" ", "") + "Error"
    body = {
        "error": {"name": name, "message": _shortened(message)},
        "request": {"method": request.method, "url": _shortened(request.url.path)},
        "response": {"statusCode": status},
    }
    return JSONResponse(body, status, headers)


def _cause(error: GraphQLError) -> BaseException:
    """The error behind a GraphQLError. graphql-core wraps its own once more where it knows the path."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None and not _is_coercion(cause):
        cause = cause.original_error
    if isinstance(cause, GraphQLError) and error.path is not None and not _blames_argument(cause):
        return RuntimeError(cause.message)
    return cause


def _is_coercion(error: GraphQLError) -> bool:
    """A variable or literal that a scalar refused, before anything was executed."""
    return error.path is None and bool(error.nodes) and isinstance(error.original_error, (GraphQLError, ValueError))


def _blames_argument(error: GraphQLError) -> bool:
    return error.message.startswith("Argument ")


def _public(error: BaseException) -> CallboardError | None:
    if isinstance(error, StoreUnavailableError):
        _log.info("the store is unavailable: %s", error)
        return StoreUnavailableError(UNAVAILABLE)
    if isinstance(error, CallboardError):
        return error if error.code != CallboardError.code else None
    if isinstance(error, RecursionError):
        return LimitExceededError(_TOO_DEEP)
    if isinstance(error, ValidationAbortedError):
        return LimitExceededError(_TOO_INTRICATE)
    if isinstance(error, GraphQLError):
        return (LimitExceededError if error.message.endswith(_PARSER_GAVE_UP) else InputError)(error.message)
    return None
