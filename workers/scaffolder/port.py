"""What the interfaces may ask of templates and tasks: the protocol, and what it answers. What implements it takes longer to import."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from graph.access import Access
from graph.conditions import Condition
from graph.entities import Document, Entity
from graph.refs import Ref
from workers.scaffolder.effects import KeptEffect, TemplateVersion, Use
from workers.scaffolder.merging import FileChange, Published
from workers.scaffolder.registry import ActionRegistry
from workers.scaffolder.tasks import Event, StepState, Task, TaskSpec
from workers.scaffolder.templates import Template


@dataclass(frozen=True, slots=True)
class SeenTask:
    """A task as somebody sees it. Without `sees_steps` they may not read the steps of its template."""

    task: Task
    spec: TaskSpec
    sees_steps: bool


@dataclass(frozen=True, slots=True)
class FoundTemplate:
    """A template and where its file lies; what of it whoever asks may read."""

    template: Template
    base_url: str | None
    sees_steps: bool
    sees_parameters: bool


@dataclass(frozen=True, slots=True)
class RehearsedFile:
    """A file that the workspace held in the end."""

    path: str
    content: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a dry run came to. `error` says why it failed, if it did; what was done until then is here as well.

    `inputs` are those of the steps by their places, with secrets masked, as their actions would get them; `failures` tell of expressions in
    them, and in the output, that failed and were left as they were. `published` is what steps would publish, by their ids and the items of
    their `each`, as far as that was asked for.
    """

    spec: TaskSpec
    events: Sequence[Event]
    steps: Sequence[StepState]
    inputs: Mapping[int, Any]
    files: Sequence[RehearsedFile]
    output: Mapping[str, Any]
    error: str | None
    failures: Sequence[str]
    published: Mapping[tuple[str, str], Published] = field(default_factory=dict[tuple[str, str], Published])


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An upgrade of what a use of a template brought to a repository. `problem` says why there is none; else there is a task, or in a dry
    run the changes.

    `proposal` is a pull request that is open with it already, and `is_current` whether the repository has all of it.
    """

    use: Use
    repository: str | None = None
    problem: str | None = None
    task: SeenTask | None = None
    changes: Sequence[FileChange] = ()
    proposal: str | None = None
    is_current: bool = False


class Scaffolder(Protocol):
    """Templates and tasks. ForbiddenError where the access does not allow what is asked, StoreUnavailableError without the store.

    A task is seen by whoever may read tasks, and sees its template or started the task. Any other reads as if there was none:
    NotFoundError.
    """

    @property
    def actions(self) -> ActionRegistry:
        """The actions that templates may use."""
        ...

    async def template(self, ref: Ref, access: Access) -> FoundTemplate:
        """The template. NotFoundError if it is missing or hidden; InputError for an entity that is none that can be run."""
        ...

    async def start(self, ref: Ref, values: Mapping[str, Any], secrets: Mapping[str, str], access: Access) -> Task:
        """Begin a task of the template. RefusedValuesError if it does not accept the values or the secrets."""
        ...

    async def started(self, task: Task, access: Access) -> SeenTask:
        """A task as who started it sees it, whether or not they may read tasks."""
        ...

    async def rehearse(self, ref: Ref, values: Mapping[str, Any], secrets: Mapping[str, str], access: Access) -> Rehearsed:
        """What the task would do. Errors as of `start`."""
        ...

    async def rehearse_document(
        self, document: Document, files: Mapping[str, bytes], values: Mapping[str, Any], secrets: Mapping[str, str], access: Access
    ) -> Rehearsed:
        """What a task of a template would do that need not lie in the catalog, with the files beside it. Errors as of `start`."""
        ...

    async def task(self, id: str, access: Access) -> SeenTask:
        """The task, as whoever asks sees it."""
        ...

    def tasks(
        self, access: Access, *, created_by: Sequence[Ref] | None = None, status: Sequence[str] | None = None, after: str = ""
    ) -> AsyncIterator[Task]:
        """All tasks that are seen, newest first, after the one of that id; of some creators, and of some status, if given."""
        ...

    async def shown(self, tasks: Sequence[Task], access: Access) -> Sequence[SeenTask]:
        """At most 1,000 tasks, as whoever asks sees them; one that is not seen, or has gone, is left out."""
        ...

    async def steps(self, seen: SeenTask) -> Sequence[StepState]:
        """How each step of the task is, in their order."""
        ...

    async def tasks_by_id(self, ids: Sequence[str], access: Access) -> Mapping[str, SeenTask]:
        """Those of at most 1,000 tasks that are seen."""
        ...

    async def effects(self, id: str) -> Sequence[KeptEffect]:
        """What the task made outside of its workspace, in the order in which it did."""
        ...

    async def upgrade(
        self, ref: Ref, entities: Sequence[Ref] | None, secrets: Mapping[str, str], access: Access, *, dry_run: bool
    ) -> Sequence[Upgrade]:
        """Propose to bring what came from the template, or these entities of it, up to its present version; or tell what that would be.
        The secrets are those of all uses.

        NotFoundError for an entity that is missing or hidden, InputError for one that did not come from it, LimitExceededError beyond
        100 uses.
        """
        ...

    @property
    def provenance(self) -> "Provenance":
        """What came from which template."""
        ...

    async def events(self, id: str, after: int) -> Sequence[Event]:
        """At most 1,000 events of the task with a greater number."""
        ...

    async def cancel(self, id: str, access: Access) -> Task:
        """Have the task end. One that is over stays as it is."""
        ...

    async def retry(self, id: str, secrets: Mapping[str, str], access: Access) -> Task:
        """Have the task go on from the step at which it failed or was cancelled, with new secrets. ConflictError if it is not over."""
        ...


class Provenance(Protocol):
    """What came from which template. Uses of templates are seen as their tasks are, and remembered longer."""

    async def versions(self, templates: Sequence[Ref], access: Access) -> Mapping[Ref, TemplateVersion]:
        """Templates as they are now; one that is missing, hidden or no template that can be read is absent."""
        ...

    def uses(
        self,
        template: Ref,
        access: Access,
        *,
        version: str | None = None,
        skeleton: str | None = None,
        outdated: bool | None = None,
        after: str = "",
    ) -> AsyncIterator[Use]:
        """The uses of a template that is visible, newest first, after the one of that task; of one descriptor or skeleton, by their
        digests, or of any version but the present one or of just that. ForbiddenError.
        """
        ...

    async def makers(self, entities: Sequence[Entity], access: Access) -> Mapping[Ref, Use]:
        """By which use each of the entities was made; one that none made, or of which that is not seen, is absent."""
        ...

    async def made(self, use: Use) -> Condition:
        """What lets through the entities that came of the use: those it registered, and those of locations and repositories it made."""
        ...
