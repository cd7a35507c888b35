"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Gives a command --config, as its argument `configs`."""
    return click.option(
        "--config",
        "configs",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read the configuration from this file alone; with several, later ones win. Without it: app-config.yaml and "
        "app-config.<environment>.yaml of this folder.",
    )(command)


def format_option(*formats: str) -> Callable[[Command], Command]:
    """Gives a command --format, the first of the formats being its default."""
    return click.option("--format", "format_", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print.")
