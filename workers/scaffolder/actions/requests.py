"""The action http:backstage:request: what the configuration allows to be asked of the API of this server, and nothing else."""

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import unquote, urlencode, urlsplit

import orjson
from pydantic import Field

from config import Config
from config.scaffolder import AllowedRequest
from graph.errors import ForbiddenError, InputError
from plugins.actions import Action, ActionContext, ActionModel, action
from plugins.hosts import Hosts

_DEFAULT_TIMEOUT = 60_000
_LONGEST_TIMEOUT = 600_000

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "UPDATE", "DELETE", "PUT", "PATCH"]


class Request(ActionModel):
    """The input of http:backstage:request."""

    path: str = Field(description="The url path you want to query")
    method: Method = Field(description="The method type of the request")
    headers: Mapping[str, Any] | None = Field(default=None, description="The headers you would like to pass to your request")
    params: Mapping[str, Any] | None = Field(default=None, description="The query parameters you would like to pass to your request")
    body: Any = Field(default=None, description="The body you would like to pass to your request")
    log_request_path: bool | None = Field(default=None, description="Option to turn request path logging off. On by default")
    continue_on_bad_response: bool | None = Field(
        default=None, description="Return response code and body and continue to next scaffolder step if the response status is 4xx or 5xx."
    )
    timeout: float | None = Field(
        default=None, gt=0, le=_LONGEST_TIMEOUT, description="Timeout for the request (milliseconds), 60000 without it"
    )
    use_backstage_token: bool | None = Field(default=None, description="As in Backstage; a task holds no token here, so it has no effect.")
    idempotency_key: str | None = Field(
        default=None,
        description="A request is sent once for the task and this key, and what was answered is remembered; without it once for the step.",
    )


class Answered(ActionModel):
    """The output of http:backstage:request."""

    code: int = Field(description="The response code of the request")
    headers: Mapping[str, Any] = Field(description="The headers of the response")
    body: Any = Field(default=None, description="The body of the response")


def request_actions(config: Config, hosts: Hosts) -> Sequence[Action]:
    """The one of this module, by what the configuration allows."""

    @action(
        "http:backstage:request",
        "Sends a HTTP request to the Backstage API, as far as `scaffolder.requests` allows it.",
    )
    async def request(given: Request, context: ActionContext) -> Answered:
        url = _url(config.backend.base_url, given)
        _demand_allowed(config.scaffolder.requests, config.backend.base_url, url, given.method)
        shown = f" against {given.path}" if given.log_request_path is not False else ""
        context.log.info(f"Creating {given.method} request{shown}")

        async def send() -> Any:
            return (await _sent(hosts, url, given)).model_dump(mode="json", by_alias=True)

        async def unknown() -> Any:
            raise InputError("the request was sent before, and what became of it nobody knows: look, and retry the task then")

        answer = await context.checkpoint(given.idempotency_key or "request", send, unknown)
        if answer["code"] >= 400 and not given.continue_on_bad_response:
            raise InputError(f"the request was answered with {answer['code']}")
        return Answered.model_validate(answer)

    return [request]


def _url(base_url: str, given: Request) -> str:
    if urlsplit(given.path).scheme or given.path.startswith("//"):
        raise InputError("`path` has to be a path of the API, such as /catalog/entities, and no URL")
    query = urlencode({key: str(value) for key, value in (given.params or {}).items()})
    joined = "&" if "?" in given.path else "?"
    return f"{base_url.rstrip('/')}/api/{given.path.lstrip('/')}{f'{joined}{query}' if query else ''}"


def _demand_allowed(allowed: Sequence[AllowedRequest], base_url: str, url: str, method: str) -> None:
    path = unquote(urlsplit(url).path)
    plain = posixpath.normpath(path)
    beginning = unquote(urlsplit(base_url).path).rstrip("/")
    for one in allowed:
        permitted = f"{beginning}/{one.path.strip('/')}"
        if plain == path.rstrip("/") and "\\" not in path and f"{plain}/".startswith(f"{permitted}/") and method in one.methods:
            return
    raise ForbiddenError(f"{method} {plain} is none of the requests that scaffolder.requests allows")


async def _sent(hosts: Hosts, url: str, given: Request) -> Answered:
    headers = {name.lower(): str(value) for name, value in (given.headers or {}).items()}
    content = _content(given.body, headers)
    seconds = (given.timeout or _DEFAULT_TIMEOUT) / 1000
    # Any status is an answer here; what it means for the step is for the step to say.
    async with hosts.outbound.request(
        given.method, url, headers=headers, content=content, timeout_seconds=seconds, expected=range(200, 600), any_host=True
    ) as answer:
        body = await answer.body()
        is_json = "json" in answer.headers.get("content-type", "")
        told = orjson.loads(body) if is_json and body else {"message": body.decode("utf-8", "replace")}
        return Answered(code=answer.status, headers=dict(answer.headers), body=told)


def _content(body: Any, headers: dict[str, str]) -> bytes | None:
    if body is None:
        return None
    if isinstance(body, str):
        return body.encode()
    headers.setdefault("content-type", "application/json")
    return orjson.dumps(body)
