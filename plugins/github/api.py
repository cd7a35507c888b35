"""GitHub's REST and GraphQL interfaces, signed in as the integration says."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson

from config.integrations import GitHubIntegration, host_of
from plugins.contract import SourceError, SourceReason
from plugins.github.app import GitHubCredentials
from plugins.outbound.answers import Answer, unreadable
from plugins.outbound.client import Outbound
from plugins.rest import next_link, understood

_VERSION = "2022-11-28"
_JSON = "application/vnd.github+json"
_LISTED_BYTES = 64 * 1024 * 1024
_MOST_PAGES = 1000


class GitHubApi:
    """Requests to one GitHub. `owner` is whose things are asked for: it decides which app's installation signs in."""

    def __init__(self, integration: GitHubIntegration, outbound: Outbound, clock: Callable[[], float] = time.time) -> None:
        self.url = integration.api_url
        self._host = host_of(self.url)
        self._outbound = outbound
        self._credentials = GitHubCredentials(integration, outbound, clock)

    @asynccontextmanager
    async def request(
        self,
        path: str,
        owner: str,
        *,
        accept: str = _JSON,
        known_tag: str | None = None,
        content: bytes | None = None,
        max_bytes: int = _LISTED_BYTES,
        timeout_seconds: float = 60.0,
        expected: Collection[int] = (),
    ) -> AsyncGenerator[Answer]:
        """What `path` (with its query, or a whole URL of the interface) answers to a GET, or to a POST of the content.

        With `known_tag` the status may be 304. An installation's token that is refused is renewed once. Errors as of `Outbound.request`.
        """
        url = path if path.startswith(("https://", "http://")) else f"{self.url}{path}"
        wanted = {"accept": accept, "x-github-api-version": _VERSION, **({"if-none-match": known_tag} if known_tag else {})}

        async def sent() -> Mapping[str, str]:
            return {**wanted, **await self._credentials.headers(owner)}

        more: Mapping[str, Any] = {
            "content": content,
            "max_bytes": max_bytes,
            "timeout_seconds": timeout_seconds,
            "expected": expected,
            "credentials_host": self._host,
        }
        method = "GET" if content is None else "POST"
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(self._outbound.request(method, url, headers=await sent(), **more))
            except SourceError as error:
                if error.reason is not SourceReason.UNAUTHORIZED or not self._credentials.forget(owner):
                    raise
                answer = await stack.enter_async_context(self._outbound.request(method, url, headers=await sent(), **more))
            yield answer

    async def json(self, path: str, owner: str, *, expected: Collection[int] = ()) -> Any:
        """What a GET answers as JSON; None for an answer without content or with an `expected` status from 400 on."""
        async with self.request(path, owner, expected=expected) as answer:
            return None if answer.status >= 400 else await answer.json()

    async def pages(self, path: str, owner: str, key: str | None = None) -> AsyncIterator[list[Any]]:
        """The pages of a list, each as its items; with `key` they are below that key of an object. Follows the Link header."""
        following: str | None = path
        for _ in range(_MOST_PAGES):
            if following is None:
                return
            async with self.request(following, owner) as answer:
                found = await answer.json()
                with understood(answer.url):
                    items: list[Any] = list(found[key] if key else found)
                following = next_link(answer)
            yield items

    async def graphql(self, query: str, variables: Mapping[str, Any], owner: str) -> Any:
        """The `data` of a GraphQL answer. SourceError (MALFORMED, NOT_FOUND, RATE_LIMITED) if it has errors instead."""
        # https://docs.github.com/en/enterprise-server/graphql/guides/forming-calls-with-graphql: beside /v3, not below it.
        url = f"{self.url.removesuffix('/v3')}/graphql"
        async with self.request(url, owner, content=orjson.dumps({"query": query, "variables": variables})) as answer:
            found = await answer.json()
            with understood(answer.url):
                errors: list[Any] = found.get("errors") or []
                kinds = {str(error.get("type")) for error in errors}
                if not errors:
                    return found["data"]
            raise _graphql_error(answer, kinds)


def _graphql_error(answer: Answer, kinds: Collection[str]) -> SourceError:
    if "RATE_LIMITED" in kinds:
        remedy = "Nothing needs to be done: it is read again when GitHub allows."
        return SourceError(SourceReason.RATE_LIMITED, answer.url, f"{answer.at.host} says that its rate limit is used up", remedy)
    if "NOT_FOUND" in kinds:
        remedy = "Check the names, and that the credentials under integrations.github may see them."
        return SourceError(SourceReason.NOT_FOUND, answer.url, f"{answer.at.host} knows nothing of what was asked for", remedy)
    return unreadable(answer.at, "answered a GraphQL query with errors")
