"""`callboard config check`: the configuration as it takes effect, and what is wrong with it."""

import asyncio
from pathlib import Path

import click
import yaml

from cli.exits import FINDINGS, OK
from cli.options import config_option, format_option
from cli.reports import show_json
from config.errors import ConfigurationError
from config.load import Source, load_with_source, redacted
from config.model import Config
from config.paths import shown_path
from graph.configured import registry_from
from graph.redaction import check_redactions
from ingest.settings import configured_kinds
from workers.techdocs.isolation import found_isolation


@click.group("config")
def command() -> None:
    """Look at the configuration."""


@command.command("check")
@format_option("yaml", "json")
@config_option
def check(configs: tuple[Path, ...], format_: str) -> int:
    """Print the effective configuration, without secrets, what builds of documentation are kept apart by here, and every problem.

    Exits with 1 if there are problems.
    """
    try:
        config, source = load_with_source(configs)
        check_redactions(config.permission, registry_from(config.catalog.relations))
        configured_kinds(config.catalog.kinds)
    except ConfigurationError as error:
        for problem in error.all:
            click.echo(problem.line, err=True)
        return FINDINGS
    if format_ == "json":
        show_json(redacted(config))
    else:
        _show_yaml(config, source)
    return OK


def _show_yaml(config: Config, source: Source) -> None:
    click.echo(f"# from {', '.join(shown_path(file) for file in source.files) or 'built-in defaults alone'}")
    click.echo(yaml.safe_dump(redacted(config), sort_keys=False, allow_unicode=True), nl=False)
    for key, meaning in config.techdocs.taken_over():
        click.echo(f"# {key} is taken as {meaning}")
    if config.techdocs.builder == "local":
        click.echo(f"# techdocs: {asyncio.run(found_isolation()).described()}")
    for key, variable in source.unset.items():
        click.echo(f"# {key} is left out: ${variable} is not set")
