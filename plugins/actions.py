"""The part of the plugin contract that is about actions, the steps of templates: what they are given, and how they are declared.

Actions of Callboard and of plugins are declared alike; `callboard.plugin` has all of it.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from graph.access import Access
from graph.entities import Document
from graph.refs import Ref

if TYPE_CHECKING:
    from plugins.contract import Place, RepositoryHost


class ActionModel(BaseModel):
    """What an action takes or gives: attributes are snake_case, what templates write is camelCase, and what is unknown is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that a task made outside of its workspace, which the ledger of effects keeps.

    `kind` is repository, pull-request, location, entity, webhook, or a word of the action's own. `url` is where people find it, and with
    the kind tells it from others. `ref` is the entity that it is, if it is one.
    """

    kind: str
    url: str
    ref: Ref | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class TemplateInfo:
    """The template that a task was made from. `base_url` is where its relative paths begin, file:///… or a URL; None if that is not known.

    `digest` is that of its descriptor as it was then, so that two tasks of one version have the same. `metadata` is the descriptor's.
    """

    ref: Ref
    base_url: str | None
    digest: str
    metadata: Document


@dataclass(frozen=True, slots=True)
class TaskUser:
    """Who started a task: their ref, and their entity as they may see it themselves, None if there is none."""

    ref: Ref | None
    entity: Document | None


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that a step brought from elsewhere. `path` is relative to the folder that was fetched; of a single file it is its name."""

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class WorkspaceEntry:
    """A file or folder of a workspace. `path` is relative to it; `size` is in bytes, 0 for a folder."""

    path: str
    is_folder: bool
    size: int = 0
    executable: bool = False


class Workspace(Protocol):
    """The folder that a task works in. Paths are relative to it, with slashes. Every method raises InputError for a path that leads out
    of it, or through a symbolic link, and blocks: call those that do much in a thread.

    `path` is for tools that need a folder. What is written there otherwise has to stay within it, and counts when the step ends.
    """

    @property
    def path(self) -> Path: ...

    def read(self, path: str) -> bytes:
        """The content of a file. InputError if there is none."""
        ...

    def write(self, path: str, content: bytes, *, executable: bool = False) -> None:
        """Write a file, in folders that are made if need be. LimitExceededError if the workspace becomes larger than it may."""
        ...

    def append(self, path: str, content: bytes) -> None:
        """As `write`, after what the file holds already."""
        ...

    def make_folder(self, path: str) -> None:
        """Have the folder there."""
        ...

    def entry(self, path: str) -> WorkspaceEntry | None:
        """What is at the path; None if nothing is. A link counts as nothing that can be used: InputError."""
        ...

    def entries(self, path: str = "", *, recursive: bool = True) -> Sequence[WorkspaceEntry]:
        """What is below the folder, ordered by path; links are left out."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, a link, or a folder with all below it. Nothing there is no error."""
        ...

    def move(self, source: str, target: str, *, overwrite: bool = False) -> None:
        """Move a file or folder. InputError if there is none, or something is at the target already and may not be overwritten."""
        ...


class ActionLog(Protocol):
    """The log of a step, which whoever may see the task reads as it is written. Secrets are masked in it."""

    def info(self, message: str) -> None:
        """Say what is done."""
        ...

    def warning(self, message: str) -> None:
        """Say what may not be meant so."""
        ...

    def error(self, message: str) -> None:
        """Say what went wrong."""
        ...


class HttpAnswer(Protocol):
    """The answer to a request, whose body is read while the request is entered. Header names are lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def body(self) -> bytes:
        """The body. SourceError if it is too large, broken or too slow."""
        ...

    async def json(self) -> Any:
        """The body as JSON, None if there is none. SourceError if it is none."""
        ...


class ActionHosts(Protocol):
    """The hosts that the configuration names, and the one way to reach them and others that it allows."""

    def of(self, url: str) -> "tuple[RepositoryHost, Place] | None":
        """The host that the URL belongs to, and what it names there; None if no host that may be read knows it."""
        ...

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_seconds: float = 60,
        expected: Collection[int] = (),
    ) -> AbstractAsyncContextManager[HttpAnswer]:
        """The answer of a host that is allowed. SourceError otherwise, and for a status from 400 on that is not `expected`."""
        ...


class ActionContext(Protocol):
    """What an action is given beside its input, for one run of one step (or of one item of its `each`)."""

    @property
    def task_id(self) -> str: ...

    @property
    def step_id(self) -> str: ...

    @property
    def step_name(self) -> str: ...

    @property
    def template(self) -> TemplateInfo: ...

    @property
    def user(self) -> TaskUser: ...

    @property
    def access(self) -> Access: ...

    @property
    def secrets(self) -> Mapping[str, str]: ...

    @property
    def is_dry_run(self) -> bool: ...

    @property
    def workspace(self) -> Workspace: ...

    @property
    def log(self) -> ActionLog: ...

    @property
    def hosts(self) -> ActionHosts: ...

    def output(self, name: str, value: Any) -> None:
        """Give the step's output, which later steps read, a value that JSON can hold; beside what the action returns."""
        ...

    async def checkpoint(self, key: str, do: Callable[[], Awaitable[Any]], recover: Callable[[], Awaitable[Any]] | None = None) -> Any:
        """What `do` returned, which JSON has to be able to hold; done once for the task and the key, however often the step runs.

        If a worker was killed while `do` ran, or `do` failed, nobody knows what became of it: `recover` is asked first then, which finds
        what was done and returns it, or None if nothing was and `do` has to be called. If it raises, the next retry calls `do`.
        """
        ...

    def idempotency_key(self, key: str = "") -> str:
        """A text for other systems to know a repeated request by: the same for this task, step, item and key whenever it runs."""
        ...

    async def created(self, effect: Effect) -> None:
        """Write the effect into the ledger, at once. The same one again, of the same task, is one."""
        ...

    def fetched(self, url: str, files: Iterable[FetchedFile], *, is_file: bool = False) -> None:
        """Say what the step brought from elsewhere: all files below the folder that the URL names, or the one file that it is.

        They are looked at again, as fetch:plain would read them; when they are others, what came of the task is outdated. What takes a
        token of the step's own to read is better left untold.
        """
        ...

    def temporary_folder(self) -> Path:
        """A new folder outside of the workspace, which goes when the step ends."""
        ...


class Idempotency(StrEnum):
    """What happens when a step begins anew in which a worker was killed."""

    REPEATABLE = "repeatable"
    """It is run again: with the workspace as it was before it, doing it twice is doing it once."""

    CHECKPOINTS = "checkpoints"
    """It is run again, and keeps what must not be done twice in checkpoints."""

    ONCE = "once"
    """It is not: the task fails there, and says that nobody knows what was done."""


@dataclass(frozen=True, slots=True)
class ActionExample:
    """How an action is used; `example` is YAML with `steps`."""

    description: str
    example: str


@dataclass(frozen=True, slots=True)
class Action:
    """A step of templates. `run` gets the validated input and the context; the fields of what it returns are the step's output.

    It raises InputError for input that can't be used and SourceError for a system that can't; any other error fails the step too, and
    its message is told in the log. `aliases` are further ids under which templates know it.
    """

    id: str
    description: str
    run: Callable[[Any, ActionContext], Awaitable[BaseModel | None]]
    input: type[BaseModel]
    output: type[BaseModel] | None = None
    examples: Sequence[ActionExample] = ()
    supports_dry_run: bool = False
    idempotency: Idempotency = Idempotency.CHECKPOINTS
    aliases: Sequence[str] = ()


def action(
    id: str,
    description: str,
    *,
    examples: Sequence[ActionExample] = (),
    supports_dry_run: bool = False,
    idempotency: Idempotency = Idempotency.CHECKPOINTS,
    aliases: Sequence[str] = (),
) -> Callable[[Callable[[Any, ActionContext], Awaitable[BaseModel | None]]], Action]:
    """Makes an action of an asynchronous function. The models of input and output are those of its annotations. TypeError without them."""

    def declared(run: Callable[[Any, ActionContext], Awaitable[BaseModel | None]]) -> Action:
        hints = get_type_hints(run)
        output = hints.pop("return", None)
        taken = next(iter(hints.values()), None)
        if not (isinstance(taken, type) and issubclass(taken, BaseModel)):
            raise TypeError(f"the first parameter of the action {id} has to be annotated with a pydantic model")
        given = output if isinstance(output, type) and issubclass(output, BaseModel) else None
        return Action(id, description, run, taken, given, examples, supports_dry_run, idempotency, aliases)

    return declared
