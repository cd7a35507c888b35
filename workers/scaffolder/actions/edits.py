"""Actions that change files, under the ids by which the package @roadiehq/scaffolder-backend-module-utils made them common."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from pydantic import Field

from graph.errors import InputError
from plugins.actions import Action, ActionContext, ActionModel, Idempotency, action
from workers.scaffolder.actions.files import WriteOutput
from workers.scaffolder.actions.patterns import entries_matching
from workers.scaffolder.actions.structured import as_yaml


class Append(ActionModel):
    """The input of roadiehq:utils:fs:append."""

    path: str = Field(description="Path to existing file to append.")
    content: str = Field(description="This will be appended to the file")


class Replacement(ActionModel):
    """One of `files` of roadiehq:utils:fs:replace."""

    file: str = Field(min_length=1, description="The source location of the file to be used to run replace against (supports wildcards)")
    find: str = Field(min_length=1, description="A string to be replaced")
    match_regex: bool | None = Field(default=None, description="Use regex to match the find string: not supported, see the documentation")
    replace_with: str = Field(min_length=1, description="Text to be used to replace the found lines with")
    include_dot_files: bool | None = Field(default=None, description="Whether files whose names begin with a dot are meant by wildcards.")


class Replace(ActionModel):
    """The input of roadiehq:utils:fs:replace."""

    files: list[Replacement]


class Serialize(ActionModel):
    """The input of roadiehq:utils:serialize:yaml and :json."""

    data: Mapping[str, Any] | list[Any] = Field(description="Input data to perform serialization on.")
    replacer: list[str] | None = Field(default=None, description="Names of the fields that are kept, without it all.")
    space: Annotated[str | int | None, Field(description="Indentation; JSON is indented by two if it is given.")] = None


class Serialized(ActionModel):
    """The output of what serializes."""

    serialized: str = Field(description="Output result from serialization")


@action(
    "roadiehq:utils:fs:append",
    "Append content to the end of the given file, it will create the file if it does not exist.",
    supports_dry_run=True,
    idempotency=Idempotency.REPEATABLE,
    aliases=["fs:append"],
)
async def _append(given: Append, context: ActionContext) -> WriteOutput:
    await asyncio.to_thread(context.workspace.append, given.path, given.content.encode("utf-8", "replace"))
    return WriteOutput(path=str(context.workspace.path / given.path))


@action(
    "roadiehq:utils:fs:replace",
    "Replaces content of a file with given values.",
    supports_dry_run=True,
    idempotency=Idempotency.REPEATABLE,
    aliases=["fs:replace"],
)
async def _replace(given: Replace, context: ActionContext) -> None:
    for file in given.files:
        await asyncio.to_thread(_replaced, file, context)


@action(
    "roadiehq:utils:serialize:yaml",
    "Allows performing serialization on an object",
    supports_dry_run=True,
    idempotency=Idempotency.REPEATABLE,
)
async def _serialize_yaml(given: Serialize, context: ActionContext) -> Serialized:
    return Serialized(serialized=as_yaml(_kept(given)))


@action(
    "roadiehq:utils:serialize:json",
    "Allows performing serialization on an object",
    supports_dry_run=True,
    idempotency=Idempotency.REPEATABLE,
)
async def _serialize_json(given: Serialize, context: ActionContext) -> Serialized:
    return Serialized(serialized=orjson.dumps(_kept(given), option=orjson.OPT_INDENT_2 if given.space else 0).decode())


ACTIONS: Sequence[Action] = (_append, _replace, _serialize_yaml, _serialize_json)
"""Those of this module."""


def _replaced(file: Replacement, context: ActionContext) -> None:
    if file.match_regex and re.escape(file.find) != file.find:
        raise InputError("matchRegex is not supported: a pattern of a template could keep a worker busy for ever")
    for entry in entries_matching(context.workspace, file.file):
        hidden = any(part.startswith(".") for part in entry.path.split("/"))
        if hidden and not file.include_dot_files and not file.file.startswith("."):
            continue
        content = context.workspace.read(entry.path).decode("utf-8", "replace")
        replaced = content.replace(file.find, file.replace_with)
        if replaced != content:
            context.workspace.write(entry.path, replaced.encode("utf-8", "replace"), executable=entry.executable)
            context.log.info(f"Replaced text in {entry.path}")


def _kept(given: Serialize) -> Any:
    if given.replacer is None or not isinstance(given.data, Mapping):
        return given.data
    return {key: value for key, value in given.data.items() if key in given.replacer}
