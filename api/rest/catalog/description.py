"""The OpenAPI description of what is served under the catalog's prefix, and the route that it is read at."""

from collections.abc import Sequence
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.rest.answers import json_text_answer


def description_routes(prefix: str) -> Sequence[Route]:
    """The description, for those who may ask for anything at all."""
    text = files(__package__ or "").joinpath("openapi.json").read_bytes()

    async def described(_: Request) -> Response:
        return json_text_answer(text)

    return [Route(prefix + "/openapi.json", described, methods=["GET"])]
