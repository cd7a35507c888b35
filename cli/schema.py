"""`callboard schema`: the GraphQL schema as text."""

import asyncio
from pathlib import Path

import click

from api.graphql.schema import build_schema
from cli.catalogs import Choice, data_of, opened
from config import load
from graph.configured import registry_from

_DEFAULT_FILES = ""


@click.command("schema")
@click.option(
    "--config",
    "configs",
    multiple=True,
    is_flag=False,
    flag_value=_DEFAULT_FILES,
    metavar="[FILE]",
    help="With the relations of the configuration: of this file, or, without a name, of the default files.",
)
@click.option("--url", help="The schema of the server at this address.")
def command(configs: tuple[str, ...], url: str | None) -> None:
    """Print the GraphQL schema: the built-in one, yours with --config, a server's with --url."""
    if url and configs:
        raise click.UsageError("--url and --config name two schemas; choose one")
    if url:
        click.echo(asyncio.run(_served(url)).rstrip())
        return
    relations = load([Path(file) for file in configs if file != _DEFAULT_FILES]).catalog.relations if configs else ()
    click.echo(build_schema(registry_from(relations)).as_str().rstrip())


async def _served(url: str) -> str:
    async with opened(Choice(url, (), ())) as ask:
        return (await data_of(ask, "sdl", {}))["_service"]["sdl"]
