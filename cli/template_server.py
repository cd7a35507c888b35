"""Tasks on a server, followed until they end."""

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from cli.catalogs import Choice, FailedRequestError, data_of, opened
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
        task_id, after = started["task"]["id"], 0
        while True:
            task = (await data_of(ask, "task", {"id": task_id, "after": after}))["scaffolderTask"]
            if task is None:
                raise FailedRequestError(f"the task {task_id} was started, and you may not read tasks")
            for event in task["events"]:
                after = event["id"]
                if not as_json:
                    click.echo("\n".join(printable(line) for line in f"{event['stepId'] or 'task'}: {event['message']}".split("\n")))
            if task["status"] not in _UNDER_WAY and not task["events"]:
                break
            await asyncio.sleep(0 if task["events"] else _LOOK_SECONDS)
    if as_json:
        show_json({"id": task_id, "status": task["status"], "error": task["error"], "output": task["output"]})
    else:
        click.echo(f"task {task_id} is {task['status']}", err=True)
    return OK if task["status"] == "completed" else FINDINGS
