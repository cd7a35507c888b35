"""What an Apollo Federation 2 gateway asks a subgraph: its schema, and entities by their keys."""

from collections.abc import Mapping, Sequence
from typing import Annotated, cast

import strawberry
from strawberry.federation.schema import FederationAny
from strawberry.types.scalar import ScalarDefinition, scalar

from api.graphql.arguments import argument, ref_given
from api.graphql.context import Info
from api.graphql.types.entity import CUSTOM_TYPE, TYPE_NAMES, Node
from api.graphql.types.fields import reading
from api.graphql.types.kinds import (
    API,
    AiResource,
    Component,
    CustomEntity,
    Domain,
    Group,
    LocationEntity,
    Resource,
    System,
    Template,
    User,
)
from graph.entities import Entity
from graph.errors import InputError
from graph.refs import Ref

EntityUnion = Annotated[
    Component | API | Resource | System | Domain | Group | User | Template | LocationEntity | AiResource | CustomEntity,
    strawberry.union("_Entity", description="All types that a gateway may ask for by their key."),
]

ANY: ScalarDefinition = scalar(
    name="_Any",
    description="An object with `__typename` and the fields of a key of that type.",
    serialize=lambda value: value,
    parse_value=lambda value: value,
)

DESCRIPTIONS: Mapping[str, str] = {
    "_FieldSet": "A selection of fields, as Apollo Federation writes it.",
    "link__Import": "The name of something imported from a specification.",
    "link__Purpose": "What a linked specification is for.",
    "link__Purpose.SECURITY": "Its features secure the subgraph's data.",
    "link__Purpose.EXECUTION": "Its features are needed to execute requests.",
    "@key": "The fields by which a gateway identifies an entity of the type.",
    "@key.fields": "The fields.",
    "@key.resolvable": "Whether this subgraph can be asked for an entity by them.",
    "@link": "A specification that this schema follows.",
    "@link.url": "The address that identifies the specification.",
    "@link.as": "The prefix of its names.",
    "@link.for": "What it is for.",
    "@link.import": "What is used of it without the prefix.",
}
"""Descriptions of what the federation specification adds to the schema, by name."""

_TYPENAMES = frozenset({"Entity", CUSTOM_TYPE, *TYPE_NAMES.values()})


@strawberry.type(name="_Service", description="This subgraph, to a gateway.")
class Service:
    sdl: str = reading(lambda sdl: sdl, "The schema of this subgraph.")


async def service(info: Info) -> str:
    return info.schema.as_str()


async def entities_by_key(
    info: Info, representations: Annotated[list[FederationAny], argument("Objects with `__typename` and `ref`.")]
) -> Sequence[Entity | None]:
    wanted = [_key_of(representation) for representation in cast("list[object]", representations)]
    found = await info.context.loaders.entity_by_ref.load_many([ref for _, ref in wanted])
    return [
        entity if entity and typename in {"Entity", Node.resolve_type(entity, None, None)} else None
        for (typename, _), entity in zip(wanted, found, strict=True)
    ]


def _key_of(representation: object) -> tuple[str, Ref]:
    fields = cast("Mapping[str, object]", representation if isinstance(representation, dict) else {})
    typename, ref = fields.get("__typename"), fields.get("ref")
    if not isinstance(typename, str) or typename not in _TYPENAMES or not isinstance(ref, str):
        raise InputError("`representations`: each needs `__typename`, the name of a kind's type or `Entity`, and `ref`")
    return typename, ref_given("representations", ref)
