"""Tasks of templates: how they are, what they logged, and what they made."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from api.graphql.arguments import After, First, PageArguments, argument, ref_given
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.listing import ListedRow, Listing, Slice
from api.graphql.types.connections import PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.effects import ScaffolderTaskEffect, shown_digest
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from graph.access import Action as Permission
from graph.entities import Entity
from graph.errors import InputError, LimitExceededError, NotFoundError
from plugins.actions import Action
from workers.scaffolder.effects import KeptEffect
from workers.scaffolder.port import SeenTask
from workers.scaffolder.registry import schemas_of
from workers.scaffolder.tasks import Event, StepState, Task, TaskStatus

_SCOPE = "tasks"
_MOST_EVENTS = 1_000


@strawberry.type(description="How a step of a task is.")
class ScaffolderTaskStep:
    id: str = attribute("The id of the step.")
    name: str = attribute("What it is called.")
    action: str = attribute("The id of the action that it does.")
    status: str = attribute("`open`, `processing`, `completed`, `failed`, `cancelled` or `skipped`.")
    started_at: datetime | None = reading(lambda state: state.began_at, "When it was begun last; null if never.")
    ended_at: datetime | None = attribute("When it ended; null if it did not.")
    error: str | None = attribute("Why it failed; null if it did not.")
    output: JSON = attribute("Its output, secrets masked.")


@strawberry.type(description="An event of a task: a line of its log, or what became of it.")
class ScaffolderTaskEvent:
    id: int = attribute("Counts from 1 within the task.")
    type: str = attribute("`log`, `completion`, `cancelled` or `recovered`.")
    at: datetime = attribute("When it was.")
    message: str = reading(lambda event: str(event.body.get("message", "")), "What is told, secrets masked.")
    step_id: str | None = reading(lambda event: event.body.get("stepId"), "The step that it is about; null for the task.")
    status: str | None = reading(lambda event: event.body.get("status"), "What the step is by it; null for a line of the log.")
    body: JSON = reading(lambda event: dict(event.body), "All of it, as the REST API tells it.")


async def _template(root: strawberry.Parent[SeenTask], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.task.template)


async def _creator(root: strawberry.Parent[SeenTask], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.task.created_by)


async def _digest(root: strawberry.Parent[SeenTask], info: Info) -> str | None:
    return shown_digest(info, root.spec.template.digest)


async def _steps(root: strawberry.Parent[SeenTask], info: Info) -> Sequence[StepState]:
    return await info.context.templates.steps(root)


async def _effects(root: strawberry.Parent[SeenTask], info: Info) -> Sequence[KeptEffect]:
    return await info.context.templates.effects(root.task.id)


async def _events(
    root: strawberry.Parent[SeenTask],
    info: Info,
    first: Annotated[int, argument("At most this many; 1,000 at most.")] = 100,
    after: Annotated[int, argument("Only those with a greater id.")] = 0,
) -> Sequence[Event]:
    if not 0 < first <= _MOST_EVENTS:
        raise LimitExceededError(f"`first` is {first:,} and should lie between 1 and {_MOST_EVENTS:,}")
    return (await info.context.templates.events(root.task.id, max(after, 0)))[:first]


@strawberry.type(description="One run of a template.")
class ScaffolderTask:
    id: strawberry.ID = reading(lambda seen: seen.task.id, "The id of the task.")
    status: str = reading(lambda seen: seen.task.status, "`open`, `processing`, `completed`, `failed` or `cancelled`.")
    template_ref: str = reading(lambda seen: seen.task.template, "The ref of the template.")
    template: LazyEntity | None = resolved(_template, "The template as it is now; null if it is missing.")
    template_digest: str | None = resolved(
        _digest, "Stands for the descriptor of the template as it was: equal ones are one version. Null for whoever sees entities redacted."
    )
    created_at: datetime = reading(lambda seen: seen.task.created_at, "When it was asked for.")
    created_by: str = reading(lambda seen: seen.task.created_by, "The ref of who asked for it.")
    creator: LazyEntity | None = resolved(_creator, "The entity of who asked for it; null if it is missing.")
    started_at: datetime | None = reading(lambda seen: seen.task.began_at, "When it began, or its last retry did; null if it waits.")
    ended_at: datetime | None = reading(lambda seen: seen.task.ended_at, "When it ended; null if it did not.")
    attempt: int = reading(lambda seen: seen.task.attempt, "Counts its retries, from 1.")
    parameters: JSON = reading(lambda seen: dict(seen.spec.parameters), "The values that it was run with.")
    steps: list[ScaffolderTaskStep] = resolved(_steps, "Its steps, in order.")
    output: JSON = reading(lambda seen: dict(seen.task.output), "Its output, such as `links` and `text`; secrets masked.")
    error: str | None = reading(lambda seen: seen.task.error, "Why it failed; null if it did not.")
    effects: list[ScaffolderTaskEffect] = resolved(_effects, "What it made outside of its workspace, in the order in which it did.")
    events: list[ScaffolderTaskEvent] = resolved(_events, "Its log, in order.")


@strawberry.type(description="A page of tasks, newest first.")
class ScaffolderTaskConnection:
    edges: list[RowEdge[ScaffolderTask]] = resolved(rows_of, "The rows of this page.")
    nodes: list[ScaffolderTask] = resolved(nodes_of, "The tasks of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(count_of, "How many tasks the whole list has. Counted only if asked for.")


@strawberry.type(description="How an action is used.")
class ScaffolderActionExample:
    description: str = attribute("What the example shows.")
    example: str = attribute("The steps, as YAML.")


@strawberry.type(description="An action, which steps of templates may do.")
class ScaffolderAction:
    id: str = attribute("The id by which steps name it.")
    aliases: list[str] = reading(lambda action: list(action.aliases), "Further ids.")
    description: str = attribute("What it does.")
    input: JSON = reading(lambda action: schemas_of(action)["input"], "Its input, as a JSON Schema.")
    output: JSON | None = reading(lambda action: schemas_of(action).get("output"), "Its output, as a JSON Schema; null for one without.")
    supports_dry_run: bool = attribute("Whether a dry run does it as well, since it changes nothing but the workspace.")
    examples: list[ScaffolderActionExample] = attribute("How it is used.")


async def _actions(info: Info) -> Sequence[Action]:
    return info.context.templates.actions.all


async def _task(info: Info, id: Annotated[strawberry.ID, argument("The id of the task.")]) -> SeenTask | None:
    info.context.demand(Permission.TASK_READ, "scaffolderTask")
    try:
        return await info.context.templates.task(id, info.context.access)
    except NotFoundError:
        return None


async def _tasks(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    created_by: Annotated[list[str] | None, argument("Only those that one of these started, by ref.")] = UNSET,
    status: Annotated[list[str] | None, argument("Only those of one of these status.")] = UNSET,
) -> Listing[SeenTask]:
    info.context.demand(Permission.TASK_READ, "scaffolderTasks")
    window = PageArguments(given(first), given(after)).window(_SCOPE)
    creators, wanted = given(created_by), given(status)
    unknown = sorted(set(wanted or ()) - set(TaskStatus))
    if unknown:
        raise InputError(f"`status` names {unknown[0]!r}; known are {', '.join(TaskStatus)}")
    refs = None if creators is None else [ref_given("createdBy", text) for text in creators]

    def found(after: str) -> AsyncIterator[Task]:
        return info.context.templates.tasks(info.context.access, created_by=refs, status=wanted, after=after)

    async def load() -> Slice[SeenTask]:
        before, chosen, more = window.after[0] if window.after else None, list[Task](), False
        async for task in found(before or ""):
            if more := len(chosen) == window.limit:
                break
            chosen.append(task)
        shown = await info.context.templates.shown(chosen, info.context.access)
        rows = [ListedRow(_SCOPE, (seen.task.id,), seen.task.id, seen) for seen in shown]
        return Slice(rows, before is not None, more)

    async def total() -> int:
        numbers = count()
        async for _ in found(""):
            next(numbers)
        return next(numbers)

    return Listing(load, total)


scaffolder_actions = resolved(_actions, "The actions that steps of templates may do, ordered by id.")
scaffolder_task = resolved(_task, "The task with this id; null if it is missing, or not to be seen.")
scaffolder_tasks = resolved(_tasks, "The tasks of templates, newest first, those of templates that are seen and one's own.")


def values_given(name: str, value: object) -> Mapping[str, Any]:
    """The mapping that an argument is. InputError if it is none."""
    if not isinstance(value, Mapping):
        raise InputError(f"`{name}` has to be a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType] - JSON, which has texts as keys


def secrets_given(value: object) -> Mapping[str, str]:
    """The secrets that an argument is. InputError if they are no texts, none of which is told."""
    secrets = values_given("secrets", value if value is not UNSET and value is not None else {})
    if not all(isinstance(secret, str) for secret in secrets.values()):
        raise InputError("`secrets` has to be a JSON object of texts")
    return secrets
