"""Executes a GraphQL operation and gives the answer as it is sent: the server and the offline commands both use it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from strawberry import Schema
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from api.errors import graphql_error, request_error
from api.graphql.context import Context
from graph.errors import InputError, LimitExceededError, StoreUnavailableError

_READING = frozenset({OperationType.QUERY})
_ANSWERED_AT_ONCE = frozenset({OperationType.QUERY, OperationType.MUTATION})


class NotAQueryError(InputError):
    """Only queries are executed here, and the operation is none."""


async def execute(
    schema: Schema,
    query: str,
    variables: Mapping[str, Any] | None,
    operation_name: str | None,
    context: Context,
    *,
    timeout_seconds: float | None = None,
    queries_only: bool = False,
) -> dict[str, Any]:
    """The answer, with `data` only if execution began, and `errors` as clients see them.

    Every failure is an error in the answer, a timeout too. NotAQueryError alone is raised, and only with `queries_only`.
    """
    allowed = _READING if queries_only else _ANSWERED_AT_ONCE
    try:
        async with asyncio.timeout(timeout_seconds):
            result = await schema.execute(query, dict(variables or {}), context, None, operation_name, allowed)
    except TimeoutError:
        limit = f"The operation took longer than {timeout_seconds:g} s, the limit of graphql.timeoutSeconds. Ask for less, or in parts."
        return refusal(LimitExceededError(limit))
    except InvalidOperationTypeError as error:
        if queries_only:
            raise NotAQueryError("Only queries are answered to GET; send other operations by POST.") from error
        return refusal(InputError("Subscriptions are not served over this connection."))
    except CannotGetOperationTypeError:
        return refusal(InputError(_no_such_operation(operation_name)))
    answer: dict[str, Any] = {}
    if result.errors:
        answer["errors"] = [graphql_error(error) for error in result.errors]
    if result.data is not None or not result.errors or any(error.path for error in result.errors):
        answer["data"] = result.data
    if result.extensions:
        answer["extensions"] = result.extensions
    return _unavailable_as_a_whole(answer)


def refusal(error: Exception) -> dict[str, Any]:
    """The answer to a request that was not executed."""
    return {"errors": [request_error(error)]}


def _no_such_operation(name: str | None) -> str:
    if name is None:
        return "The document has several operations, or none; say in `operationName` which one to execute."
    return f"The document has no operation named {name!r}."


def _unavailable_as_a_whole(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer in which nothing but the store's absence is told is a refusal, so that clients and proxies see a 503 and try again."""
    data = answer.get("data")
    if "data" not in answer or (data and any(value is not None for value in data.values())):
        return answer
    unavailable = (error for error in answer.get("errors", ()) if error["extensions"]["code"] == StoreUnavailableError.code)
    first = next(unavailable, None)
    return {"errors": [{"message": first["message"], "extensions": first["extensions"]}]} if first else answer
