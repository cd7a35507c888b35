"""`callboard serve`: the server, until it is stopped."""

from pathlib import Path

import click

from api.server import run
from cli.logs import log_to_stderr
from cli.options import config_option
from cli.progress import shown_progress
from config import Config, load


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen on this port rather than the configured one; 0 takes a free one.")
@config_option
def command(port: int | None, configs: tuple[Path, ...]) -> int:
    """Serve the catalog over GraphQL, and keep it in step with its locations, until stopped by Ctrl-C."""
    config = load(configs)
    log_to_stderr(config)
    with shown_progress() as progress:
        return run(config if port is None else _listening_on(config, port), progress)


def _listening_on(config: Config, port: int) -> Config:
    listen = config.backend.listen.model_copy(update={"port": port})
    return config.model_copy(update={"backend": config.backend.model_copy(update={"listen": listen})})
