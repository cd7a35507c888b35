"""The actions fetch:plain and fetch:plain:file: content as it is, placed in the workspace."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from plugins.actions import Action, ActionContext, ActionExample, ActionModel, FetchedFile, Idempotency, Workspace, action
from workers.scaffolder.sources import Sources

Token = Annotated[str | None, Field(description="An optional token to use for authentication when reading the resources.")]

_FOLDER = "Relative path or absolute URL pointing to the directory tree to fetch"
_FILE = "Relative path or absolute URL pointing to the single file to fetch."


class FetchPlain(ActionModel):
    """The input of fetch:plain."""

    url: str = Field(description=_FOLDER)
    target_path: str | None = Field(default=None, description="Target path within the working directory to download the contents to.")
    token: Token = None


class FetchPlainFile(ActionModel):
    """The input of fetch:plain:file."""

    url: str = Field(description=_FILE)
    target_path: str = Field(description="Target path within the working directory to download the file as.")
    token: Token = None


async def fetched_folder(sources: Sources, context: ActionContext, url: str, token: str | None) -> Sequence[FetchedFile]:
    """The files of the folder. The task remembers what they were, unless they are only seen with a token. Errors as of Sources."""
    files = await sources.tree(context.template.base_url, url, token)
    if not token:
        context.fetched(url, files)
    return files


async def fetched_file(sources: Sources, context: ActionContext, url: str, token: str | None) -> FetchedFile:
    """As `fetched_folder`, for one file."""
    file = await sources.file(context.template.base_url, url, token)
    if not token:
        context.fetched(url, [file], is_file=True)
    return file


def place(workspace: Workspace, folder: str, files: Sequence[FetchedFile]) -> None:
    """Write the files below the folder of the workspace. Blocking."""
    workspace.make_folder(folder)
    for file in files:
        workspace.write(f"{folder}/{file.path}", file.content, executable=file.executable)


def fetching_actions(sources: Sources) -> Sequence[Action]:
    """Those of this module, which read from `sources`."""

    @action(
        "fetch:plain",
        "Downloads content and places it in the workspace, or optionally in a subdirectory specified by the `targetPath` input option.",
        examples=[
            ActionExample(
                "Take the folder beside the template.",
                "steps:\n  - action: fetch:plain\n    id: fetch\n    input:\n      url: ./skeleton\n      targetPath: service\n",
            )
        ],
        supports_dry_run=True,
        idempotency=Idempotency.REPEATABLE,
    )
    async def fetch_plain(given: FetchPlain, context: ActionContext) -> None:
        context.log.info(f"Fetching plain content from {given.url}")
        files = await fetched_folder(sources, context, given.url, given.token)
        await asyncio.to_thread(place, context.workspace, given.target_path or ".", files)

    @action(
        "fetch:plain:file",
        "Downloads single file and places it in the workspace.",
        examples=[
            ActionExample(
                "Take one file beside the template.",
                "steps:\n  - action: fetch:plain:file\n    id: fetch\n    input:\n      url: ./LICENSE\n      targetPath: LICENSE\n",
            )
        ],
        supports_dry_run=True,
        idempotency=Idempotency.REPEATABLE,
    )
    async def fetch_plain_file(given: FetchPlainFile, context: ActionContext) -> None:
        context.log.info(f"Fetching plain content from {given.url}")
        file = await fetched_file(sources, context, given.url, given.token)
        await asyncio.to_thread(context.workspace.write, given.target_path, file.content, executable=file.executable)

    return [fetch_plain, fetch_plain_file]
