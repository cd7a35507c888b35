"""The actions on files of the workspace: fs:delete, fs:rename, fs:readdir, fs:read and fs:write."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from pydantic import Field

from plugins.actions import Action, ActionContext, ActionModel, Idempotency, Workspace, WorkspaceEntry, action
from workers.scaffolder.actions.patterns import entries_matching
from workers.scaffolder.actions.structured import Parser, parsed


class Delete(ActionModel):
    """The input of fs:delete."""

    files: list[str] = Field(description="A list of files and directories that will be deleted")


class RenamedFile(ActionModel):
    """One of `files` of fs:rename."""

    source: Annotated[str, Field(alias="from", min_length=1, description="The source location of the file to be renamed")]
    to: str = Field(min_length=1, description="The destination of the new file")
    overwrite: bool | None = Field(default=None, description="Overwrite existing file or directory, default is false")


class Rename(ActionModel):
    """The input of fs:rename."""

    files: list[RenamedFile] = Field(description="A list of file and directory names that will be renamed")


class ReadDir(ActionModel):
    """The input of fs:readdir."""

    paths: list[Annotated[str, Field(min_length=1)]]
    recursive: bool = False


class ListedEntry(ActionModel):
    """A file or folder that fs:readdir found."""

    name: str = Field(description="Name of the file or directory")
    path: str = Field(description="path to the file or directory relative to the workspace")
    full_path: str = Field(description="full path to the file or directory")


class ReadDirOutput(ActionModel):
    """The output of fs:readdir."""

    files: list[ListedEntry]
    folders: list[ListedEntry]


class Read(ActionModel):
    """The input of fs:read."""

    path: str = Field(description="Path to the file to read.")
    parser: Parser | None = Field(default=None, description="Optionally parse the content to an object.")


class ReadOutput(ActionModel):
    """The output of fs:read."""

    content: Any = Field(description="Content of the file")


class Write(ActionModel):
    """The input of fs:write."""

    path: str = Field(description="Relative path")
    content: str = Field(description="This will be the content of the file")
    preserve_formatting: bool | None = Field(default=None, description="Specify whether to preserve formatting for JSON content")


class WriteOutput(ActionModel):
    """The output of what writes a file."""

    path: str = Field(description="Path to the file that was written")


@action(
    "fs:delete",
    "Deletes files and directories from the workspace",
    supports_dry_run=True,
    idempotency=Idempotency.REPEATABLE,
)
async def _delete(given: Delete, context: ActionContext) -> None:
    await asyncio.to_thread(_deleted, given.files, context)


@action("fs:rename", "Renames files and directories within the workspace", supports_dry_run=True, idempotency=Idempotency.REPEATABLE)
async def _rename(given: Rename, context: ActionContext) -> None:
    for file in given.files:
        await asyncio.to_thread(context.workspace.move, file.source, file.to, overwrite=bool(file.overwrite))
        context.log.info(f"File {file.source} renamed to {file.to} successfully")


@action("fs:readdir", "Reads files and directories from the workspace", supports_dry_run=True, idempotency=Idempotency.REPEATABLE)
async def _read_dir(given: ReadDir, context: ActionContext) -> ReadDirOutput:
    found: list[WorkspaceEntry] = []
    for path in given.paths:
        found += await asyncio.to_thread(context.workspace.entries, path, recursive=given.recursive)
    listed = [(entry.is_folder, _listed(entry, context.workspace)) for entry in found]
    return ReadDirOutput(files=[one for is_folder, one in listed if not is_folder], folders=[one for is_folder, one in listed if is_folder])


@action(
    "fs:read",
    "Reads a file from the workspace and optionally parses it",
    supports_dry_run=True,
    idempotency=Idempotency.REPEATABLE,
    aliases=["roadiehq:utils:fs:parse"],
)
async def _read(given: Read, context: ActionContext) -> ReadOutput:
    content = (await asyncio.to_thread(context.workspace.read, given.path)).decode("utf-8", "replace")
    return ReadOutput(content=content if given.parser is None else parsed(content, given.parser, given.path))


@action(
    "fs:write",
    "Creates a file with the content on the given path",
    supports_dry_run=True,
    idempotency=Idempotency.REPEATABLE,
    aliases=["roadiehq:utils:fs:write"],
)
async def _write(given: Write, context: ActionContext) -> WriteOutput:
    content = given.content.encode("utf-8", "replace")
    if given.preserve_formatting:
        content = _indented(content)
    await asyncio.to_thread(context.workspace.write, given.path, content)
    return WriteOutput(path=str(context.workspace.path / given.path))


ACTIONS: Sequence[Action] = (_delete, _rename, _read_dir, _read, _write)
"""Those of this module."""


def _deleted(patterns: Sequence[str], context: ActionContext) -> None:
    workspace = context.workspace
    for pattern in patterns:
        # What is called so is meant first, whatever wildcards its name may hold.
        is_there = workspace.entry(pattern) is not None
        for path in [pattern] if is_there else [entry.path for entry in entries_matching(workspace, pattern)]:
            workspace.remove(path)
            context.log.info(f"File {path} deleted successfully")


def _listed(entry: WorkspaceEntry, workspace: Workspace) -> ListedEntry:
    return ListedEntry(name=entry.path.rpartition("/")[2], path=entry.path, full_path=str(workspace.path / entry.path))


def _indented(content: bytes) -> bytes:
    try:
        return orjson.dumps(orjson.loads(content), option=orjson.OPT_INDENT_2)
    except orjson.JSONDecodeError:
        return content
