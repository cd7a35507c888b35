"""What is published: the files of a workspace, as a commit that is the same however often a step runs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from config.integrations import GitIntegration
from config.scaffolder import Scaffolder
from graph.entities import content_hash
from graph.errors import InputError
from plugins.actions import ActionContext, WorkspaceEntry
from plugins.git.command import Git
from plugins.git.commits import CommittedFile, CommitText, Parent, committed, ignored, is_gits_own, signed
from plugins.git.signing import openpgp_signature
from plugins.outbound.client import Outbound

_PUSH_SECONDS = 600.0
_BASE = "refs/callboard/base"


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where a commit goes. The credentials go to the host of `url` only. With `signing_key` it is signed."""

    url: str
    host: str
    username: str
    password: SecretStr
    branch: str
    signing_key: SecretStr | None = None

    def git(self, outbound: Outbound) -> Git:
        """What runs git there."""
        return Git(GitIntegration(host=self.host, username=self.username, password=self.password), outbound)


@dataclass(frozen=True, slots=True)
class Change:
    """What is made of the present head of the branch `base`: files that are written, and paths of those that are removed."""

    base: str
    files: Sequence[CommittedFile]
    removed: Sequence[str]


async def proposed_files(context: ActionContext, source_path: str | None) -> Sequence[CommittedFile]:
    """The regular files below the path, named from there: without links, git's own, and what their .gitignore leaves out.

    InputError if there is no such folder.
    """
    workspace, source = context.workspace, (source_path or "").strip("/")
    entry = await asyncio.to_thread(workspace.entry, source)
    if entry is None or not entry.is_folder:
        raise InputError(f"there is no folder {source_path} in the workspace")
    root = entry.path
    entries: Sequence[WorkspaceEntry] = await asyncio.to_thread(workspace.entries, root)
    below = {(each.path[len(root) + 1 :] if root else each.path): each for each in entries if not each.is_folder}
    kept = {path: each for path, each in below.items() if not is_gits_own(path)}
    left_out = await ignored(context.temporary_folder() / "ignoring", workspace.path / root, list(kept))
    return [CommittedFile(path, each.executable, partial(workspace.read, each.path)) for path, each in kept.items() if path not in left_out]


async def commit_text(
    context: ActionContext, settings: Scaffolder, message: str | None, name: str | None = None, email: str | None = None
) -> CommitText:
    """What the commit of this step says. Its time is that of the step's first run, so that a repeated step makes the same commit."""

    async def now() -> str:
        return datetime.now(UTC).isoformat(timespec="seconds")

    at = datetime.fromisoformat(await context.checkpoint("commit-time", now))
    author = settings.default_author
    text = message or settings.default_commit_message or "initial commit"
    return CommitText(text, name or author.name, email or author.email, at)


async def push(context: ActionContext, outbound: Outbound, target: Pushed, source_path: str | None, text: CommitText) -> str:
    """Push the files as the first commit of the branch; its hash. Pushing it again changes nothing. InputError, SourceError if refused."""
    files = await proposed_files(context, source_path)
    if not files:
        raise InputError("there is nothing to publish: the workspace holds no file")
    repository: Path = context.temporary_folder() / "repository.git"
    commit = await committed(repository, target.branch, files, text)
    if target.signing_key:
        commit = await signed(repository, target.branch, commit, partial(_signature, context, target.signing_key))
    context.log.info(f"Pushing {len(files)} files as {commit} to {target.url}, branch {target.branch}")
    await target.git(outbound).push(target.url, repository, f"{commit}:refs/heads/{target.branch}", timeout_seconds=_PUSH_SECONDS)
    return commit


async def push_onto(context: ActionContext, outbound: Outbound, target: Pushed, change: Change, text: CommitText) -> str:
    """Push the change as the branch, whatever that held before; the commit's hash. InputError, SourceError if refused."""
    repository, git = context.temporary_folder() / "repository.git", target.git(outbound)
    await git.local(["init", "--quiet", "--bare", "--template=", str(repository)], target.url, most=1000)
    most = outbound.guard.reading.max_archive_bytes
    refspec = f"+refs/heads/{change.base}:{_BASE}"
    await git.fetch(target.url, repository, refspec, most_bytes=most, timeout_seconds=_PUSH_SECONDS)
    commit = await committed(repository, target.branch, change.files, text, Parent(_BASE, change.removed))
    told = f"{len(change.files)} files written and {len(change.removed)} removed"
    context.log.info(f"Pushing {commit}, with {told}, to {target.url}, branch {target.branch}")
    await git.push(target.url, repository, f"+{commit}:refs/heads/{target.branch}", timeout_seconds=_PUSH_SECONDS)
    return commit


def within(path: str, name: str) -> str:
    """A path within the repository that something is proposed for, in its simplest form. InputError for one that leads out of it."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or "\\" in path or "\0" in path or ".." in parts or is_gits_own(path):
        raise InputError(f"{name} leads out of the repository: {path}")
    return "/".join(parts)


async def _signature(context: ActionContext, key: SecretStr, content: bytes) -> str:
    """The signature of a commit: the same however often the step runs, since each that is made differs from the others."""

    async def sign() -> str:
        return await asyncio.to_thread(openpgp_signature, key, content)

    return await context.checkpoint(f"signature:{content_hash(content)}", sign)
