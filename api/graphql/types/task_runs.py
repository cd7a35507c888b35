"""What is done with templates: running them, trying them, and the tasks' events as they happen."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from api.graphql.arguments import argument, ref_given
from api.graphql.context import Info
from api.graphql.types.fields import attribute, reading, resolved, subscribed
from api.graphql.types.tasks import ScaffolderTask, ScaffolderTaskEvent, secrets_given, values_given
from graph.access import Action
from graph.errors import StoreUnavailableError
from workers.scaffolder.parameters import RefusedValuesError
from workers.scaffolder.port import Rehearsed, RehearsedFile, SeenTask
from workers.scaffolder.tasks import Event, EventType

_LOOK_SECONDS = 0.5
_UNAVAILABLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Refused:
    """What is wrong with a value."""

    path: str
    message: str


@strawberry.type(description="A value that the template does not accept.")
class RefusedParameter:
    path: str = attribute("The parameter, such as `instance.name`; of a secret `secrets.token`.")
    message: str = attribute("What is wrong with it. The value itself is not told.")


def _text(file: RehearsedFile) -> str | None:
    try:
        text = file.content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


@strawberry.type(description="A file that a dry run made.")
class DryRunFile:
    path: str = attribute("Its path in the workspace.")
    text: str | None = reading(_text, "Its content; null if it is no text.")
    base64_content: str = reading(lambda file: base64.b64encode(file.content).decode(), "Its content, in Base64.")
    executable: bool = attribute("Whether it can be run.")


@strawberry.type(description="A step as a dry run came by it.")
class DryRunStep:
    id: str = attribute("The id of the step.")
    name: str = attribute("What it is called.")
    action: str = attribute("The id of the action.")
    status: str = attribute("What became of it.")
    input: JSON | None = attribute("The input that its action would get, secrets masked; null if it would not be done.")
    error: str | None = attribute("Why it failed; null if it did not.")


@dataclass(frozen=True, slots=True)
class _DryStep:
    id: str
    name: str
    action: str
    status: str
    input: object
    error: str | None


def _dry_steps(done: Rehearsed) -> Sequence[_DryStep]:
    return [_DryStep(one.id, one.name, one.action, one.status, done.inputs.get(one.index), one.error) for one in done.steps]


@strawberry.type(description="What a template would do. Nothing was done anywhere.")
class DryRun:
    succeeds: bool = reading(lambda done: done.error is None, "Whether no step failed.")
    error: str | None = attribute("Why it failed; null if it did not.")
    steps: list[DryRunStep] = reading(_dry_steps, "The steps, with what their actions would get.")
    files: list[DryRunFile] = attribute("The files of the workspace in the end.")
    output: JSON = reading(lambda done: dict(done.output), "The output.")
    failures: list[str] = attribute("Expressions of inputs and the output that fail, and are left as they were.")
    log: list[ScaffolderTaskEvent] = reading(lambda done: list(done.events), "What was logged.")


@dataclass(frozen=True, slots=True)
class _Ran:
    task: SeenTask | None = None
    dry_run: Rehearsed | None = None
    problems: Sequence[Refused] = ()


@strawberry.type(description="What running a template did.")
class RunTemplatePayload:
    task: ScaffolderTask | None = attribute("The task; null in a dry run, and if the values are not accepted.")
    dry_run: DryRun | None = attribute("What would be done; null if it was no dry run, or the values are not accepted.")
    problems: list[RefusedParameter] = attribute("What is wrong with the values; then nothing was done.")


@strawberry.type(description="A task that was asked to end.")
class CancelTaskPayload:
    task: ScaffolderTask = reading(lambda seen: seen, "The task. One that runs ends within a second or two.")


@strawberry.type(description="A task that goes on.")
class RetryTaskPayload:
    task: ScaffolderTask | None = attribute("The task; null if the secrets are not accepted.")
    problems: list[RefusedParameter] = attribute("What is wrong with the secrets; then nothing was done.")


async def _run(
    info: Info,
    template: Annotated[str, argument("The ref of the template.")],
    values: Annotated[JSON, argument("The parameters, a JSON object.")],
    secrets: Annotated[
        JSON | None, argument("Secrets, a JSON object of texts. They are encrypted while the task runs, and forgotten then.")
    ] = UNSET,
    dry_run: Annotated[bool, argument("Whether nothing is to be done and only told what would be.")] = False,
) -> _Ran:
    context, ref = info.context, ref_given("template", template)
    parameters, kept = values_given("values", values), secrets_given(secrets)
    try:
        with _audited(info, Action.TASK_CREATE, ref, changes=not dry_run):
            if dry_run:
                return _Ran(dry_run=await context.templates.rehearse(ref, parameters, kept, context.access))
            task = await context.templates.start(ref, parameters, kept, context.access)
            return _Ran(await context.templates.started(task, context.access))
    except RefusedValuesError as error:
        return _Ran(problems=_problems(error))


async def _cancel(info: Info, id: Annotated[strawberry.ID, argument("The id of the task.")]) -> SeenTask:
    context = info.context
    with _audited(info, Action.TASK_CANCEL, id):
        await context.templates.cancel(id, context.access)
        return await context.templates.task(id, context.access)


async def _retry(
    info: Info,
    id: Annotated[strawberry.ID, argument("The id of the task.")],
    secrets: Annotated[JSON | None, argument("The secrets, anew: those of before are forgotten.")] = UNSET,
) -> _Ran:
    context, kept = info.context, secrets_given(secrets)
    try:
        with _audited(info, Action.TASK_CREATE, id):
            await context.templates.retry(id, kept, context.access)
            return _Ran(await context.templates.task(id, context.access))
    except RefusedValuesError as error:
        return _Ran(problems=_problems(error))


async def _events(
    info: Info,
    id: Annotated[strawberry.ID, argument("The id of the task.")],
    after: Annotated[int, argument("Only those with a greater id.")] = 0,
) -> AsyncGenerator[Event]:
    context, last = info.context, max(after, 0)
    context.demand(Action.TASK_READ, "taskEvents")
    async with context.feed.listening():
        await context.templates.task(id, context.access)
        while True:
            try:
                for event in await context.templates.events(id, last):
                    last = event.id
                    context.forget()
                    yield event
                    if event.type is EventType.COMPLETION:
                        return
            except StoreUnavailableError:
                await asyncio.sleep(_UNAVAILABLE_SECONDS)
            await context.feed.pulse(_LOOK_SECONDS)


run_template = resolved(_run, "Run a template: a task does its steps. A dry run tells what it would do, and does nothing anywhere.")
cancel_task = resolved(_cancel, "End a task. What its steps have done stays.")
retry_task = resolved(_retry, "Let a task go on from the step at which it failed or was cancelled.")
task_events = subscribed(
    _events, "The events of a task, those that were and those that come, in order, up to its completion. Subscribe again by the last id."
)


def _problems(error: RefusedValuesError) -> Sequence[Refused]:
    return [Refused(error.named(refusal), refusal.message) for refusal in error.refusals]


def _audited(info: Info, action: Action, subject: str, *, changes: bool = True) -> AbstractContextManager[None]:
    return info.context.audit.doing(info.context.access, action, subject, cause=f"GraphQL {info.field_name}", changes=changes)
