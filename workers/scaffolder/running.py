"""Runs the steps of a task, one after another, as Backstage's runner does; what is kept of that is for a record to say."""

import asyncio
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any, cast

import orjson
from pydantic import BaseModel

from graph.access import Access, Action
from graph.errors import CallboardError, InputError, LimitExceededError, StoreUnavailableError
from plugins.actions import Action as TemplateAction
from plugins.actions import Idempotency
from workers.leases import LeaseLostError
from workers.scaffolder.context import Masking, StepContext, StepFailedError, StepLog, TaskHosts
from workers.scaffolder.contributions import contribution_of
from workers.scaffolder.effects import Skeleton
from workers.scaffolder.evaluation import is_truthy
from workers.scaffolder.merging import Published
from workers.scaffolder.records import Record
from workers.scaffolder.registry import ActionRegistry, example_output, schema_of, validated_input
from workers.scaffolder.snapshots import packed
from workers.scaffolder.tasks import EventType, StepState, StepStatus, TaskSpec, event_now
from workers.scaffolder.templates import Step
from workers.scaffolder.templating.rendering import Condition, Failure, Renderer
from workers.scaffolder.workspace import TaskWorkspace

_FLUSH_SECONDS = 0.25
_MOST_ITEMS = 1000
_MOST_OUTPUT_BYTES = 4 * 1024 * 1024
_UNTOLD = "***"


@dataclass(slots=True)
class Run:
    """One run of a task, or a dry run. `done` are the states of steps that were over before it, with what later steps read of them;
    `interrupted` are the places of those in which a worker was lost. In a dry run `inputs` become those of the steps, secrets masked,
    `published` what the steps named by `publishing` would publish, by their ids and the items of their `each`, and `failures` tell of
    expressions that failed and were left as they were.
    """

    task_id: str
    spec: TaskSpec
    access: Access
    secrets: Mapping[str, str]
    environment: Mapping[str, Any]
    environment_secrets: Mapping[str, str]
    actions: ActionRegistry
    hosts: TaskHosts
    renderer: Renderer
    record: Record
    masking: Masking
    workspace: TaskWorkspace
    folder: Path
    most_published_bytes: int
    is_dry_run: bool = False
    publishing: Collection[str] = ()
    done: Mapping[int, tuple[StepState, Mapping[str, Any]]] = field(default_factory=dict[int, tuple[StepState, Mapping[str, Any]]])
    interrupted: Collection[int] = ()
    inputs: dict[int, Any] = field(default_factory=dict[int, Any])
    published: dict[tuple[str, str], Published] = field(default_factory=dict[tuple[str, str], Published])
    failures: list[str] = field(default_factory=list[str])

    async def complete(self) -> Mapping[str, Any]:
        """The task's output. StepFailedError if a step failed, once all that wanted to run nevertheless did."""
        return await _Steps(self).complete()


@dataclass(frozen=True, slots=True)
class _Iteration:
    """One doing of a step's action: for an item of its `each`, or for none. Without `input` it is left out.

    `unknown` are keys of the step's input that the action does not know.
    """

    item: str
    input: BaseModel | None
    each: Mapping[str, Any] | None = None
    unknown: Sequence[str] = ()


class _Steps:
    """The steps of one run while it lasts."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._failed = False
        self._outputs: dict[str, Any] = {}
        self._fetched: list[Skeleton] = []

    async def complete(self) -> Mapping[str, Any]:
        run, first = self._run, ""
        await self._tell(f"Starting up task with {len(run.spec.steps)} steps")
        for index, step in enumerate(run.spec.steps):
            known = run.done.get(index)
            error = await self._recalled(step, *known) if known else await self._step(index, step)
            if error is not None:
                self._failed = True
                first = first or error
        if first:
            raise StepFailedError(first)
        output = await self._rendered(run.spec.output, self._context(), "output")
        for name in ("links", "text"):
            if isinstance(output.get(name), list):
                output[name] = [_without_condition(item) for item in output[name] if _is_shown(item)]
        return run.masking.value(output)

    async def _rendered(self, value: Any, context: Mapping[str, Any], of: str = "") -> Any:
        """The value with its expressions evaluated; with `of`, what it is, those that fail are remembered."""
        run, failures = self._run, list[Failure]()
        # In a thread, since a template may keep it busy for as long as its limits allow.
        rendered = await asyncio.to_thread(
            run.renderer.render_value, value, context, failures=failures, failed=self._failed, seed=run.task_id
        )
        run.failures += (run.masking.text(_failure(of, failure)) for failure in failures if of)
        return rendered

    async def _condition(self, condition: str | bool, context: Mapping[str, Any]) -> Condition:
        run = self._run
        return await asyncio.to_thread(run.renderer.evaluate_condition, condition, context, failed=self._failed, seed=run.task_id)

    async def _recalled(self, step: Step, state: StepState, output: Mapping[str, Any]) -> str | None:
        """Take a step as it went before; its error, if it failed the task."""
        if state.status is StepStatus.COMPLETED:
            self._outputs[step.id] = {"output": output}
            # What was masked in it then, because secrets made it, is to be masked now as well.
            self._run.masking.add(text for text, _ in _differing(output, state.output))
            await self._tell(f"Skipping step {step.id} because it was already completed in a previous run", step, StepStatus.COMPLETED)
        return state.error if state.fails_task else None

    async def _step(self, index: int, step: Step) -> str | None:
        """Do the step; the error with which it fails the task, None if it does not."""
        state = StepState(index, step.id, step.name, step.action)
        if self._failed and not await self._wants_to_run_after_failure(step):
            await self._skip(state, step, f"Skipping step {step.id} because a previous step failed")
            return None
        state = replace(state, status=StepStatus.PROCESSING, began_at=datetime.now(UTC))
        await self._run.record.write_step(state)
        await self._tell(f"Beginning step {step.name}", step, StepStatus.PROCESSING)
        self._fetched = []
        log = StepLog(self._run.masking, step.id)
        telling = asyncio.create_task(self._tell_lines(log, step))
        try:
            done, output = await self._attempted(state, step, log)
        except (StoreUnavailableError, LeaseLostError):
            raise
        except Exception as error:
            return await self._fail(state, step, log, error)
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            await asyncio.shield(self._drain(log, step))
        if done:
            await self._tell_done(state, step, output)
        return None

    async def _tell_done(self, state: StepState, step: Step, output: Mapping[str, Any]) -> None:
        run = self._run
        snapshot = None
        # After a failure none is kept: a retry goes on from the one before it.
        if not run.is_dry_run and not self._failed and state.index + 1 < len(run.spec.steps):
            snapshot = await run.record.keep_workspace(await asyncio.to_thread(packed, run.workspace))
        shown = run.masking.value(output)
        ended = replace(
            state, status=StepStatus.COMPLETED, ended_at=datetime.now(UTC), output=shown, snapshot=snapshot, fetched=self._fetched
        )
        await asyncio.shield(run.record.write_step(ended, output))
        self._outputs[step.id] = {"output": output}
        await self._tell(f"Finished step {step.name}", step, StepStatus.COMPLETED)

    async def _skip(self, state: StepState, step: Step, reason: str) -> None:
        await self._run.record.write_step(replace(state, status=StepStatus.SKIPPED, ended_at=datetime.now(UTC)))
        await self._tell(reason, step, StepStatus.SKIPPED)

    async def _fail(self, state: StepState, step: Step, log: StepLog, error: Exception) -> str | None:
        run = self._run
        if not isinstance(error, CallboardError):
            # Nobody raised it on purpose, so whoever mends the action needs to know where.
            log.error("".join(traceback.format_exception(error)))
        await self._drain(log, step)
        message = run.masking.text(str(error) or type(error).__name__)
        tolerated = is_truthy(await self._rendered(step.continue_on_failure, self._context()))
        ended = replace(state, status=StepStatus.FAILED, ended_at=datetime.now(UTC), error=message, is_tolerated=tolerated)
        await run.record.write_step(ended)
        await self._tell(message, step, StepStatus.FAILED)
        if tolerated:
            await self._tell(f"The task goes on although step {step.id} failed, as the step says")
            return None
        return message

    async def _wants_to_run_after_failure(self, step: Step) -> bool:
        return isinstance(step.if_, str) and (await self._condition(step.if_, self._context())).asks_for_status

    async def _attempted(self, state: StepState, step: Step, log: StepLog) -> tuple[bool, Mapping[str, Any]]:
        """Whether the step was done, and its output; False if its condition kept it from that."""
        run = self._run
        if step.if_ is False or (step.if_ and step.each is None and not (await self._condition(step.if_, self._context())).holds):
            await self._skip(state, step, f"Skipping step {step.id} because its if condition was false")
            return False, {}
        action = run.actions.action(step.action)
        if run.is_dry_run and (example := await self._rehearsed(state, step, action, log)) is not None:
            return True, example
        if action.idempotency is Idempotency.ONCE and state.index in run.interrupted:
            raise InputError(f"A worker was lost while it ran {action.id}, and what it did nobody knows: look, and retry the task then.")
        run.access.demand(Action.ACTION_EXECUTE)
        outputs: dict[str, Any] = {}
        for iteration in await self._iterations(step, action):
            if iteration.input is None:
                log.info(f"Skipping step each: {_json(iteration.each)}")
                continue
            if iteration.each is not None:
                log.info(f"Running step each: {_json(iteration.each)}")
            given = await self._acted(state, step, action, iteration, log)
            for name, value in given.items():
                if step.each is None:
                    outputs[name] = value
                else:
                    outputs.setdefault(name, []).append(value)
        await asyncio.to_thread(run.workspace.size)
        return True, _kept(outputs)

    async def _rehearsed(self, state: StepState, step: Step, action: TemplateAction, log: StepLog) -> Mapping[str, Any] | None:
        """Tell what the step would be done with; an example of its output, if it can't be tried."""
        run = self._run
        shown = await self._rendered(step.input, self._context(secrets=_Secrets.MASKED), f"{step.id}.input")
        run.inputs[state.index] = shown
        log.info(f"Running {action.id} in dry-run mode with inputs (secrets redacted): {_json(shown)}")
        if step.id in run.publishing:
            await self._keep_published(step, action)
        if action.supports_dry_run:
            return None
        await self._tell(f"Skipping because {action.id} does not support dry-run", step, StepStatus.SKIPPED)
        return cast("Mapping[str, Any]", example_output(schema_of(action.output))) if action.output else {}

    async def _keep_published(self, step: Step, action: TemplateAction) -> None:
        """Remember what the step would publish, for each item."""
        context = self._context(secrets=_Secrets.ABSENT)
        items: Sequence[tuple[Any, Any]] = [("", None)] if step.each is None else await self._items(step, action, context)
        for key, value in items:
            within = context if step.each is None else {**context, "each": {"key": key, "value": value}}
            given = await self._rendered(step.input, within)
            brought = contribution_of(action.id, given)
            if brought is None:
                continue
            files = await asyncio.to_thread(brought.files, self._run.workspace) or {}
            secret = await asyncio.to_thread(self._run.masking.secret_files, files)
            self._run.published[step.id, str(key)] = Published(files, secret)

    async def _acted(self, state: StepState, step: Step, action: TemplateAction, iteration: _Iteration, log: StepLog) -> Mapping[str, Any]:
        run = self._run
        given = iteration.input.model_dump(by_alias=True) if iteration.input else {}
        context = StepContext(
            task_id=run.task_id,
            step_id=step.id,
            step_name=step.name,
            template=run.spec.template,
            user=run.spec.user,
            access=run.access,
            secrets=run.secrets,
            is_dry_run=run.is_dry_run,
            workspace=run.workspace,
            log=log,
            hosts=run.hosts,
            record=run.record,
            state=state,
            folder=run.folder,
            item=iteration.item,
            parameters=run.spec.parameters,
            masking=run.masking,
            most_published_bytes=run.most_published_bytes,
            contribution=contribution_of(action.id, given),
        )
        if iteration.unknown:
            log.warning(f"{action.id} does not know what it was given as {', '.join(iteration.unknown)}, and leaves that out.")
        returned = await action.run(iteration.input, context)
        # One with a secret in its address can't be looked at again.
        self._fetched += (one for one in context.skeletons if run.masking.text(one.url) == one.url)
        if returned is not None:
            context.outputs.update(returned.model_dump(mode="json", by_alias=True, exclude_unset=True))
        return context.outputs

    async def _iterations(self, step: Step, action: TemplateAction) -> Sequence[_Iteration]:
        """Each doing of the step with its input, all of them checked before the first one begins."""
        context, bare = self._context(secrets=_Secrets.GIVEN), self._context(secrets=_Secrets.ABSENT)
        if step.each is None:
            return [await self._iteration(step, action, "", context, bare)]
        items, bare_items = await self._items(step, action, context), _pairs(await self._rendered(step.each, bare))
        found: list[_Iteration] = []
        for place, (key, value) in enumerate(items):
            known = bare_items[place] if place < len(bare_items) else (None, None)
            each, bare_each = {"key": key, "value": value}, {"key": known[0], "value": known[1]}
            self._hide_secrets(each, bare_each)
            within = {**context, "each": each}
            if step.if_ and not (await self._condition(step.if_, within)).holds:
                found.append(_Iteration(str(key), None, each))
            else:
                found.append(await self._iteration(step, action, str(key), within, {**bare, "each": bare_each}))
        return found

    async def _items(self, step: Step, action: TemplateAction, context: Mapping[str, Any]) -> Sequence[tuple[Any, Any]]:
        items = await self._rendered(step.each, context)
        if items is None:
            raise InputError(f'Invalid value on action {action.id}.each parameter, "{step.each}" cannot be resolved to a value')
        if not isinstance(items, Mapping | list):
            raise InputError(f"Invalid value on action {action.id}.each parameter, must resolve to an array or object")
        found = _pairs(cast("Any", items))
        if len(found) > _MOST_ITEMS:
            raise InputError(f"`each` of {step.id} has {len(found):,} items, and {_MOST_ITEMS:,} at most are allowed")
        return found

    async def _iteration(
        self, step: Step, action: TemplateAction, item: str, context: Mapping[str, Any], bare: Mapping[str, Any]
    ) -> _Iteration:
        given = await self._rendered(step.input, context)
        if self._run.secrets or self._run.environment_secrets:
            self._hide_secrets(given, await self._rendered(step.input, bare))
        each = context.get("each")
        taken, unknown = validated_input(action, given, action.id if each is None else f"{action.id}[{item}]")
        return _Iteration(item, taken, each, unknown)

    def _hide_secrets(self, given: Any, bare: Any) -> None:
        """Mask from now on what is there only because secrets are, unless masking these leaves nothing of them in it."""
        run = self._run
        secrets = [*run.secrets.values(), *run.environment_secrets.values()]
        for text, without in _differing(given, bare) if secrets else ():
            if _less(text, secrets) != (without if isinstance(without, str) else ""):
                run.masking.add([text])

    def _context(self, *, secrets: "_Secrets | None" = None) -> dict[str, Any]:
        """What expressions read; secrets only where an input is made."""
        run = self._run
        user = {key: value for key, value in {"entity": run.spec.user.entity, "ref": run.spec.user.ref}.items() if value is not None}
        told = secrets.of(run.environment_secrets) if secrets else {}
        context: dict[str, Any] = {
            "parameters": run.spec.parameters,
            "environment": {"parameters": run.environment, "secrets": told},
            "steps": self._outputs,
            "user": user,
            "context": {"task": {"id": run.task_id}},
        }
        return {**context, "secrets": secrets.of(run.secrets)} if secrets else context

    async def _tell(self, message: str, step: Step | None = None, status: StepStatus | None = None) -> None:
        more = {"stepId": step.id} if step else {}
        if status:
            more["status"] = status
        await self._run.record.log([event_now(EventType.LOG, self._run.masking.text(message), **more)])

    async def _tell_lines(self, log: StepLog, step: Step) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await asyncio.shield(self._drain(log, step))

    async def _drain(self, log: StepLog, step: Step) -> None:
        lines = log.drain()
        if lines:
            await self._run.record.log([event_now(EventType.LOG, text, stepId=step.id, level=level) for level, text in lines])


class _Secrets(Enum):
    """How secrets stand in what expressions read."""

    GIVEN = auto()
    MASKED = auto()
    ABSENT = auto()

    def of(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """The secrets as they stand there."""
        return {} if self is _Secrets.ABSENT else {name: value if self is _Secrets.GIVEN else _UNTOLD for name, value in secrets.items()}


def _failure(of: str, failure: Failure) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in failure.path)
    error = failure.error
    place = "" if error.line is None else f" (line {error.line}, column {error.column})"
    return f"{of}{where} is left as it was, since its expression fails: {error}{place}"


def _is_shown(item: Any) -> bool:
    entry: Mapping[str, Any] = cast("Mapping[str, Any]", item) if isinstance(item, Mapping) else {}
    return "if" not in entry or is_truthy(entry["if"])


def _without_condition(item: Any) -> Any:
    return {key: value for key, value in cast("Mapping[str, Any]", item).items() if key != "if"} if isinstance(item, Mapping) else item


def _pairs(items: Any) -> Sequence[tuple[Any, Any]]:
    """The items of a list by their places, as texts, or those of a mapping by their keys."""
    if isinstance(items, Mapping):
        return list(cast("Mapping[str, Any]", items).items())
    return [(str(place), item) for place, item in enumerate(cast("list[Any]", items))] if isinstance(items, list) else []


def _less(text: str, parts: Sequence[str]) -> str:
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "") if part else text
    return text


def _differing(given: Any, bare: Any) -> Iterator[tuple[str, Any]]:
    """The texts in one value that are others in the other at the same place, with what stands there."""
    if isinstance(given, str):
        if given != bare:
            yield given, bare
    elif isinstance(given, Mapping):
        other: Mapping[str, Any] = cast("Mapping[str, Any]", bare) if isinstance(bare, Mapping) else {}
        for key, below in cast("Mapping[str, Any]", given).items():
            yield from _differing(below, other.get(key))
    elif isinstance(given, list):
        others = cast("list[Any]", bare) if isinstance(bare, list) else []
        for place, item in enumerate(cast("list[Any]", given)):
            yield from _differing(item, others[place] if place < len(others) else None)


def _kept(outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The outputs as they are kept and read again. InputError for what JSON can't hold, LimitExceededError for too much."""
    try:
        text = orjson.dumps(outputs)
    except orjson.JSONEncodeError as error:
        raise InputError(f"the action gave an output that JSON can't hold: {error}") from error
    if len(text) > _MOST_OUTPUT_BYTES:
        raise LimitExceededError(f"the step's output has {len(text):,} bytes, and {_MOST_OUTPUT_BYTES:,} at most are kept")
    return orjson.loads(text)


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
