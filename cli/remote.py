"""A catalog that a server holds."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx

from cli.catalogs import Answer, Ask, Choice, FailedRequestError
from config.tokens import VARIABLE, token_for

_UNAUTHORIZED = 401
_ACCEPTED = "application/graphql-response+json, application/json;q=0.9"


@asynccontextmanager
async def opened(choice: Choice) -> AsyncGenerator[Ask]:
    """The catalog of the server at the chosen URL. Nothing is sent until something is asked."""
    address = f"{(choice.url or '').rstrip('/').removesuffix('/graphql')}/graphql"
    token = token_for(choice.url or "")
    headers = {"accept": _ACCEPTED, **({"authorization": f"Bearer {token}"} if token else {})}
    async with httpx.AsyncClient(timeout=60, headers=headers) as client:

        async def ask(query: str, variables: Mapping[str, Any], operation_name: str | None = None) -> Answer:
            request = {"query": query, "variables": variables, "operationName": operation_name}
            try:
                response = await client.post(address, json=request)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise FailedRequestError(f"{address} can't be reached: {error or type(error).__name__}") from error
            return _answer(response, address)

        yield ask


def _answer(response: httpx.Response, address: str) -> Answer:
    try:
        answer: object = response.json()
    except ValueError:
        answer = None
    if response.status_code == _UNAUTHORIZED:
        server = address.removesuffix("/graphql")
        raise FailedRequestError(f"{server} does not know you: run callboard login --url {server}, or set {VARIABLE} to a valid token")
    if isinstance(answer, dict) and {"data", "errors"}.intersection(cast("Answer", answer)):
        return cast("Answer", answer)
    raise FailedRequestError(f"{address} is no GraphQL endpoint: it answered {response.status_code} {response.reason_phrase}")
