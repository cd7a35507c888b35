"""What came from which template: its uses, and of an entity the use that made it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import After, First, PageArguments, argument
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.listing import ListedRow, Listing, Slice, slice_of
from api.graphql.types.connections import Connection, PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.effects import ScaffolderTaskEffect, shown_digest
from api.graphql.types.fields import attribute, paged, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.tasks import ScaffolderTask
from graph.access import Action
from graph.entities import Entity
from graph.errors import InputError
from workers.scaffolder.effects import KeptEffect, Use
from workers.scaffolder.port import SeenTask

_SCOPE = "uses"
_MADE = "made"

Source = strawberry.Parent[Use]


@dataclass(frozen=True, slots=True)
class _SeenSkeleton:
    url: str
    digest: str
    outdated: bool | None


async def _task(root: Source, info: Info) -> SeenTask | None:
    return await info.context.template_loaders.task_by_id.load(root.task_id)


async def _template(root: Source, info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.template)


async def _digest(root: Source, info: Info) -> str | None:
    return shown_digest(info, root.digest)


async def _outdated(root: Source, info: Info) -> bool | None:
    current = await info.context.template_loaders.version_by_template.load(root.template)
    return None if current is None else not current.is_that_of(root)


async def _skeletons(root: Source, info: Info) -> Sequence[_SeenSkeleton] | None:
    current = await info.context.template_loaders.version_by_template.load(root.template)
    if shown_digest(info, root.digest) is None:
        return None
    return [_SeenSkeleton(one.url, one.digest, None if current is None else current.has_changed(one)) for one in root.skeletons]


async def _effects(root: Source, info: Info) -> Sequence[KeptEffect]:
    return await info.context.templates.effects(root.task_id)


async def _entities(root: Source, info: Info, page: PageArguments) -> Listing[Entity]:
    store, visible, window = info.context.store, info.context.visible, page.window(_MADE)
    condition = await info.context.templates.provenance.made(root)

    async def load() -> Slice[Entity]:
        found = await store.page(condition, (), window, visible=visible)
        return slice_of(found, lambda keyset, entity: ListedRow(_MADE, keyset, entity.ref, entity))

    async def total() -> int:
        return await store.count(condition, visible=visible)

    return Listing(load, total)


@strawberry.type(description="What a task fetched for what it made: a folder or a file.")
class TemplateSkeleton:
    url: str = attribute("Where it was fetched from, as the step named it: relative to the template, or a whole address.")
    digest: str = attribute("Stands for its content as it was: equal ones are one version.")
    outdated: bool | None = attribute("Whether it was another when it was looked at last; null if the template is missing.")


@strawberry.type(description="A use of a template: a task that made something, which is remembered longer than the task.")
class TemplateUse:
    task_id: strawberry.ID = attribute("The id of the task.")
    task: ScaffolderTask | None = resolved(_task, "The task; null once it is kept no longer.")
    template_ref: str = reading(lambda use: use.template, "The ref of the template.")
    template: LazyEntity | None = resolved(_template, "The template as it is now; null if it is missing.")
    template_digest: str | None = resolved(
        _digest, "Stands for the descriptor of the template as it was: equal ones are one version. Null for whoever sees entities redacted."
    )
    skeletons: list[TemplateSkeleton] | None = resolved(
        _skeletons, "What the task fetched, unless it took a token of its own to read. Null for whoever sees entities redacted."
    )
    outdated: bool | None = resolved(
        _outdated, "Whether the template, or what the task fetched, is another version now; null if the template is missing."
    )
    upgrade_of: strawberry.ID | None = attribute(
        "The id of the task whose work this one brings up to date; null for one that makes something new."
    )
    created_at: datetime = attribute("When the task was asked for.")
    created_by: str = attribute("The ref of who asked for it.")
    effects: list[ScaffolderTaskEffect] = resolved(_effects, "What the task made outside of its workspace, in the order in which it did.")
    entities: Connection[LazyEntity] = paged(
        _entities, "The entities that came of it: those it registered, and those read from locations and repositories that it made."
    )


@strawberry.type(description="A page of uses of templates, newest first.")
class TemplateUseConnection:
    edges: list[RowEdge[TemplateUse]] = resolved(rows_of, "The rows of this page.")
    nodes: list[TemplateUse] = resolved(nodes_of, "The uses of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(count_of, "How many uses the whole list has. Counted only if asked for.")


async def digest_of(root: strawberry.Parent[Entity], info: Info) -> str | None:
    version = await info.context.template_loaders.version_by_template.load(root.ref)
    return shown_digest(info, version.digest) if version else None


async def uses_of(
    root: strawberry.Parent[Entity],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    digest: Annotated[str | None, argument("Only those of the version with this digest.")] = UNSET,
    skeleton: Annotated[str | None, argument("Only those that fetched what has this digest.")] = UNSET,
    outdated: Annotated[
        bool | None, argument("Only those of versions that are not the present one, or with false that are; upgrades are neither.")
    ] = UNSET,
) -> Listing[Use] | None:
    context = info.context
    if not context.access.may(Action.TASK_READ):
        return None
    window, wanted, fetched = PageArguments(given(first), given(after)).window(_SCOPE), given(digest), given(skeleton)
    if (asked := wanted or fetched) is not None and shown_digest(info, asked) is None:
        raise InputError("`digest` and `skeleton` can't be asked for by whoever sees entities redacted; `outdated` can")

    def listed(after: str = "") -> AsyncIterator[Use]:
        provenance = context.templates.provenance
        return provenance.uses(root.ref, context.access, version=wanted, skeleton=fetched, outdated=given(outdated), after=after)

    async def load() -> Slice[Use]:
        rows: list[ListedRow[Use]] = []
        before = window.after[0] if window.after else None
        async for use in listed(str(before or "")):
            if len(rows) == window.limit:
                return Slice(rows, before is not None, True)
            rows.append(ListedRow(_SCOPE, (use.task_id,), use.task_id, use))
        return Slice(rows, before is not None, False)

    async def total() -> int:
        numbers = count()
        async for _ in listed():
            next(numbers)
        return next(numbers)

    return Listing(load, total)


async def maker_of(root: strawberry.Parent[Entity], info: Info) -> Use | None:
    return await info.context.template_loaders.use_by_entity.load(root)
