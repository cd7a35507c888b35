"""Upgrades: what a task published, brought up to the present version of its template by a pull request."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graph.access import Access
from graph.entities import canonical_json, content_hash
from graph.errors import InputError
from plugins.actions import Action, ActionContext, ActionModel, Idempotency, TaskUser, action
from plugins.hosts import Hosts
from workers.scaffolder.effects import KeptEffect, Skeleton, Use, version_of
from workers.scaffolder.merging import FileChange, changes_between
from workers.scaffolder.parameters import RefusedValuesError, check_secrets
from workers.scaffolder.proposals import proposing, proposing_actions, tree_url
from workers.scaffolder.publishing.github_pull_requests import PULL_REQUEST
from workers.scaffolder.registry import ActionRegistry
from workers.scaffolder.rehearsing import rehearsed_task
from workers.scaffolder.renderings import Rendering
from workers.scaffolder.scaffolding import Scaffolding
from workers.scaffolder.tasks import TaskSpec, UpgradeOf, fetched_by
from workers.scaffolder.templates import API_VERSION, Step, Template

MERGE = "callboard:template:merge"

_CREATE = "github:repo:create"
_FOLDER = "changes"
_MERGED = "${{ steps.merge.output."
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_OF_SECRETS = re.compile(r"""(?<![\w.])secrets\b(?:\s*\.\s*(\w+)|\s*\[\s*\\?["']([^"'\\]+)\\?["']\s*\])?""")
_NOT_MERGED = {
    "open": "is still open: merge it first",
    "closed": "was closed and not merged: there is nothing to upgrade; reopen and merge it",
    "missing": "is not found with the credentials of `integrations`, so that it is not known whether it was merged: give these access",
}
_FORGOTTEN = "secrets are forgotten with their task: give them anew"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade changes in the repository of `rendering`, which is what the new version makes there: nothing if it has that already.
    `skeletons` is what the new version fetches for it.

    `branch` is that on which it is proposed, a name of its own for what is made; `proposal` a pull request that is open from there.
    """

    changes: Sequence[FileChange]
    rendering: Rendering
    skeletons: Sequence[Skeleton]
    branch: str
    proposal: str | None = None


@dataclass(frozen=True, slots=True)
class Upgrading:
    """Finds out what upgrades change. Errors: InputError for what can't be upgraded, SourceError for what can't be read."""

    scaffolding: Scaffolding

    async def published(self, use: Use, url: str) -> Rendering:
        """What the use published to the repository of that address, or by the proposal. InputError if that is not kept."""
        found = await self.scaffolding.renderings.of(use.task_id, url)
        if found is None:
            raise InputError(f"what the task {use.task_id} published to {url} is not kept: it was too large, or nothing")
        return found

    async def check_arrived(self, first: Rendering, effect: KeptEffect) -> None:
        """InputError if what was published first is not in its repository, because the effect that tells of it is a proposal that was
        not merged, or where that is not known.
        """
        if first.proposal is None:
            return
        if fork := effect.details.get("fork"):
            raise InputError(f"{first.proposal} was proposed from the fork {fork}, as upgrades can't be: run the template again")
        state = await proposing(self.scaffolding.workshop.hosts, first.repository).state(effect)
        if state != "merged":
            raise InputError(f"{first.proposal} {_NOT_MERGED.get(state, f'is {state}')}, or run the template again")

    def check_secrets(self, template: Template, secrets: Mapping[str, str]) -> None:
        """InputError if the secrets are not those that a task of the template needs to make what it publishes."""
        try:
            check_secrets(template, secrets)
        except RefusedValuesError as error:
            raise error if secrets else InputError(f"{error}; {_FORGOTTEN}") from error
        self._check_steps(template.steps, secrets)

    async def plan(self, use: Use, first: Rendering, spec: TaskSpec, access: Access, secrets: Mapping[str, str]) -> Plan:
        """What has to change so that what the use published first is what a task of that spec would publish with these secrets."""
        workshop = self.scaffolding.workshop
        at = proposing(workshop.hosts, first.repository)
        self._check_steps(spec.steps, secrets)
        new, skeletons = await self._rendered(use, first, spec, access, secrets)
        branch = _branch(spec, new)
        listed = await workshop.sources.tree(None, tree_url(workshop.hosts, first.repository, first.branch))
        old, proposal = first, None
        if found := await self.scaffolding.ledger.upgrade(use, first.url):
            state = await at.state(found[1])
            proposal = found[1].url if state == "open" and found[1].details.get("branch") == branch else None
            merged = await self.scaffolding.renderings.of(found[0].task_id, first.url) if state == "merged" else None
            # What was merged last is what the repository was last made of.
            old = merged or first
        current = at.current(listed, old.files)
        changes = await asyncio.to_thread(changes_between, old.files, new.files, current, removes=self._knows_all(spec))
        new = replace(new, secret_files=new.secret_files | old.secret_files)
        told = [replace(change, is_secret=change.path in new.secret_files) for change in changes]
        return Plan(told, new, skeletons, branch, proposal)

    async def take_over(self, use: Use, spec: TaskSpec, plan: Plan) -> None:
        """Keep that the repository has what the plan made; once all of them have that version, the use is of it."""
        await self.scaffolding.renderings.keep(use.task_id, plan.rendering)
        urls = [effect.url for effect in await self.scaffolding.ledger.brought(use)]
        if await self.scaffolding.renderings.versions(use.task_id, urls) == {plan.rendering.version}:
            await self.scaffolding.ledger.keep_version(use, spec.template.digest, plan.skeletons)
            await self.scaffolding.skeletons.keep(use.template, plan.skeletons)

    async def _rendered(
        self, use: Use, first: Rendering, spec: TaskSpec, access: Access, secrets: Mapping[str, str]
    ) -> tuple[Rendering, Sequence[Skeleton]]:
        """What a task of the spec would publish by the step that published first, and what it fetches. InputError without such a step."""
        step = next((step for step in spec.steps if step.id == first.step_id), None)
        if step is None:
            raise InputError(f"the template has no step {first.step_id} any more, which published {first.repository}")
        if step.action == _CREATE:
            raise InputError(f"the step {step.id} only creates the repository: upgrades need one that publishes files as well")
        workshop = self.scaffolding.workshop
        done = await rehearsed_task(workshop, spec, access, secrets, task_id=use.task_id, publishing=[step.id])
        if done.error:
            raise InputError(f"the template fails with the values of the task {use.task_id}: {done.error}")
        published = done.published.get((step.id, first.item))
        if published is None:
            raise InputError(f"with the values of the task {use.task_id}, the template does not publish {first.repository} any more")
        skeletons = fetched_by(done.steps)
        version = version_of(spec.template.digest, skeletons)
        secret = first.secret_files | published.secret_files
        new = replace(first, files=published.files, version=version, parameters=spec.parameters, user=spec.user, secret_files=secret)
        return new, skeletons

    def _check_steps(self, steps: Sequence[Step], secrets: Mapping[str, str]) -> None:
        """InputError if a step that a rehearsal does works with a secret that is not there, which would be left out of what it makes."""
        for step in steps:
            if not self._action(step).supports_dry_run or step.action == PULL_REQUEST:
                continue
            missing = {name for name in _secrets_of(step) if name not in secrets and (name or not secrets)}
            if missing:
                told = ", ".join(f"secrets.{name}" if name else "secrets" for name in sorted(missing))
                raise InputError(f"the step {step.id} works with {told}, and {_FORGOTTEN}")

    def _knows_all(self, spec: TaskSpec) -> bool:
        """Whether no step makes files that a dry run does not: of Callboard's own actions all that do so do it there as well."""
        actions = (self._action(step) for step in spec.steps)
        return all(one.supports_dry_run or one.run.__module__.startswith("workers.") for one in actions)

    def _action(self, step: Step) -> Action:
        return self.scaffolding.workshop.actions.action(step.action)


def upgrade_spec(hosts: Hosts, first: Rendering, spec: TaskSpec, use: Use, by: TaskUser, access: Access) -> TaskSpec:
    """What a task does that proposes to bring what the use published first up to that spec. InputError where nothing can be proposed."""
    proposed = {
        "branchName": f"{_MERGED}branch }}}}",
        "title": f"{_MERGED}title }}}}",
        "description": f"{_MERGED}description }}}}",
        "sourcePath": _FOLDER,
        **({"targetBranchName": first.branch} if first.branch else {}),
    }
    at, has_changes = proposing(hosts, first.repository), f"{_MERGED}hasChanges }}}}"
    steps = [
        Step("merge", "Merge what changed in the template", MERGE),
        at.step("propose", proposed, f"{_MERGED}removed }}}}", has_changes),
    ]
    links = [{"title": "Proposal", "url": f"${{{{ steps.propose.output.{at.url_output} }}}}", "if": has_changes}]
    upgrade = UpgradeOf(use.task_id, first.url, spec)
    return TaskSpec(API_VERSION, steps, {"links": links}, {}, by, spec.template, access.principal, upgrade=upgrade)


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
        first = await upgrading.published(use, upgrade.url)
        plan = await upgrading.plan(use, first, upgrade.spec, context.access, context.secrets)
        title = f"Upgrade to the present version of {context.template.metadata.get('title') or context.template.ref}"
        nothing = Merged(has_changes=False, title=title, description="", branch=plan.branch, removed=[])
        if not plan.changes:
            await upgrading.take_over(use, upgrade.spec, plan)
            context.log.info(f"{plan.rendering.repository} has all of the new version: there is nothing to propose")
            return nothing
        if plan.proposal:
            context.log.info(f"It is proposed already, as {plan.proposal}; that stays as it is")
            return nothing
        await scaffolding.renderings.keep(context.task_id, plan.rendering)
        await asyncio.to_thread(_place, plan.changes, context)
        return Merged(
            has_changes=any(change.kind != "kept" for change in plan.changes),
            title=title,
            description=_description(plan, use),
            branch=plan.branch,
            removed=[change.path for change in plan.changes if change.kind == "removed"],
        )

    return ActionRegistry([*scaffolding.workshop.actions.all, merge, *proposing_actions(scaffolding.workshop)])


def _secrets_of(step: Step) -> Iterator[str]:
    """The names of the secrets that the step's expressions read, empty where that is not told."""
    for expression in _EXPRESSION.findall(canonical_json([step.input, step.each]).decode()):
        for dotted, quoted in _OF_SECRETS.findall(expression):
            yield dotted or quoted


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
    digest = content_hash(canonical_json([spec.template.ref, rendering.branch, told]))
    return f"template-upgrade/{spec.template.ref.partition('/')[2]}-{digest[:8]}"


def _description(plan: Plan, use: Use) -> str:
    conflicts = [f"- `{change.path}`: {change.conflict}" for change in plan.changes if change.conflict]
    made = f"{plan.rendering.proposal or 'This'} was made from {use.template}, which has changed since."
    begun = f"{made} What changed in it is merged with what changed here."
    return "\n".join([begun, *(["", "To be decided before it is merged:", "", *conflicts] if conflicts else [])])
