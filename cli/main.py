"""The `callboard` command: finds the subcommand, and turns every failure into a message and an exit code."""

import gc
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from cli.exits import FAILURE, OK
from cli.logs import mask_warnings
from config.errors import ConfigurationError
from config.redaction import SecretsFilter
from graph.errors import CallboardError

_COMMANDS = {
    "serve": ("cli.serve", "Serve the catalog over GraphQL."),
    "worker": ("cli.worker", "Run background jobs from the configured queue."),
    "ingest": ("cli.ingest", "Read catalog files into the configured store."),
    "validate": ("cli.validate", "Check catalog files: every error, with file, line and column."),
    "impact": ("cli.impact", "Show what a change of an entity reaches, and whom to tell."),
    "owners": ("cli.owners", "Show who owns an entity."),
    "search": ("cli.search", "Find entities, parts of APIs and documentation by words."),
    "query": ("cli.query", "Run a GraphQL query from a file."),
    "template": ("cli.template", "Run software templates, and test them."),
    "schema": ("cli.schema", "Print the GraphQL schema."),
    "docs": ("cli.docs", "Build documentation, look at it, and publish it."),
    "login": ("cli.login", "Sign in to a server."),
    "logout": ("cli.logout", "Sign out of a server."),
    "policy": ("cli.policy", "Try the permission policy."),
    "config": ("cli.configuration", "Look at the configuration."),
}


class _Commands(click.Group):
    """Imports a subcommand when it is used: a start pays for one command's libraries, and the overview for none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        # What is imported stays anyway, and reading a catalog makes millions of objects, none in a cycle: a fifth of its time went here.
        gc.set_threshold(50_000, 10, 10)
        command = import_module(_COMMANDS[cmd_name][0]).command
        gc.freeze()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.command("callboard", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an unexpected failure.")
@click.version_option(package_name="callboard", message="%(prog)s %(version)s")
def callboard() -> None:
    """A software catalog kept as a knowledge graph.

    Exit codes: 0 for yes, 1 for findings, 2 for wrong usage or failure.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    mask_warnings()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command. What went wrong is said on stderr, without a traceback unless it is asked for."""
    try:
        code = callboard.main(list(arguments), prog_name="callboard", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return FAILURE
    except click.ClickException as error:
        click.echo(f"callboard: {error.format_message()}", err=True)
        return FAILURE
    except (click.Abort, KeyboardInterrupt):
        return 130
    except ConfigurationError as error:
        for problem in error.all:
            click.echo(f"callboard: {problem.line}", err=True)
        return FAILURE
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        else:
            click.echo(f"callboard: {_described(error)}", err=True)
        return FAILURE
    return code if isinstance(code, int) else OK


def _described(error: Exception) -> str:
    if isinstance(error, OSError | CallboardError):
        return str(error)
    return f"unexpected {type(error).__name__}: {SecretsFilter().line(str(error))}; `callboard --debug …` shows where"
