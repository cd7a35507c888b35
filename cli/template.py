"""`callboard template`: runs templates from a folder or on a server, and tries them against what they should make."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cli.exits import FINDINGS, OK
from cli.options import config_option, format_option
from cli.printable import printable
from cli.reports import show_json
from cli.template_cases import Case, cases_of, differences, update
from cli.template_files import TemplateFile, given_secrets, given_values, opened_template, placed, rehearsed
from cli.template_server import followed, upgraded
from config import load
from workers.scaffolder.parameters import RefusedValuesError
from workers.scaffolder.port import Rehearsed


@click.group("template")
def command() -> None:
    """Run software templates, and test them."""


_values = click.option("--values", "values_file", type=click.Path(path_type=Path), metavar="FILE", help="YAML or JSON with the parameters.")
_sets = click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="One parameter, its value as YAML; over those of --values.")
_secrets = click.option("--secrets", "secrets_file", type=click.Path(path_type=Path), metavar="FILE", help="YAML or JSON with the secrets.")


@command.command("dry-run")
@click.argument("path", type=click.Path(path_type=Path))
@_values
@_sets
@_secrets
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Write the files to this folder, which must not exist.")
@format_option("table", "json")
@config_option
def dry_run(
    path: Path,
    values_file: Path | None,
    sets: tuple[str, ...],
    secrets_file: Path | None,
    output: Path | None,
    format_: str,
    configs: tuple[Path, ...],
) -> int:
    """Show what the template at PATH (its file, or the folder of template.yaml) would do; nothing is done anywhere.

    Parameters that are not given have their defaults. Exits with 1 if a step fails, the values are not accepted, or something about the
    template is not in order.
    """
    return _tried(path, given_values(values_file, sets), given_secrets(secrets_file), output, format_, configs, is_dry_run=True)


@command.command("run")
@click.argument("template")
@_values
@_sets
@_secrets
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Write the workspace to this folder, which must not exist.")
@click.option("--url", help="Run it on the server at this address, such as http://localhost:7007; TEMPLATE is a ref then.")
@format_option("table", "json")
@config_option
def run(
    template: str,
    values_file: Path | None,
    sets: tuple[str, ...],
    secrets_file: Path | None,
    output: Path | None,
    url: str | None,
    format_: str,
    configs: tuple[Path, ...],
) -> int:
    """Run TEMPLATE: the file or folder of one, in this process and without a catalog; or with --url a ref, on a server.

    Actions do what they do: what publishes, publishes. Exits with 1 if the task fails or the values are not accepted.
    """
    values, secrets = given_values(values_file, sets), given_secrets(secrets_file)
    if url is None:
        return _tried(Path(template), values, secrets, output, format_, configs, is_dry_run=False)
    if output is not None:
        raise click.UsageError("--output is for templates that are run here; a server keeps the workspace to itself")
    return asyncio.run(followed(url, template, values, secrets, as_json=format_ == "json"))


@command.command("upgrade")
@click.argument("ref")
@click.argument("entities", metavar="[ENTITY…]", nargs=-1)
@click.option("--url", required=True, help="The server to ask, such as http://localhost:7007.")
@click.option("--dry-run", is_flag=True, help="Show what would be proposed; nothing is done anywhere.")
@_secrets
@format_option("table", "json")
def upgrade(ref: str, entities: tuple[str, ...], url: str, dry_run: bool, secrets_file: Path | None, format_: str) -> int:
    """Propose pull requests that bring what was made from the template REF up to its present version, or only ENTITY…, by their refs.

    The secrets that the template needs have to be given anew, the same ones for everything that is upgraded.
    Exits with 1 if something can't be upgraded, changed in the repository at the same places (in a dry run), or if a task fails.
    """
    return asyncio.run(upgraded(url, ref, entities, given_secrets(secrets_file), dry_run=dry_run, as_json=format_ == "json"))


@command.command("test")
@click.argument("paths", metavar="PATH…", nargs=-1, type=click.Path(path_type=Path))
@click.option("--update", "updates", is_flag=True, help="Write what the dry runs make as what is expected.")
@format_option("table", "json")
@config_option
def test(paths: tuple[Path, ...], updates: bool, format_: str, configs: tuple[Path, ...]) -> int:
    """Compare dry runs of the templates at PATH… with what they should make; of the folder you are in without any.

    Beside template.yaml a folder tests/ holds a folder for each case: values.yaml, secrets.yaml if it needs some, and expected/ with the
    files. Exits with 1 if anything differs.
    """
    results = asyncio.run(_tested(paths or (Path(),), configs, updates=updates))
    if format_ == "json":
        show_json([{"case": str(case.folder), "differences": list(found)} for case, found in results])
    else:
        for case, found in results:
            click.echo(f"{'differs' if found else 'passes'}  {printable(str(case.folder))}")
            for line in found:
                click.echo(f"    {printable(line)}")
    if not results:
        raise click.UsageError("there are no cases: beside template.yaml a folder tests/ holds a folder for each")
    failed = sum(bool(found) for _, found in results)
    click.echo(f"{len(results):,} {'case' if len(results) == 1 else 'cases'}; {failed:,} of them differ.", err=True)
    return FINDINGS if failed else OK


async def _tested(paths: Sequence[Path], configs: Sequence[Path], *, updates: bool) -> list[tuple[Case, Sequence[str]]]:
    config, results = load(configs), list[tuple[Case, Sequence[str]]]()
    for path in paths:
        async with opened_template(path, config) as file:
            for case in cases_of(file.path.parent):
                try:
                    done = await rehearsed(file, case.values(), case.secrets(), is_dry_run=True)
                except RefusedValuesError as error:
                    results.append((case, [str(error)]))
                    continue
                if updates and done.error is None:
                    update(case, done.files)
                found = [done.error] if done.error else differences(case, done.files)
                results.append((case, [*found, *done.failures]))
    return results


def _tried(
    path: Path,
    values: Mapping[str, Any],
    secrets: Mapping[str, str],
    output: Path | None,
    format_: str,
    configs: Sequence[Path],
    *,
    is_dry_run: bool,
) -> int:
    file, done = asyncio.run(_done(path, values, secrets, configs, is_dry_run=is_dry_run))
    if output is not None and done is not None:
        placed(done.files, output)
    problems = [f"{problem.path}: {problem.message} {problem.remedy}".strip() for problem in file.problems] + file.refusals
    problems += done.failures if done else ()
    if format_ == "json":
        show_json({"problems": problems, **(_told(done) if done else {})})
    else:
        _show(done, problems)
    return FINDINGS if problems or done is None or done.error else OK


async def _done(
    path: Path, values: Mapping[str, Any], secrets: Mapping[str, str], configs: Sequence[Path], *, is_dry_run: bool
) -> tuple[TemplateFile, Rehearsed | None]:
    async with opened_template(path, load(configs)) as file:
        try:
            return file, await rehearsed(file, values, secrets, is_dry_run=is_dry_run)
        except RefusedValuesError as error:
            file.refusals.extend(f"{error.named(refusal)} {refusal.message}" for refusal in error.refusals)
            return file, None


def _told(done: Rehearsed) -> dict[str, Any]:
    steps = [
        {"id": one.id, "action": one.action, "status": one.status, "input": done.inputs.get(one.index), "error": one.error}
        for one in done.steps
    ]
    log = [{"type": event.type, **event.body} for event in done.events]
    files = [{"path": file.path, "executable": file.executable, "bytes": len(file.content)} for file in done.files]
    return {"error": done.error, "steps": steps, "files": files, "output": dict(done.output), "log": log}


def _show(done: Rehearsed | None, problems: Sequence[str]) -> None:
    for event in done.events if done else ():
        if event.body.get("stepId"):
            click.echo(f"{printable(str(event.body['stepId']))}: " + "\n".join(map(printable, str(event.body["message"]).split("\n"))))
    for file in done.files if done else ():
        click.echo(f"  {printable(file.path)}  {len(file.content):,} bytes{', executable' if file.executable else ''}")
    for problem in problems:
        click.echo(f"problem: {printable(problem)}", err=True)
    if done is not None:
        ended = f"failed: {printable(done.error)}" if done.error else "completed"
        click.echo(f"{len(done.steps):,} steps, {len(done.files):,} files; {ended}.", err=True)
