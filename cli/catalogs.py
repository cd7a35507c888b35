"""Which catalog a command asks: a server by its URL, or files read for this one command. Both answer the same GraphQL."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import wraps
from importlib import import_module, resources
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from cli.options import config_option

Answer = Mapping[str, Any]
"""A GraphQL response: `data`, and `errors` if there are any."""

Result = TypeVar("Result")


class Ask(Protocol):
    """Runs a GraphQL operation of the catalog. FailedRequestError if there is no answer at all."""

    async def __call__(self, query: str, variables: Mapping[str, Any], operation_name: str | None = None) -> Answer: ...


class FailedRequestError(click.ClickException):
    """The catalog did not answer, or answered with an error."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the options of a command say: the server at `url`, else the files at `paths`, else the configured locations."""

    url: str | None
    paths: Sequence[str]
    configs: Sequence[Path]


def catalog_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Gives a command the options that choose a catalog, as its argument `choice`."""

    @click.option("--url", help="Ask the server at this address, such as http://localhost:7007.")
    @click.option("--catalog", "paths", multiple=True, metavar="PATH", help="Read these files, folders or globs, not the configured ones.")
    @config_option
    @wraps(command)
    def with_choice(*args: Any, url: str | None, paths: tuple[str, ...], configs: tuple[Path, ...], **kwargs: Any) -> Result:
        if url and paths:
            raise click.UsageError("--url and --catalog name two catalogs; choose one")
        return command(*args, choice=Choice(url, paths, configs), **kwargs)

    return with_choice


def opened(choice: Choice, *, searching: bool = False) -> AbstractAsyncContextManager[Ask]:
    """The chosen catalog, ready to be asked, and `searching` also to be searched. ConfigurationError if its configuration is wrong."""
    # Only one of the two is needed, and each brings libraries that take a while to import.
    if choice.url:
        return import_module("cli.remote").opened(choice)
    return import_module("cli.offline").opened(choice, searching=searching)


async def data_of(ask: Ask, operation: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data that an operation of cli/operations/ gets. FailedRequestError if the answer has errors."""
    answer = await ask(resources.files("cli.operations").joinpath(f"{operation}.graphql").read_text("utf-8"), variables)
    if errors := answer.get("errors"):
        raise FailedRequestError("; ".join(error["message"] for error in errors))
    return answer["data"]


async def pages_of(ask: Ask, operation: str, variables: Mapping[str, Any], field: str) -> AsyncIterator[Mapping[str, Any]]:
    """The connection under `field`, page after page. The operation takes its cursor as `$after`."""
    after: str | None = None
    while True:
        connection = (await data_of(ask, operation, {**variables, "after": after}))[field]
        yield connection
        if not connection["pageInfo"]["hasNextPage"]:
            return
        after = connection["pageInfo"]["endCursor"]
