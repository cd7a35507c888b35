"""The actions that fill in skeletons: fetch:template and workspace:template, for whole folders and for single files."""

import asyncio
import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

from graph.errors import InputError
from plugins.actions import Action, ActionContext, ActionExample, ActionModel, FetchedFile, Idempotency, Workspace, action
from workers.scaffolder.actions.fetching import Token, fetched_file, fetched_folder
from workers.scaffolder.actions.patterns import checked_patterns, is_matched
from workers.scaffolder.evaluation import Filters, file_renderer
from workers.scaffolder.sources import Sources
from workers.scaffolder.templating.rendering import Renderer

_EXTENSION = ".njk"
_LOOKED_AT_BYTES = 512

_SOURCE = "Relative path or absolute URL pointing to the directory tree to fetch"
_COPIED = (
    "An array of glob patterns. Contents of matched files or directories are copied without being processed, but paths are subject to "
    "rendering."
)
_COOKIECUTTER = "Enable features to maximise compatibility with templates built for fetch:cookiecutter"
_ONLY = "If set, only files with the given extension will be templated. If set to `true`, the default extension `.njk` is used."


class _Values(ActionModel):
    values: Mapping[str, Any] | None = Field(default=None, description="Values to pass on to the templating engine")
    cookiecutter_compat: bool | None = Field(default=None, description=_COOKIECUTTER)
    replace: bool | None = Field(default=None, description="If set, replace files in targetPath instead of skipping existing ones.")
    trim_blocks: bool | None = Field(
        default=None, description="If set, the first newline after a block is removed (block, not variable tag)."
    )
    lstrip_blocks: bool | None = Field(
        default=None, description="If set, leading spaces and tabs are stripped from the start of a line to a block."
    )


class _Folder(_Values):
    copy_without_templating: list[str] | None = Field(default=None, description=_COPIED)
    template_file_extension: str | bool | None = Field(default=None, description=_ONLY)

    @model_validator(mode="after")
    def _fits_together(self) -> "_Folder":
        if self.template_file_extension and (self.copy_without_templating or self.cookiecutter_compat):
            raise ValueError("templateFileExtension can't stand beside copyWithoutTemplating and cookiecutterCompat")
        return self


class FetchTemplate(_Folder):
    """The input of fetch:template."""

    url: str = Field(description=_SOURCE)
    target_path: str | None = Field(
        default=None, description="Target path within the working directory to download the contents to. Defaults to the root."
    )
    copy_without_render: list[str] | None = Field(
        default=None, description="As in Backstage it has no effect any more; use `copyWithoutTemplating`."
    )
    token: Token = None


class FetchTemplateFile(_Values):
    """The input of fetch:template:file."""

    url: str = Field(description="Relative path or absolute URL pointing to the single file to fetch.")
    target_path: str = Field(description="Target path within the working directory to download the file as.")
    token: Token = None


class WorkspaceTemplate(_Folder):
    """The input of workspace:template."""

    source_path: str = Field(description="Path within the working directory denoting source template.")
    target_path: str = Field(description="Target path within the working directory to place the contents in; must not lie in `sourcePath`.")


class WorkspaceTemplateFile(_Values):
    """The input of workspace:template:file."""

    source_path: str = Field(description="Path in workspace to source file.")
    target_path: str = Field(description="Target path in workspace.")


@dataclass(frozen=True, slots=True)
class _Filling:
    """Fills in the files of one skeleton."""

    given: _Folder
    renderer: Renderer
    workspace: Workspace
    folder: str
    copied: Sequence[str]
    log: Callable[[str], None]

    def fill(self, files: Sequence[FetchedFile]) -> None:
        """Write each file below the folder: its path rendered, and its content where that is text to be rendered. Blocking."""
        values = _context(self.given)
        self.log(f"Processing {len(files)} template files with input values {', '.join(sorted(self.given.values or {}))}")
        self.workspace.make_folder(self.folder)
        for file in files:
            path, is_rendered = self._path(file.path, values)
            # A path of which a part is empty says that the file is not wanted.
            if not path or path.startswith("/") or "//" in path:
                continue
            target = f"{self.folder}/{path}"
            if self.workspace.entry(target) is not None and not self.given.replace:
                continue
            content = file.content
            if not is_rendered:
                self.log(f"Copying {file.path} without processing")
            elif _is_binary(content):
                self.log(f"Copying the binary file {file.path}")
            else:
                content = _rendered(self.renderer, file.path, content, values)
            self.workspace.write(target, content, executable=file.executable)
        self.log(f"Template result written to {self.folder}")

    def _path(self, path: str, values: Mapping[str, Any]) -> tuple[str, bool]:
        """The path that is written, and whether the content is rendered."""
        asked = self.given.template_file_extension
        if asked:
            extension = _EXTENSION if asked is True else asked if asked.startswith(".") else f".{asked}"
            is_rendered = posixpath.splitext(path)[1] == extension
            return _text(self.renderer, path.removesuffix(extension) if is_rendered else path, values), is_rendered
        return _text(self.renderer, path, values), not any(is_matched(pattern, path) for pattern in self.copied)


def templating_actions(sources: Sources, filters: Filters) -> Sequence[Action]:
    """Those of this module, which read from `sources` and render with `filters`."""
    return [*_folder_actions(sources, filters), *_file_actions(sources, filters)]


def _folder_actions(sources: Sources, filters: Filters) -> Sequence[Action]:
    @action(
        "fetch:template",
        "Downloads a skeleton, templates variables into file and directory names and content, and places the result in the workspace, or "
        "optionally in a subdirectory specified by the `targetPath` input option.",
        examples=[
            ActionExample(
                "Fill in the skeleton beside the template.",
                "steps:\n  - action: fetch:template\n    id: fetch\n    input:\n      url: ./skeleton\n      values:\n"
                "        name: ${{ parameters.name }}\n",
            )
        ],
        supports_dry_run=True,
        idempotency=Idempotency.REPEATABLE,
    )
    async def fetch_template(given: FetchTemplate, context: ActionContext) -> None:
        context.log.info(f"Fetching template content from {given.url}")
        files = await fetched_folder(sources, context, given.url, given.token)
        await _fill(given, context, filters, given.target_path or ".", files)

    @action(
        "workspace:template",
        "Templates variables into file and directory names and content of `sourcePath` in the workspace, and places the result in "
        "`targetPath`.",
        supports_dry_run=True,
        idempotency=Idempotency.REPEATABLE,
    )
    async def workspace_template(given: WorkspaceTemplate, context: ActionContext) -> None:
        source, target = posixpath.normpath(given.source_path), posixpath.normpath(given.target_path)
        if source in (target, ".") or target.startswith(f"{source}/"):
            raise InputError("targetPath must not be within template path")
        files = await asyncio.to_thread(_files_of, context.workspace, source)
        await _fill(given, context, filters, target, files)

    return [fetch_template, workspace_template]


def _file_actions(sources: Sources, filters: Filters) -> Sequence[Action]:
    @action(
        "fetch:template:file",
        "Downloads single file, templates variables into its content, and places it in the workspace.",
        supports_dry_run=True,
        idempotency=Idempotency.REPEATABLE,
    )
    async def fetch_template_file(given: FetchTemplateFile, context: ActionContext) -> None:
        await _fill_one(given, context, filters, given.target_path, lambda: fetched_file(sources, context, given.url, given.token))

    @action(
        "workspace:template:file",
        "Templates variables into a single workspace file, placing the result into another location in the workspace.",
        supports_dry_run=True,
        idempotency=Idempotency.REPEATABLE,
    )
    async def workspace_template_file(given: WorkspaceTemplateFile, context: ActionContext) -> None:
        async def read() -> FetchedFile:
            return FetchedFile(given.source_path, await asyncio.to_thread(context.workspace.read, given.source_path))

        await _fill_one(given, context, filters, given.target_path, read)

    return [fetch_template_file, workspace_template_file]


async def _fill(given: _Folder, context: ActionContext, filters: Filters, folder: str, files: Sequence[FetchedFile]) -> None:
    copied = checked_patterns(given.copy_without_templating)
    filling = _Filling(given, _renderer(given, filters), context.workspace, folder, copied, context.log.info)
    await asyncio.to_thread(filling.fill, files)


async def _fill_one(
    given: _Values, context: ActionContext, filters: Filters, target: str, read: Callable[[], Awaitable[FetchedFile]]
) -> None:
    if context.workspace.entry(target) is not None and not given.replace:
        context.log.info(f"File {target} already exists in workspace, not replacing.")
        return
    file = await read()
    content = await asyncio.to_thread(_rendered, _renderer(given, filters), file.path, file.content, _context(given))
    await asyncio.to_thread(context.workspace.write, target, content, executable=file.executable)
    context.log.info(f"Template file has been written to {target}")


def _renderer(given: _Values, filters: Filters) -> Renderer:
    return file_renderer(
        filters,
        cookiecutter=bool(given.cookiecutter_compat),
        trim_blocks=bool(given.trim_blocks),
        lstrip_blocks=bool(given.lstrip_blocks),
    )


def _context(given: _Values) -> Mapping[str, Any]:
    return {"cookiecutter" if given.cookiecutter_compat else "values": given.values or {}}


def _rendered(renderer: Renderer, path: str, content: bytes, values: Mapping[str, Any]) -> bytes:
    try:
        return renderer.render_text(content.decode("utf-8", "replace"), values).encode("utf-8", "replace")
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _text(renderer: Renderer, path: str, values: Mapping[str, Any]) -> str:
    return renderer.render_text(path, values) if "{" in path else path


def _files_of(workspace: Workspace, folder: str) -> Sequence[FetchedFile]:
    beginning = f"{folder}/"
    return [
        FetchedFile(entry.path.removeprefix(beginning), workspace.read(entry.path), entry.executable)
        for entry in workspace.entries(folder)
        if not entry.is_folder
    ]


def _is_binary(content: bytes) -> bool:
    """Whether the content is none that can be text: it holds a NUL near its beginning, or is not UTF-8."""
    if b"\0" in content[:_LOOKED_AT_BYTES]:
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return True
    return False
