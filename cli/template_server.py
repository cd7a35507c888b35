"""Tasks on a server, followed until they end."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import click

from cli.catalogs import Ask, Choice, FailedRequestError, data_of, opened
from cli.exits import FINDINGS, OK
from cli.printable import printable
from cli.reports import show_json

_LOOK_SECONDS = 0.5
_UNDER_WAY = ("open", "processing")


async def followed(url: str, template: str, values: Mapping[str, Any], secrets: Mapping[str, str], *, as_json: bool) -> int:
    """Start a task of the template, print its log as it comes, and return the exit code. FailedRequestError."""
    async with opened(Choice(url, (), ())) as ask:
        started = (await data_of(ask, "run_template", {"template": template, "values": values, "secrets": secrets}))["runTemplate"]
        if started["task"] is None:
            for problem in started["problems"]:
                click.echo(f"problem: {printable(problem['path'])} {printable(problem['message'])}", err=True)
            return FINDINGS
        told = await _ended(ask, started["task"]["id"], is_quiet=as_json)
    if as_json:
        show_json(told)
    return OK if told["status"] == "completed" else FINDINGS


async def upgraded(url: str, template: str, entities: Sequence[str], secrets: Mapping[str, str], *, dry_run: bool, as_json: bool) -> int:
    """Have what came from the template upgraded, or with `dry_run` show what that would change, and return the exit code.

    That is FINDINGS if something can't be upgraded, has to be decided by somebody, or failed. FailedRequestError.
    """
    async with opened(Choice(url, (), ())) as ask:
        variables = {"template": template, "entities": list(entities) or None, "dryRun": dry_run, "secrets": secrets}
        upgrades = (await data_of(ask, "upgrade_template", variables))["upgradeFromTemplate"]["upgrades"]
        for upgrade in upgrades:
            if not as_json:
                _show(upgrade)
            if upgrade["task"]:
                upgrade["task"] = await _ended(ask, upgrade["task"]["id"], is_quiet=as_json)
    if as_json:
        show_json(upgrades)
    else:
        uses = len({upgrade["use"]["taskId"] for upgrade in upgrades})
        click.echo(f"{uses:,} {'use' if uses == 1 else 'uses'} of {printable(template)}.", err=True)
    return FINDINGS if any(map(_is_finding, upgrades)) else OK


async def _ended(ask: Ask, task_id: str, *, is_quiet: bool) -> Mapping[str, Any]:
    """How the task ended, its log printed as it comes."""
    after = 0
    while True:
        task = (await data_of(ask, "task", {"id": task_id, "after": after}))["scaffolderTask"]
        if task is None:
            raise FailedRequestError(f"the task {task_id} was started, and you may not read tasks")
        for event in task["events"]:
            after = event["id"]
            if not is_quiet:
                click.echo("\n".join(printable(line) for line in f"{event['stepId'] or 'task'}: {event['message']}".split("\n")))
        if task["status"] not in _UNDER_WAY and not task["events"]:
            break
        await asyncio.sleep(0 if task["events"] else _LOOK_SECONDS)
    if not is_quiet:
        click.echo(f"task {task_id} is {task['status']}", err=True)
    return {"id": task_id, "status": task["status"], "error": task["error"], "output": task["output"]}


def _show(upgrade: Mapping[str, Any]) -> None:
    click.echo(printable(upgrade["repository"] or f"task {upgrade['use']['taskId']}"))
    if upgrade["problem"]:
        click.echo(f"  can't be upgraded: {printable(upgrade['problem'])}")
    if upgrade["current"]:
        click.echo("  is of the present version")
    if upgrade["pullRequest"]:
        click.echo(f"  is proposed by {printable(upgrade['pullRequest'])}")
    for file in upgrade["files"]:
        click.echo(f"  {file['change']}: {printable(file['path'])}")
        if file["conflict"]:
            click.echo(f"    {printable(file['conflict'])}")
        click.echo("".join(f"    {printable(line)}\n" for line in file["diff"].split("\n") if line), nl=False)


def _is_finding(upgrade: Mapping[str, Any]) -> bool:
    ended = upgrade["task"] and upgrade["task"]["status"] != "completed"
    return bool(upgrade["problem"] or ended or any(file["conflict"] for file in upgrade["files"]))
