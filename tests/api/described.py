"""The OpenAPI description of the catalog's REST API, and answers held against it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import orjson

import api.rest.catalog

DESCRIPTION: dict[str, Any] = orjson.loads((Path(api.rest.catalog.__file__).parent / "openapi.json").read_bytes())
PREFIX: str = DESCRIPTION["servers"][0]["url"]


async def is_as_described(response: httpx.Response) -> None:
    """A hook of clients: AssertionError for an answer of the catalog's REST API that the description does not allow."""
    path = response.request.url.path
    if not path.startswith(f"{PREFIX}/"):
        return
    await response.aread()
    operation = _operation(response.request.method, path.removeprefix(PREFIX))
    if operation is None:
        assert response.status_code in {404, 405}, f"{response.request.method} {path} is answered and not described"
        return
    answer = DESCRIPTION["paths"][operation[0]][operation[1]]["responses"]
    status = str(response.status_code)
    assert status in answer or not response.is_success, f"{operation} is answered with {status}, which is not described"
    described = answer.get(status, answer["default"])
    if "$ref" in described:
        described = DESCRIPTION["components"]["responses"][described["$ref"].rpartition("/")[2]]
    if "content" not in described:
        assert response.content == b"", f"{operation} is described as an answer without a body"
        return
    assert response.headers["content-type"] == "application/json; charset=utf-8" or not response.is_success
    schema = described["content"]["application/json"]["schema"]
    found = [f"{'.'.join(map(str, e.instance_path))}: {e.message}" for e in _validator(orjson.dumps(schema)).iter_errors(response.json())]
    assert not found, f"{operation} {status}: {found}"


def _operation(method: str, path: str) -> tuple[str, str] | None:
    """The described path, the more exact of several, and the method in it."""
    fitting = [known for known in DESCRIPTION["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path)]
    exact = min(fitting, key=lambda known: known.count("{"), default=None)
    if exact is None or method.lower() not in DESCRIPTION["paths"][exact]:
        return None
    return exact, method.lower()


@cache
def _validator(schema: bytes) -> Any:
    return jsonschema_rs.validator_for({**orjson.loads(schema), "components": DESCRIPTION["components"]})
