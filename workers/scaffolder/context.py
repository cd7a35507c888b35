"""What an action is given when it runs: the implementation of plugins.actions.ActionContext."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from config.redaction import SecretsFilter
from graph.access import Access
from graph.errors import CallboardError
from plugins.actions import ActionLog, Effect, FetchedFile, HttpAnswer, TaskUser, TemplateInfo, Workspace
from plugins.contract import Place, RepositoryHost
from plugins.hosts import Hosts
from workers.scaffolder.contributions import Contribution
from workers.scaffolder.effects import PROPOSAL, Skeleton, repository_of
from workers.scaffolder.merging import File
from workers.scaffolder.records import Record
from workers.scaffolder.renderings import Rendering
from workers.scaffolder.sources import digest_of
from workers.scaffolder.tasks import StepState

_LONGEST_LINE = 20_000


class Masking:
    """Takes secrets out of what is told of a task: its own, of which more become known while it runs, and others."""

    def __init__(self, own: Iterable[str], others: Iterable[str] = ()) -> None:
        self._secrets, self._others = set(own), set(others)
        self._own, self._filter = self._filters()

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these as well, as the task's own."""
        new = set(secrets) - self._secrets
        if new:
            self._secrets |= new
            self._own, self._filter = self._filters()

    def _filters(self) -> tuple[SecretsFilter, SecretsFilter]:
        """What knows the task's own secrets, and what knows all."""
        return SecretsFilter(self._secrets), SecretsFilter(self._secrets | self._others)

    def secret_files(self, files: Mapping[str, File]) -> frozenset[str]:
        """The paths of those files that hold secrets of the task's own. Blocking."""
        return frozenset(path for path, file in files.items() if self._own.knows(file.content.decode("utf-8", "replace")))

    def text(self, text: str) -> str:
        """The text without secrets."""
        return self._filter.masked(text)

    def value(self, value: Any) -> Any:
        """The JSON value without secrets in its texts and keys."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(below) for key, below in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - JSON
        return value


class StepLog:
    """The log of one step. Lines may be added from threads; `drain` takes them."""

    def __init__(self, masking: Masking, step_id: str) -> None:
        self._masking, self._step_id = masking, step_id
        self._lines: deque[tuple[str, str]] = deque()

    def info(self, message: str) -> None:
        self._add("info", message)

    def warning(self, message: str) -> None:
        self._add("warn", message)

    def error(self, message: str) -> None:
        self._add("error", message)

    def drain(self) -> list[tuple[str, str]]:
        """What was added since: (level, message), masked."""
        taken: list[tuple[str, str]] = []
        while self._lines:
            taken.append(self._lines.popleft())
        return taken

    def _add(self, level: str, message: str) -> None:
        # Masked before it is cut, so that no half of a secret is left.
        text = self._masking.text(message)
        self._lines.append((level, text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}…"))


@dataclass(frozen=True, slots=True)
class TaskHosts:
    """Implements plugins.actions.ActionHosts."""

    hosts: Hosts

    def of(self, url: str) -> tuple[RepositoryHost, Place] | None:
        return self.hosts.of(url)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_seconds: float = 60,
        expected: Collection[int] = (),
    ) -> AsyncGenerator[HttpAnswer]:
        outbound = self.hosts.outbound
        async with outbound.request(
            method, url, headers=headers, content=content, timeout_seconds=timeout_seconds, expected=expected
        ) as answer:
            yield answer


@dataclass(slots=True)
class StepContext:
    """The context of one run of a step, or of one item of its `each`; `item` tells it from others.

    `contribution` is what the step brings to a repository, None for nothing: what that is when it is made, or proposed, is kept with it, up
    to `most_published_bytes`. `parameters` and `masking` are the task's.
    """

    task_id: str
    step_id: str
    step_name: str
    template: TemplateInfo
    user: TaskUser
    access: Access
    secrets: Mapping[str, str]
    is_dry_run: bool
    workspace: Workspace
    log: ActionLog
    hosts: TaskHosts
    record: Record
    state: StepState
    folder: Path
    parameters: Mapping[str, Any]
    masking: Masking
    most_published_bytes: int
    item: str = ""
    contribution: Contribution | None = None
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    skeletons: list[Skeleton] = field(default_factory=list[Skeleton])

    def output(self, name: str, value: Any) -> None:
        self.outputs[name] = value

    async def checkpoint(self, key: str, do: Callable[[], Awaitable[Any]], recover: Callable[[], Awaitable[Any]] | None = None) -> Any:
        place = f"{self.state.index}:{self.item}:{key}"
        known = await self.record.checkpoint(place)
        if known and known["done"]:
            return known["value"]
        value = await self._recovered(place, recover) if known and recover else None
        if value is None:
            await self.record.write_checkpoint(place, done=False)
            value = await do()
        await asyncio.shield(self.record.write_checkpoint(place, done=True, value=value))
        return value

    async def _recovered(self, place: str, recover: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await recover()
        except Exception:
            await asyncio.shield(self.record.forget_checkpoint(place))
            raise

    def idempotency_key(self, key: str = "") -> str:
        place = f"{self.task_id}:{self.state.index}:{self.item}:{key}"
        return blake2b(place.encode(), digest_size=16).hexdigest()

    async def created(self, effect: Effect) -> None:
        await asyncio.shield(self.record.add_effect(self.state, effect))
        repository, brought = repository_of(effect), self.contribution
        if repository and brought and brought.is_proposed == (effect.kind == PROPOSAL) and not self.is_dry_run:
            await self._keep_published(effect, repository, brought)

    async def _keep_published(self, effect: Effect, repository: str, brought: Contribution) -> None:
        """Keep the files for when the template changes."""
        files = await asyncio.to_thread(brought.files, self.workspace, self.most_published_bytes)
        if files is None:
            most = f"{self.most_published_bytes:,} bytes (scaffolder.maxRenderingBytes)"
            self.log.warning(f"More is published to {repository} than {most}: what comes of it can't be upgraded.")
            return
        secret = await asyncio.to_thread(self.masking.secret_files, files)
        version = self.template.digest
        proposal = effect.url if brought.is_proposed else None
        made_by = (version, self.parameters, self.user, self.step_id, self.item)
        rendering = Rendering(repository, files, *made_by, secret, proposal, brought.branch)
        await asyncio.shield(self.record.keep_published(rendering))

    def fetched(self, url: str, files: Iterable[FetchedFile], *, is_file: bool = False) -> None:
        self.skeletons.append(Skeleton(url, is_file, digest_of(files)))

    def temporary_folder(self) -> Path:
        return Path(mkdtemp(dir=self.folder))


class StepFailedError(CallboardError):
    """A step failed; what it failed of is told without secrets."""

    code = "BAD_USER_INPUT"
