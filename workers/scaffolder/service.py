"""What the interfaces ask of templates and tasks: whoever asks gets what they may see, and does what they may do."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from graph.access import Access, Action
from graph.conditions import EVERYTHING
from graph.entities import Document, Entity
from graph.errors import ConflictError, ForbiddenError, InputError, LimitExceededError, NotFoundError, RateLimitedError
from graph.policy import seen_and_allowed
from graph.redacting import seen_by
from graph.refs import Ref
from plugins.actions import TaskUser, TemplateInfo
from plugins.contract import SourceError
from workers.scaffolder.effects import KeptEffect, Use, repository_of
from workers.scaffolder.jobs import run_task
from workers.scaffolder.parameters import accepted_values, check_secrets, with_defaults
from workers.scaffolder.port import FoundTemplate, Rehearsed, SeenTask, Upgrade
from workers.scaffolder.provenance import LedgerProvenance
from workers.scaffolder.registry import ActionRegistry
from workers.scaffolder.rehearsing import rehearsed_task
from workers.scaffolder.scaffolding import Scaffolding
from workers.scaffolder.sealing import UnsealableError
from workers.scaffolder.sources import base_url_of
from workers.scaffolder.tasks import Event, EventType, StepState, Task, TaskSpec, TaskStatus, event_now, new_task_id
from workers.scaffolder.templates import API_VERSION, Template, template_of
from workers.scaffolder.upgrading import Upgrading, upgrade_spec
from workers.scaffolder.workspace import TaskWorkspace

_DRY_RUN_SECONDS = 120
_DRY_RUN_DELAY_SECONDS = 5
_LOOK_SECONDS = 30
_MOST_DRY_RUNS = 4
_MOST_SECRETS = 100
_MOST_UPGRADES = 100
_PAGE = 200


class Requests(Protocol):
    """Where jobs are asked for."""

    async def request(self, function: str, *args: str) -> None:
        """Have the job run soon."""
        ...


@dataclass(frozen=True, slots=True)
class TaskScaffolder:
    """Implements workers.scaffolder.port.Scaffolder. Without `requests`, tasks are found by the workers' next look at the store."""

    scaffolding: Scaffolding
    requests: Requests | None = None

    @property
    def actions(self) -> ActionRegistry:
        return self.scaffolding.workshop.actions

    async def template(self, ref: Ref, access: Access) -> FoundTemplate:
        if not ref.startswith("template:"):
            raise InputError("Invalid kind, only 'Template' kind is supported")
        store = seen_by(self.scaffolding.store, access, self.scaffolding.registry)
        found = await store.entities_by_ref([ref], visible=access.visible)
        if ref not in found:
            raise NotFoundError(f"Template {ref} not found")
        shown = await self._found(found[ref], access)
        # A version is the same for whoever sees less of the template.
        versions = await self.provenance.versions([ref], access)
        return replace(shown, template=replace(shown.template, digest=versions[ref].digest if ref in versions else shown.template.digest))

    async def start(self, ref: Ref, values: Mapping[str, Any], secrets: Mapping[str, str], access: Access) -> Task:
        access.demand(Action.TASK_CREATE)
        found = await self._runnable(ref, access)
        _check_few(secrets)
        spec = await self._spec(found.template, found.base_url, values, secrets, access)
        task = Task(new_task_id(), ref, TaskStatus.OPEN, datetime.now(UTC), access.principal.ref)
        await self.scaffolding.tasks.add(task, spec, secrets)
        await self._ask(task.id)
        return task

    async def started(self, task: Task, access: Access) -> SeenTask:
        return SeenTask(task, await self.scaffolding.tasks.spec(task.id), sees_steps=True)

    async def rehearse(self, ref: Ref, values: Mapping[str, Any], secrets: Mapping[str, str], access: Access) -> Rehearsed:
        access.demand(Action.TASK_CREATE)
        found = await self._runnable(ref, access)
        spec = await self._spec(found.template, found.base_url, values, secrets, access)
        return await self._rehearsed(spec, access, secrets)

    async def rehearse_document(
        self, document: Document, files: Mapping[str, bytes], values: Mapping[str, Any], secrets: Mapping[str, str], access: Access
    ) -> Rehearsed:
        access.demand(Action.TASK_CREATE)
        access.demand(Action.TEMPLATE_MANAGE)
        template = template_of(document)
        _demand_runnable(template)
        with TemporaryDirectory(prefix="callboard-dry-run-content-") as folder:
            beside = TaskWorkspace(Path(folder), self.scaffolding.workshop.config.scaffolder.max_workspace_bytes)
            for path, content in files.items():
                await asyncio.to_thread(beside.write, path, content)
            base_url = Path(folder, "template.yaml").as_uri()
            spec = await self._spec(template, base_url, values, secrets, access)
            return await self._rehearsed(spec, access, secrets)

    async def task(self, id: str, access: Access) -> SeenTask:
        access.demand(Action.TASK_READ)
        found = await self.shown([await self._stored(id)], access)
        if not found:
            raise NotFoundError(f"Task with id {id} does not exist")
        return found[0]

    async def tasks(
        self, access: Access, *, created_by: Sequence[Ref] | None = None, status: Sequence[str] | None = None, after: str = ""
    ) -> AsyncIterator[Task]:
        access.demand(Action.TASK_READ)
        waiting: list[Task] = []
        async for task in self.scaffolding.tasks.tasks(after):
            if (created_by is None or task.created_by in created_by) and (status is None or task.status in status):
                waiting.append(task)
            if len(waiting) == _PAGE:
                for seen in await self._seen(waiting, access):
                    yield seen
                waiting = []
        for seen in await self._seen(waiting, access):
            yield seen

    async def shown(self, tasks: Sequence[Task], access: Access) -> Sequence[SeenTask]:
        seen = await self._seen(tasks, access)
        specs = await self.scaffolding.tasks.specs([task.id for task in seen])
        everything = access.on(Action.TEMPLATE_STEPS_READ) == EVERYTHING
        visible = EVERYTHING if everything else seen_and_allowed(access, Action.TEMPLATE_STEPS_READ)
        refs = [] if everything else sorted({task.template for task in seen})
        readable = await self.scaffolding.store.entities_by_ref(refs, visible=visible)
        return [SeenTask(task, specs[task.id], everything or task.template in readable) for task in seen if task.id in specs]

    async def steps(self, seen: SeenTask) -> Sequence[StepState]:
        known = await self.scaffolding.tasks.steps(seen.task.id)
        steps = enumerate(seen.spec.steps)
        return [known.get(index) or StepState(index, step.id, step.name, step.action) for index, step in steps]

    async def upgrade(
        self, ref: Ref, entities: Sequence[Ref] | None, secrets: Mapping[str, str], access: Access, *, dry_run: bool
    ) -> Sequence[Upgrade]:
        for needed in (Action.TASK_CREATE, Action.TASK_READ):
            access.demand(needed)
        _check_few(secrets)
        found = await self._runnable(ref, access)
        if entities is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self.scaffolding.skeletons.look_at(ref)
            uses = [use async for use in self.provenance.uses(ref, access, outdated=True)]
        else:
            uses = await self.provenance.uses_of(ref, entities, access)
        seen = list[tuple[Use, Sequence[KeptEffect]]]()
        for use in uses:
            if (brought := await self.provenance.brought(use, access)) is not None:
                seen.append((use, brought))
            if len(seen) > _MOST_UPGRADES:
                raise LimitExceededError(
                    f"more than {_MOST_UPGRADES} uses of {ref} can be upgraded, which is too much at once: name entities"
                )
        wanted, upgrades = _Wanted(found, secrets, access, dry_run), list[Upgrade]()
        for use, brought in seen:
            upgrades += [] if brought else [Upgrade(use, problem=f"the task {use.task_id} brought no files to a repository")]
            for effect in brought:
                try:
                    upgrades.append(await self._upgraded(use, effect, wanted))
                except (InputError, SourceError, LimitExceededError, UnsealableError) as error:
                    upgrades.append(Upgrade(use, repository_of(effect), str(error)))
        return upgrades

    async def _upgraded(self, use: Use, effect: KeptEffect, wanted: "_Wanted") -> Upgrade:
        upgrading, found, access = Upgrading(self.scaffolding), wanted.found, wanted.access
        first = await upgrading.published(use, effect.url)
        await upgrading.check_arrived(first, effect)
        upgrading.check_secrets(found.template, wanted.secrets)
        values = with_defaults(found.template, first.parameters)
        own = await self._spec(found.template, found.base_url, values, wanted.secrets, access)
        spec = replace(own, user=first.user)
        if wanted.dry_run:
            try:
                async with asyncio.timeout(_DRY_RUN_SECONDS):
                    plan = await upgrading.plan(use, first, spec, access, wanted.secrets)
            except TimeoutError as error:
                raise InputError(f"the dry run took longer than {_DRY_RUN_SECONDS} s, and was ended") from error
            return Upgrade(use, first.repository, None, None, plan.changes, plan.proposal, not plan.changes)
        upgrade = upgrade_spec(self.scaffolding.workshop.hosts, first, spec, use, own.user, access)
        task = Task(new_task_id(), use.template, TaskStatus.OPEN, datetime.now(UTC), access.principal.ref)
        await self.scaffolding.tasks.add(task, upgrade, wanted.secrets)
        await self._ask(task.id)
        return Upgrade(use, first.repository, task=await self.started(task, access))

    async def tasks_by_id(self, ids: Sequence[str], access: Access) -> Mapping[str, SeenTask]:
        access.demand(Action.TASK_READ)
        found = await self.scaffolding.tasks.tasks_by_id(ids)
        return {seen.task.id: seen for seen in await self.shown(found, access)}

    async def effects(self, id: str) -> Sequence[KeptEffect]:
        return await self.scaffolding.ledger.effects(id)

    @property
    def provenance(self) -> LedgerProvenance:
        return LedgerProvenance(self.scaffolding)

    async def events(self, id: str, after: int) -> Sequence[Event]:
        return await self.scaffolding.tasks.events(id, after)

    async def cancel(self, id: str, access: Access) -> Task:
        access.demand(Action.TASK_CANCEL)
        seen = await self.task(id, access)
        if seen.task.status.is_over or seen.task.is_cancelled:
            return seen.task
        tasks = self.scaffolding.tasks
        running = next((state for state in (await tasks.steps(id)).values() if state.status == "processing"), None)
        named = running.id if running else "0"
        told = event_now(EventType.CANCELLED, f"Step {named} has been cancelled.", stepId=named, status="cancelled")
        task = await tasks.finish(id, _cancelled, told)
        if task.status is TaskStatus.CANCELLED:
            await tasks.add_events(id, [event_now(EventType.COMPLETION, "Run completed with status: cancelled")])
            await tasks.drop_secrets(id)
        return task

    async def retry(self, id: str, secrets: Mapping[str, str], access: Access) -> Task:
        access.demand(Action.TASK_CREATE)
        seen = await self.task(id, access)
        found = await self._runnable(seen.spec.template.ref, access)
        _check_few(secrets)
        check_secrets(found.template, secrets)
        task = await self.scaffolding.tasks.reopen(id, _reopened, secrets)
        recovery = (seen.spec.recovery or {}).get("EXPERIMENTAL_strategy") or "none"
        event = event_now(EventType.RECOVERED, "The task is retried.", recoverStrategy=recovery)
        await self.scaffolding.tasks.add_events(id, [event])
        await self._ask(id)
        return task

    async def _ask(self, id: str) -> None:
        if self.requests:
            await self.requests.request(run_task.__name__, id)

    async def _stored(self, id: str) -> Task:
        task = await self.scaffolding.tasks.task(id) if len(id) <= 100 else None
        if task is None:
            raise NotFoundError(f"Task with id {id[:100]} does not exist")
        return task

    async def _seen(self, tasks: Sequence[Task], access: Access) -> Sequence[Task]:
        """Those of the tasks whose templates are seen, or that whoever asks started."""
        if access.visible == EVERYTHING:
            return tasks
        refs = sorted({task.template for task in tasks if task.created_by != access.principal.ref})
        visible = await self.scaffolding.store.entities_by_ref(refs, visible=access.visible)
        return [task for task in tasks if task.created_by == access.principal.ref or task.template in visible]

    async def _found(self, entity: Entity, access: Access) -> FoundTemplate:
        store = self.scaffolding.store
        allowed = [
            bool(await store.entities_by_ref([entity.ref], visible=seen_and_allowed(access, action)))
            for action in (Action.TEMPLATE_STEPS_READ, Action.TEMPLATE_PARAMETERS_READ)
        ]
        return FoundTemplate(template_of(entity.document), base_url_of(entity), *allowed)

    async def _runnable(self, ref: Ref, access: Access) -> FoundTemplate:
        found = await self.template(ref, access)
        if not (found.sees_steps and found.sees_parameters):
            raise ForbiddenError(
                f"{access.principal.ref} may not run {ref}: the permission policy does not allow its parameters and steps."
            )
        _demand_runnable(found.template)
        return found

    async def _spec(
        self, template: Template, base_url: str | None, values: Mapping[str, Any], secrets: Mapping[str, str], access: Access
    ) -> TaskSpec:
        accepted = await asyncio.to_thread(accepted_values, template, values, self.scaffolding.workshop.renderer)
        check_secrets(template, secrets)
        principal = access.principal
        entity = (await self.scaffolding.workshop.catalog.entities([principal.ref], access)).get(principal.ref)
        info = TemplateInfo(template.ref, base_url, template.digest, template.metadata)
        user = TaskUser(principal.ref, entity)
        return TaskSpec(API_VERSION, template.steps, template.output, accepted, user, info, principal, template.recovery)

    async def _rehearsed(self, spec: TaskSpec, access: Access, secrets: Mapping[str, str]) -> Rehearsed:
        scaffolding = self.scaffolding
        if scaffolding.rehearsing >= _MOST_DRY_RUNS:
            raise RateLimitedError("as many dry runs as may are under way; try again in a few seconds", _DRY_RUN_DELAY_SECONDS)
        scaffolding.rehearsing += 1
        try:
            async with asyncio.timeout(_DRY_RUN_SECONDS):
                return await rehearsed_task(self.scaffolding.workshop, spec, access, secrets)
        except TimeoutError as error:
            raise InputError(f"the dry run took longer than {_DRY_RUN_SECONDS} s, and was ended") from error
        finally:
            scaffolding.rehearsing -= 1


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What upgrades are asked for with: the template as it is now, secrets for all of them, and whether they are only tried."""

    found: FoundTemplate
    secrets: Mapping[str, str]
    access: Access
    dry_run: bool


def _demand_runnable(template: Template) -> None:
    fatal = [problem for problem in template.problems if problem.is_fatal]
    if fatal:
        raise InputError(f"{template.ref} can't be run: {fatal[0].path}: {fatal[0].message} {fatal[0].remedy}")


def _check_few(secrets: Mapping[str, str]) -> None:
    if len(secrets) > _MOST_SECRETS:
        raise InputError(f"a task can have {_MOST_SECRETS} secrets")


def _cancelled(task: Task) -> Task | None:
    if task.status.is_over:
        return None
    if task.status is TaskStatus.OPEN:
        return replace(task, status=TaskStatus.CANCELLED, is_cancelled=True, ended_at=datetime.now(UTC))
    return replace(task, is_cancelled=True)


def _reopened(task: Task) -> Task:
    if not task.status.is_over:
        raise ConflictError(f"Task with taskId {task.id} cannot be retried: it is {task.status}")
    return replace(
        task,
        status=TaskStatus.OPEN,
        attempt=task.attempt + 1,
        began_at=None,
        ended_at=None,
        is_cancelled=False,
        error=None,
        output={},
    )
