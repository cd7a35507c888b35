"""What a Template entity says as a template: the pages of its form, its steps, and what is not in order with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import strawberry
from strawberry.scalars import JSON

from api.graphql.context import Info
from api.graphql.types.fields import attribute, reading
from api.permissions import allowed_of
from graph.access import Action
from graph.conditions import EVERYTHING
from graph.entities import Entity
from graph.errors import InputError
from workers.scaffolder.templates import Page, Step, TemplateProblem, template_of, unknown_actions


@strawberry.type(description="A page of the form that a template asks for its parameters by.")
class TemplatePage:
    title: str = attribute("The title of the page.")
    description: str | None = attribute("What it asks for.")
    schema: JSON = attribute("The parameters as a JSON Schema (draft 7), with the `ui:*` keys that say how they are shown.")
    when: JSON | None = attribute("The condition under which the page is shown, a boolean or an expression; null for always.")


@strawberry.type(description="A step of a template.")
class TemplateStep:
    id: str = attribute("The id, by which later steps read its output.")
    name: str = attribute("What it is called.")
    action: str = attribute("The id of the action that it does.")
    input: JSON = attribute("The input of the action, with its expressions.")
    condition: JSON | None = reading(lambda step: step.if_, "The condition under which it is done, its `if`; null for none.")
    each: JSON | None = attribute("What it is done for each of; null for once.")


@strawberry.type(name="TemplateProblem", description="Something about a template that is not in order.")
class TemplateProblemReport:
    path: str = attribute("The place in the descriptor.")
    message: str = attribute("What is wrong.")
    remedy: str = attribute("What to do.")
    is_fatal: bool = attribute("Whether the template can't be run because of it.")


@dataclass(frozen=True, slots=True)
class _Reading:
    pages: Sequence[Page]
    steps: Sequence[Step]
    problems: Sequence[TemplateProblem]


async def pages_of(root: strawberry.Parent[Entity], info: Info) -> Sequence[Page] | None:
    return _read(root, info).pages if await _may(root, info, Action.TEMPLATE_PARAMETERS_READ) else None


async def steps_of(root: strawberry.Parent[Entity], info: Info) -> Sequence[Step] | None:
    return _read(root, info).steps if await _may(root, info, Action.TEMPLATE_STEPS_READ) else None


async def problems_of(root: strawberry.Parent[Entity], info: Info) -> Sequence[TemplateProblem] | None:
    return _read(root, info).problems if await _may(root, info, Action.TEMPLATE_STEPS_READ) else None


async def _may(entity: Entity, info: Info, action: Action) -> bool:
    access = info.context.access
    if access.on(action) == EVERYTHING:
        return True
    return entity.ref in await allowed_of(info.context.store, access, action, [entity.ref])


def _read(entity: Entity, info: Info) -> _Reading:
    try:
        template = template_of(entity.document)
    except InputError as error:
        return _Reading((), (), [TemplateProblem("apiVersion", str(error), "", is_fatal=True)])
    scaffolder = info.context.scaffolder
    unknown = unknown_actions(template, scaffolder.actions.names) if scaffolder else ()
    return _Reading(template.pages, template.steps, [*template.problems, *unknown])
