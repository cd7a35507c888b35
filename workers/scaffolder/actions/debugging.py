"""The actions debug:log and debug:wait."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import orjson
from pydantic import Field

from graph.errors import InputError
from plugins.actions import Action, ActionContext, ActionModel, Idempotency, Workspace, action

_LONGEST_WAIT_SECONDS = 600.0
_SHOWN_BYTES = 64 * 1024


class Log(ActionModel):
    """The input of debug:log."""

    message: str | None = Field(default=None, description="Message to output.")
    list_workspace: bool | Literal["with-filenames", "with-contents"] | None = Field(
        default=None, description='List all files in the workspace. If used with "with-contents", also the file contents are listed.'
    )


class Wait(ActionModel):
    """The input of debug:wait."""

    minutes: float | None = Field(default=None, ge=0, description="Waiting period in minutes.")
    seconds: float | None = Field(default=None, ge=0, description="Waiting period in seconds.")
    milliseconds: float | None = Field(default=None, ge=0, description="Waiting period in milliseconds.")


class Sleep(ActionModel):
    """The input of roadiehq:utils:sleep."""

    amount: float = Field(ge=0, description="How much seconds should this step take.")


@action(
    "debug:log",
    "Writes a message into the log and/or lists all files in the workspace.",
    supports_dry_run=True,
    idempotency=Idempotency.REPEATABLE,
)
async def _log(given: Log, context: ActionContext) -> None:
    context.log.info(orjson.dumps(given.model_dump(by_alias=True, exclude_unset=True), option=orjson.OPT_INDENT_2).decode())
    if given.message:
        context.log.info(given.message)
    if given.list_workspace:
        with_contents = given.list_workspace == "with-contents"
        context.log.info(f"Workspace:\n{await asyncio.to_thread(_listed, context.workspace, with_contents)}")


@action("debug:wait", "Waits for a certain period of time.", idempotency=Idempotency.REPEATABLE)
async def _wait(given: Wait, context: ActionContext) -> None:
    await _slept((given.minutes or 0) * 60 + (given.seconds or 0) + (given.milliseconds or 0) / 1000)


@action("roadiehq:utils:sleep", "Halts the scaffolding for the given amount of seconds", idempotency=Idempotency.REPEATABLE)
async def _sleep(given: Sleep, context: ActionContext) -> None:
    context.log.info(f"Waiting {given.amount:g} seconds")
    await _slept(given.amount)


ACTIONS: Sequence[Action] = (_log, _wait, _sleep)
"""Those of this module."""


async def _slept(seconds: float) -> None:
    if seconds > _LONGEST_WAIT_SECONDS:
        raise InputError("Waiting duration is longer than the maximum threshold of 10 minutes")
    await asyncio.sleep(seconds)


def _listed(workspace: Workspace, with_contents: bool) -> str:
    lines: list[str] = []
    for entry in workspace.entries():
        if entry.is_folder:
            continue
        if not with_contents:
            lines.append(f"  - {entry.path}")
        elif entry.size > _SHOWN_BYTES:
            lines.append(f" - {entry.path}: [skipped]")
        else:
            lines.append(f" - {entry.path}:\n\n  {workspace.read(entry.path).decode('utf-8', 'replace')}")
    return "\n".join(lines)
