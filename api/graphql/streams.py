"""Executes an operation whose answers come one after another: a subscription as long as it lasts, anything else once."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from graphql import GraphQLError, OperationType, get_operation_ast, parse
from strawberry import Schema
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType as AllowedType

from api.errors import graphql_error
from api.execute import execute, refusal
from api.graphql.context import Context
from api.graphql.feed import FeedClosedError
from api.graphql.requests import GraphQLRequest
from config.graphql import GraphQL

_SUBSCRIBING = frozenset({AllowedType.SUBSCRIPTION})


def type_of(asked: GraphQLRequest, settings: GraphQL) -> OperationType | None:
    """What sort of operation it is; None for one that can't be understood, which is refused when it is executed."""
    try:
        operation = get_operation_ast(parse(asked.query, no_location=True, max_tokens=settings.max_tokens), asked.operation_name)
    except (GraphQLError, RecursionError):
        return None
    return operation.operation if operation else None


async def answers(schema: Schema, asked: GraphQLRequest, context: Context, settings: GraphQL) -> AsyncGenerator[dict[str, Any]]:
    """The answers, errors as clients see them. One without `data` says that the operation was refused, and is the only one.

    FeedClosedError when the server stops.
    """
    if type_of(asked, settings) is OperationType.SUBSCRIPTION:
        async with aclosing(_events(schema, asked, context)) as events:
            async for event in events:
                yield event
        return
    timeout = settings.timeout_seconds
    yield await execute(schema, asked.query, asked.variables, asked.operation_name, context, timeout_seconds=timeout)


async def _events(schema: Schema, asked: GraphQLRequest, context: Context) -> AsyncGenerator[dict[str, Any]]:
    try:
        stream = await schema.stream(
            asked.query, dict(asked.variables), context, operation_name=asked.operation_name, allowed_operation_types=_SUBSCRIBING
        )
        async with aclosing(stream):
            async for result in stream:
                if not isinstance(result, ExecutionResult):
                    raise TypeError("only @defer and @stream give parts of results, and the schema has neither")
                errors = result.errors or []
                if any(isinstance(error.original_error, FeedClosedError) for error in errors):
                    raise FeedClosedError(FeedClosedError.MESSAGE)
                told = [graphql_error(error) for error in errors]
                if isinstance(result, PreExecutionError) or (told and not any("path" in error for error in told)):
                    yield {"errors": told}
                    return
                yield {"data": result.data, **({"errors": told} if told else {})}
    except FeedClosedError:
        raise
    except Exception as error:
        yield refusal(error)
