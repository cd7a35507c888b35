"""Upgrades: what a task published, brought up to the present version of its template by a pull request."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from graph.access import Access
from graph.entities import canonical_json, content_hash
from graph.errors import InputError
from plugins.actions import Action, ActionContext, ActionModel, Idempotency, TaskUser, action
from plugins.contract import Place
from plugins.github.host import GitHubHost
from plugins.rest import understood
from workers.scaffolder.effects import KeptEffect, Use
from workers.scaffolder.merging import File, FileChange, changes_between
from workers.scaffolder.port import Rehearsed
from workers.scaffolder.registry import ActionRegistry
from workers.scaffolder.rehearsing import rehearsed_task
from workers.scaffolder.renderings import Rendering
from workers.scaffolder.scaffolding import Scaffolding
from workers.scaffolder.snapshots import below
from workers.scaffolder.sources import sources_from
from workers.scaffolder.tasks import TaskSpec, UpgradeOf
from workers.scaffolder.templates import API_VERSION, Step

MERGE = "callboard:template:merge"
PROPOSE = "publish:github:pull-request"

_CREATE = "github:repo:create"
_FOLDER = "changes"
_MERGED = "${{ steps.merge.output."
_OF_SECRETS = re.compile(rb"\$\{\{[^}]*\bsecrets\b")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade changes in a repository: nothing if it has the new version already. `rendering` is what the new version makes.

    `branch` is that on which it is proposed, a name of its own for what is made; `proposal` a pull request that is open from there.
    """

    repository: str
    changes: Sequence[FileChange]
    rendering: Rendering
    branch: str
    proposal: str | None = None


@dataclass(frozen=True, slots=True)
class Upgrading:
    """Finds out what upgrades change. Errors: InputError for what can't be upgraded, SourceError for what can't be read."""

    scaffolding: Scaffolding

    async def published(self, use: Use) -> Rendering:
        """What the use published. InputError if that is not kept."""
        found = await self.scaffolding.renderings.of(use.task_id)
        if found is None:
            raise InputError(f"what the task {use.task_id} published is not kept: it made no repository, or too large a one")
        return found

    async def repository(self, use: Use) -> KeptEffect:
        """The repository that the use made. InputError if it made none, or not on GitHub."""
        effects = await self.scaffolding.ledger.effects(use.task_id)
        found = next((effect for effect in effects if effect.kind == "repository"), None)
        if found is None:
            raise InputError(f"the task {use.task_id} made no repository")
        self.place(found)
        return found

    def place(self, repository: KeptEffect) -> tuple[GitHubHost, Place]:
        """Where the repository is. InputError if not on a GitHub of `integrations`."""
        found = self.scaffolding.workshop.hosts.of(repository.url)
        if found is None or not isinstance(found[0], GitHubHost):
            raise InputError(f"{repository.url} is on no GitHub that is configured; upgrades are proposed there only")
        return found[0], found[1]

    async def plan(self, use: Use, spec: TaskSpec, access: Access) -> Plan:
        """What has to change so that what the use published is what a task of that spec would publish."""
        repository = await self.repository(use)
        self._check_steps(spec)
        done = await rehearsed_task(self.scaffolding.workshop, spec, access, {}, task_id=use.task_id)
        if done.error:
            raise InputError(f"the template fails with the values of the task {use.task_id}: {done.error}")
        made = {file.path: File(file.content, file.executable) for file in done.files}
        new = Rendering(below(made, _source_path(repository, spec, done)), spec.parameters, spec.user)
        branch = _branch(spec, new)
        listed = await sources_from(self.scaffolding.workshop.config, self.scaffolding.workshop.hosts).tree(None, repository.url)
        current = {file.path: File(file.content, file.executable) for file in listed}
        old, proposal = await self._merged(use, repository), None
        if found := await self.scaffolding.ledger.proposal(use):
            is_same = found[1].details.get("branch") == branch
            proposal = found[1].url if is_same and await self._state(repository, found[1]) == "open" else None
        changes = await asyncio.to_thread(changes_between, old.files, new.files, current, removes=self._knows_all(spec))
        return Plan(repository.url, changes, new, branch, proposal)

    async def take_over(self, use: Use, spec: TaskSpec, rendering: Rendering) -> None:
        """Keep that the repository has what was rendered of that version."""
        await self.scaffolding.renderings.keep(use.task_id, rendering)
        await self.scaffolding.ledger.brought_up_to_date(use, spec.template.digest)

    async def _merged(self, use: Use, repository: KeptEffect) -> Rendering:
        """What the repository was last made of: what the last pull request brought, if that was merged, else what the use published."""
        found = await self.scaffolding.ledger.proposal(use)
        if found and await self._state(repository, found[1]) == "merged":
            merged = await self.scaffolding.renderings.of(found[0].task_id)
            if merged is not None:
                return merged
        return await self.published(use)

    async def _state(self, repository: KeptEffect, proposal: KeptEffect) -> str:
        host, place = self.place(repository)
        owner = place.repository.partition("/")[0]
        found = await host.api.json(f"/repos/{place.repository}/pulls/{int(proposal.details['number'])}", owner, expected={404})
        if found is None:
            return "missing"
        with understood(proposal.url):
            return "merged" if found["merged_at"] else str(found["state"])

    def _check_steps(self, spec: TaskSpec) -> None:
        for step in spec.steps:
            if self._action(step).supports_dry_run and step.action != PROPOSE and _OF_SECRETS.search(canonical_json(step.input)):
                raise InputError(f"the step {step.id} makes files of secrets, which are not kept: what came of it can't be made again")

    def _knows_all(self, spec: TaskSpec) -> bool:
        """Whether no step makes files that a dry run does not: of Callboard's own actions all that do so do it there as well."""
        actions = (self._action(step) for step in spec.steps)
        return all(one.supports_dry_run or one.run.__module__.startswith("workers.") for one in actions)

    def _action(self, step: Step) -> Action:
        return self.scaffolding.workshop.actions.action(step.action)


def upgrade_spec(place: Place, spec: TaskSpec, use: Use, by: TaskUser, access: Access) -> TaskSpec:
    """What a task does that proposes to bring what the use made up to that spec."""
    owner, _, name = place.repository.partition("/")
    proposed = {
        "repoUrl": f"{place.host}?{urlencode({'owner': owner, 'repo': name})}",
        "branchName": f"{_MERGED}branch }}}}",
        "title": f"{_MERGED}title }}}}",
        "description": f"{_MERGED}description }}}}",
        "commitMessage": f"{_MERGED}title }}}}",
        "sourcePath": _FOLDER,
        "filesToDelete": f"{_MERGED}removed }}}}",
        "update": True,
    }
    steps = [
        Step("merge", "Merge what changed in the template", MERGE),
        Step("propose", "Propose a pull request", PROPOSE, proposed, if_=f"{_MERGED}hasChanges }}}}"),
    ]
    url = "${{ steps.propose.output.remoteUrl }}"
    output = {"links": [{"title": "Pull request", "url": url, "if": url}]}
    return TaskSpec(API_VERSION, steps, output, {}, by, spec.template, access.principal, upgrade=UpgradeOf(use.task_id, spec))


class Merge(ActionModel):
    """The input of the action that merges: nothing, since the task says what is upgraded."""


class Merged(ActionModel):
    """What the merging came to."""

    has_changes: bool
    title: str
    description: str
    branch: str
    removed: list[str]


def upgrading_actions(scaffolding: Scaffolding, upgrade: UpgradeOf) -> ActionRegistry:
    """The actions of a task that upgrades: all there are, and the one that merges, which no template can use."""
    upgrading = Upgrading(scaffolding)

    @action(MERGE, "Merges what changed in a template into what came of it.", idempotency=Idempotency.REPEATABLE)
    async def merge(given: Merge, context: ActionContext) -> Merged:
        use = await scaffolding.ledger.use(context.template.ref, upgrade.task_id)
        if use is None:
            raise InputError(f"what the task {upgrade.task_id} made is not known any more")
        plan = await upgrading.plan(use, upgrade.spec, context.access)
        title = f"Upgrade to the present version of {context.template.metadata.get('title') or context.template.ref}"
        nothing = Merged(has_changes=False, title=title, description="", branch=plan.branch, removed=[])
        if not plan.changes:
            await upgrading.take_over(use, upgrade.spec, plan.rendering)
            context.log.info(f"{plan.repository} has all of the new version: there is nothing to propose")
            return nothing
        if plan.proposal:
            context.log.info(f"It is proposed already, as {plan.proposal}; that stays as it is")
            return nothing
        await scaffolding.renderings.keep(context.task_id, plan.rendering)
        await asyncio.to_thread(_place, plan.changes, context)
        return Merged(
            has_changes=any(change.kind != "kept" for change in plan.changes),
            title=title,
            description=_description(plan.changes, use),
            branch=plan.branch,
            removed=[change.path for change in plan.changes if change.kind == "removed"],
        )

    return ActionRegistry([*scaffolding.workshop.actions.all, merge])


def _place(changes: Sequence[FileChange], context: ActionContext) -> None:
    """Write what is proposed into the workspace, and say so."""
    context.workspace.make_folder(_FOLDER)
    for change in changes:
        context.log.info(f"{change.kind}: {change.path}")
        if change.conflict:
            context.log.warning(f"{change.path}: {change.conflict}")
        if change.after is not None and change.before != change.after:
            context.workspace.write(f"{_FOLDER}/{change.path}", change.after.content, executable=change.after.executable)


def _branch(spec: TaskSpec, rendering: Rendering) -> str:
    told = {path: [content_hash(file.content), file.executable] for path, file in rendering.files.items()}
    return f"template-upgrade/{spec.template.ref.partition('/')[2]}-{content_hash(canonical_json([spec.template.ref, told]))[:8]}"


def _description(changes: Sequence[FileChange], use: Use) -> str:
    conflicts = [f"- `{change.path}`: {change.conflict}" for change in changes if change.conflict]
    begun = f"This was made from {use.template}, which has changed since. What changed in it is merged with what changed here."
    return "\n".join([begun, *(["", "To be decided before it is merged:", "", *conflicts] if conflicts else [])])


def _source_path(repository: KeptEffect, spec: TaskSpec, done: Rehearsed) -> str:
    """The folder that the step publishes which made the repository. InputError if there is none of that id any more."""
    for index, step in enumerate(spec.steps):
        if step.id == repository.step_id:
            if step.action == _CREATE:
                raise InputError(f"the step {step.id} only creates the repository: upgrades need one that publishes files as well")
            given: Any = done.inputs.get(index) or {}
            return str(given.get("sourcePath") or "")
    raise InputError(f"the template has no step {repository.step_id} any more, which published {repository.url}")
