"""Every error reaches clients with a code of the closed list; what nobody raised on purpose reaches them as an id alone."""

import asyncio
import logging
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from starlette.requests import Request

from api.errors import STATUS_BY_CODE, http_error, request_error
from api.execute import NotAQueryError, execute
from api.graphql.schema import CatalogSchema
from graph import errors
from graph.errors import (
    CallboardError,
    ConflictError,
    ForbiddenError,
    InputError,
    InvalidRefError,
    LimitExceededError,
    NotFoundError,
    StoreError,
    StoreUnavailableError,
    UnauthenticatedError,
)

REFUSED = "Variable '$n' has invalid value: "
SECRET = "password=hunter2"
RAISED: dict[str, Exception] = {
    "input": InvalidRefError("no ref"),
    "unauthenticated": UnauthenticatedError("sign in"),
    "forbidden": ForbiddenError("not you"),
    "notFound": NotFoundError("gone"),
    "conflict": ConflictError("taken"),
    "limit": LimitExceededError("too much"),
    "unavailable": StoreUnavailableError(SECRET),
    "store": StoreError(SECRET),
    "bug": ZeroDivisionError(SECRET),
    "recursion": RecursionError(SECRET),
    "library": GraphQLError(SECRET),
}


def _raise(name: str) -> str:
    raise RAISED[name]


async def _slow() -> str:
    await asyncio.sleep(30)
    return "late"


@strawberry.type
class Query:
    fine: str = strawberry.field(resolver=lambda: "fine")
    slow: str = strawberry.field(resolver=_slow)

    @strawberry.field
    def failing(self, name: str) -> str | None:
        return _raise(name)

    @strawberry.field
    def required(self) -> str:
        return None

    @strawberry.field
    def counted(self, count: int = 1) -> int | None:
        return count


SCHEMA = CatalogSchema(query=Query)


async def _answer(query: str, variables: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return await execute(SCHEMA, query, variables, None, None, **more)


async def _error(name: str) -> dict[str, Any]:
    answer = await _answer("query($name: String!) { fine failing(name: $name) }", {"name": name})
    assert answer["data"] == {"fine": "fine", "failing": None}
    [error] = answer["errors"]
    assert error["path"] == ["failing"]
    return error


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("input", "BAD_USER_INPUT", "no ref"),
        ("unauthenticated", "UNAUTHENTICATED", "sign in"),
        ("forbidden", "FORBIDDEN", "not you"),
        ("notFound", "NOT_FOUND", "gone"),
        ("conflict", "CONFLICT", "taken"),
        ("limit", "LIMIT_EXCEEDED", "too much"),
        (
            "unavailable",
            "UNAVAILABLE",
            "The store can't be reached at the moment. Try again in a few seconds; /readyz says when it is back.",
        ),
        ("recursion", "LIMIT_EXCEEDED", "The request is nested too deeply to be read. Ask for less, or in parts."),
    ],
)
async def test_what_is_raised_on_purpose_keeps_its_code(name: str, code: str, message: str):
    error = await _error(name)
    assert error["extensions"] == {"code": code}
    assert error["message"] == message


@pytest.mark.parametrize("name", ["store", "bug", "library"])
async def test_everything_else_is_masked_and_logged_under_its_id(name: str, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR, "callboard"):
        error = await _error(name)
    assert error["extensions"]["code"] == "INTERNAL"
    error_id = error["extensions"]["id"]
    assert error["message"] == f"Something went wrong in the server. Its log has the details under the id {error_id}."
    assert SECRET not in str(error)
    [record] = caplog.records
    assert error_id in record.getMessage()
    assert SECRET in caplog.text


async def test_a_missing_value_of_a_required_field_is_the_servers_fault():
    answer = await _answer("{ required }")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        ("{", {}, "Syntax Error: Expected Name, found <EOF>."),
        ("{ nothing }", {}, "Cannot query field 'nothing' on type 'Query'."),
        (
            "query($n: Int!) { counted(count: $n) }",
            {},
            f"{REFUSED}Expected a value of non-null type 'Int!' to be provided.",
        ),
        (
            "query($n: Int!) { counted(count: $n) }",
            {"n": "x"},
            f"{REFUSED}Int cannot represent non-integer value: 'x'",
        ),
        ("mutation { a }", {}, "The mutation operation is not supported by the schema."),
    ],
)
async def test_a_request_that_can_not_be_executed_is_the_callers_fault_and_has_no_data(query: str, variables: dict[str, Any], message: str):
    answer = await _answer(query, variables)
    [error] = answer["errors"]
    assert (error["message"], error["extensions"]) == (message, {"code": "BAD_USER_INPUT"})
    assert "data" not in answer


async def test_an_argument_refused_while_executing_is_the_callers_fault():
    answer = await _answer("query($n: Int = 3) { counted(count: $n) }", {"n": None})
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"].startswith("Argument 'count' has invalid value")


async def test_an_answer_of_which_nothing_but_unavailability_is_left_is_a_refusal():
    answer = await _answer('{ failing(name: "unavailable") }')
    assert answer == {"errors": [request_error(StoreUnavailableError())]}


async def test_a_slow_operation_is_ended():
    answer = await _answer("{ fine slow }", timeout_seconds=0.05)
    message = "The operation took longer than 0.05 s, the limit of graphql.timeoutSeconds. Ask for less, or in parts."
    assert answer == {"errors": [{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]}


async def test_only_queries_pass_where_only_queries_are_asked_for():
    with pytest.raises(NotAQueryError):
        await _answer("mutation { a }", queries_only=True)


def test_the_codes_are_those_of_the_contract():
    assert set(STATUS_BY_CODE) == {
        "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "BAD_USER_INPUT", "CONFLICT", "LIMIT_EXCEEDED", "UNAVAILABLE",
        "PERSISTED_QUERY_NOT_FOUND", "INTERNAL",
    }  # fmt: skip
    tree = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, CallboardError)]
    assert {error.code for error in tree} <= set(STATUS_BY_CODE)


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (InputError("mend it"), 400, "InputError"),
        (UnauthenticatedError("mend it"), 401, "AuthenticationError"),
        (ForbiddenError("mend it"), 403, "NotAllowedError"),
        (NotFoundError("mend it"), 404, "NotFoundError"),
        (ConflictError("mend it"), 409, "ConflictError"),
        (LimitExceededError("mend it"), 400, "InputError"),
        (StoreUnavailableError("mend it"), 503, "ServiceUnavailableError"),
        (KeyError(SECRET), 500, "InternalServerError"),
    ],
)
async def test_an_http_error_has_the_form_of_backstage(error: Exception, status: int, name: str):
    request = Request({"type": "http", "method": "GET", "path": "/x", "headers": [], "query_string": b"", "server": ("localhost", 80)})
    response = await http_error(request, error)
    assert response.status_code == status
    assert SECRET not in bytes(response.body).decode()
    assert f'"name":"{name}"' in bytes(response.body).decode()
