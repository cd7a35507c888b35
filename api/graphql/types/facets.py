"""Facets: the values that entities have, and how many have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import Filter, argument
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.inputs.filter import condition_of
from api.graphql.types.fields import attribute
from graph.conditions import EVERYTHING
from graph.errors import LimitExceededError
from graph.store import FacetCount

_MOST_FACETS = 100


@strawberry.type(description="A value, and how many entities have it.")
class FacetValue:
    value: str = attribute("The value as declared.")
    count: int = attribute("How many entities have it.")


@strawberry.type(description="The values under one path.")
class Facet:
    of: str = attribute("The path, as asked for.")
    values: list[FacetValue] = attribute("Its values, most frequent first.")


@dataclass(frozen=True, slots=True)
class FacetAnswer:
    """The source of a Facet."""

    of: str
    values: Sequence[FacetCount]


async def facets(
    info: Info,
    of: Annotated[
        list[str], argument("Dotted paths of the descriptor such as `spec.type`, or `relations.ownedBy` for the refs at the other end.")
    ],
    filter: Filter = UNSET,
) -> list[FacetAnswer]:
    paths = tuple(dict.fromkeys(path.lower() for path in of))
    if len(paths) > _MOST_FACETS:
        raise LimitExceededError(f"`of` has {len(paths):,} paths; the limit is {_MOST_FACETS}. Ask in parts.")
    condition = condition_of(given(filter), info.context.registry) or EVERYTHING
    found = await info.context.store.facets(paths, condition, visible=info.context.visible)
    return [FacetAnswer(path, found.get(path.lower(), ())) for path in of]
