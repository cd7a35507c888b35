"""Reading the requests of REST and answering them: JSON in, JSON out, and errors in the one shape of HTTP errors."""

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.errors import http_error
from graph.errors import CallboardError, InputError
from ingest.lifecycle import PreconditionError

Answer = Callable[[Request], Awaitable[Response]]

JSON = "application/json; charset=utf-8"


def answering(answer: Answer) -> Answer:
    """The answer, or the error in the one shape of HTTP errors."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except PreconditionError as error:
            return await http_error(request, HTTPException(412, str(error)))
        except (CallboardError, HTTPException) as error:
            return await http_error(request, error)

    return answered


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The content as JSON, which nobody on the way keeps."""
    return json_text_answer(orjson.dumps(content), status, headers)


def json_text_answer(text: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """What is JSON already, answered as `json_answer` does."""
    return Response(text, status, {"Content-Type": JSON, "Cache-Control": "no-store", **(headers or {})})


async def json_object(request: Request, max_bytes: int, limit_key: str = "") -> dict[str, object]:
    """The JSON object that the body holds. InputError if it holds none; 415 for another media type; 413 for a larger one, which names
    the `limit_key` of the configuration that says how large it may be.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The body has to be JSON, with the header Content-Type: application/json.")
    try:
        body = orjson.loads(await _body(request, max_bytes, limit_key))
    except orjson.JSONDecodeError as error:
        raise InputError(f"The body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise InputError("The body has to be a JSON object.")
    return cast("dict[str, object]", body)


async def _body(request: Request, max_bytes: int, limit_key: str) -> bytes:
    too_large = HTTPException(413, f"The body is larger than {max_bytes:,} bytes{f' ({limit_key})' if limit_key else ''}.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise too_large
    except ClientDisconnect as error:
        raise HTTPException(400, "The body did not arrive whole.") from error
    return bytes(body)
