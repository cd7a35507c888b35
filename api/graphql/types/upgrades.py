"""Upgrades of what came from templates: what they would change, and the tasks that propose them."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from api.graphql.arguments import argument, ref_given, refs_given
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.tasks import ScaffolderTask, secrets_given
from api.graphql.types.uses import TemplateUse
from graph.access import Action
from graph.errors import LimitExceededError
from workers.scaffolder.port import Upgrade

_MOST_ENTITIES = 100


@strawberry.type(description="What is proposed for a file of a repository.")
class UpgradedFile:
    path: str = attribute("Its path in the repository.")
    change: str = reading(lambda change: change.kind, "`added`, `modified`, `removed`, or `kept` where only its conflict is told.")
    diff: str = reading(
        lambda change: change.diff(),
        "The change, as a unified diff; empty if it is kept. Of a file that holds secrets it tells only that it differs.",
    )
    conflict: str | None = attribute("What has to be decided, because the repository changed it too; null if nothing has.")


@strawberry.type(description="An upgrade of what a use of a template brought to a repository that it made, or proposed to one.")
class TemplateUpgrade:
    use: TemplateUse = attribute("The use.")
    repository: str | None = attribute("The address of the repository; null if there is none, or nothing to do.")
    problem: str | None = attribute("Why it can't be upgraded, such as parameters that the new version wants; null if it can.")
    current: bool = reading(
        lambda one: one.is_current, "Whether the repository has all of the present version; of a task that turns out as it runs."
    )
    pull_request: str | None = reading(lambda one: one.proposal, "A pull request that is open with this already, as a dry run finds it.")
    task: ScaffolderTask | None = attribute("The task that proposes it; null in a dry run, and if there is nothing to do.")
    files: list[UpgradedFile] = reading(lambda one: list(one.changes), "What would be changed, ordered by path. Of a dry run only.")


@strawberry.type(description="What upgrading did.")
class UpgradeFromTemplatePayload:
    upgrades: list[TemplateUpgrade] = reading(
        lambda upgrades: upgrades,
        "Of each use of the template that was asked for, an upgrade for each repository that it made, and for each proposal with files.",
    )


async def _upgrade(
    info: Info,
    template: Annotated[str, argument("The ref of the template.")],
    entities: Annotated[
        list[str] | None, argument("Only what made these entities, by their refs; without it all of older versions, 100 at most.")
    ] = UNSET,
    dry_run: Annotated[bool, argument("Whether nothing is to be proposed and only told what would be.")] = False,
    secrets: Annotated[
        JSON | None,
        argument(
            "Secrets that the template needs, anew, a JSON object of texts: the same ones for everything that is upgraded. They are "
            "encrypted while the tasks run, and forgotten then."
        ),
    ] = UNSET,
) -> Sequence[Upgrade]:
    context, ref, named = info.context, ref_given("template", template), given(entities)
    if named is not None and len(named) > _MOST_ENTITIES:
        raise LimitExceededError(f"`entities` names {len(named):,} entities, and {_MOST_ENTITIES} at most can be upgraded at once")
    refs, kept = None if named is None else refs_given("entities", named), secrets_given(secrets)
    with context.audit.doing(context.access, Action.TASK_CREATE, ref, cause=f"GraphQL {info.field_name}", changes=not dry_run):
        return await context.templates.upgrade(ref, refs, kept, context.access, dry_run=dry_run)


upgrade_from_template = resolved(
    _upgrade, "Propose pull requests that bring what was made from a template up to its present version, one task for each of them."
)
