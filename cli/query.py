"""`callboard query`: a GraphQL query from a file, its answer as JSON."""

import asyncio
from pathlib import Path
from typing import Any, TextIO, cast

import click
import orjson

from cli.catalogs import Answer, Choice, catalog_options, opened
from cli.exits import FAILURE, OK
from cli.reports import show_json


@click.command("query")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--variables", "given", default="{}", metavar="JSON", help="The variables: a JSON object, or @FILE that holds one.")
@click.option("--operation", "operation_name", help="Which operation of the file to run, if it has several.")
@catalog_options
def command(file: TextIO, given: str, operation_name: str | None, choice: Choice) -> int:
    """Run the GraphQL query in FILE (- for stdin) and print the answer as JSON.

    Exits with 2 if the answer has errors.
    """
    answer = asyncio.run(_asked(file.read(), _variables(given), operation_name, choice))
    show_json(answer)
    return FAILURE if answer.get("errors") else OK


async def _asked(query: str, variables: dict[str, Any], operation_name: str | None, choice: Choice) -> Answer:
    async with opened(choice) as ask:
        return await ask(query, variables, operation_name)


def _variables(given: str) -> dict[str, Any]:
    try:
        text = Path(given[1:]).read_text("utf-8") if given.startswith("@") else given
        variables: object = orjson.loads(text)
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="--variables") from error
    if not isinstance(variables, dict):
        raise click.BadParameter("has to be a JSON object", param_hint="--variables")
    return cast("dict[str, Any]", variables)
