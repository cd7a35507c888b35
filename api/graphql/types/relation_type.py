"""The enums that name an edge's relation and the way it is followed."""

from enum import Enum

import strawberry

from api.graphql.given import given
from graph.errors import InputError
from graph.relations import RelationRegistry, Travel


@strawberry.enum(
    description="The relations of the graph, each named in the direction in which it is stored. A configured relation adds its own."
)
class RelationType(Enum):
    DEPENDS_ON = strawberry.enum_value("dependsOn", description="The source needs the target to work. A change travels to the source.")
    PROVIDES_APIS = strawberry.enum_value("providesApis", description="The source serves the API. A change travels to the API.")
    CONSUMES_APIS = strawberry.enum_value("consumesApis", description="The source calls the API. A change travels to the source.")
    PART_OF = strawberry.enum_value(
        "partOf", description="The source is a part of the target. A change travels from the whole to its part, if asked for."
    )
    OWNED_BY = strawberry.enum_value("ownedBy", description="The target is responsible for the source. No change travels.")
    CHILD_OF = strawberry.enum_value("childOf", description="The source is a group within the target. No change travels.")
    MEMBER_OF = strawberry.enum_value("memberOf", description="The source is a user in the target group. No change travels.")

    @classmethod
    def _missing_(cls, value: object) -> "RelationType":
        """A member for a configured relation; the schema, which lists them, has already refused every other value."""
        member = object.__new__(cls)
        member._name_ = member._value_ = str(value)
        return member


@strawberry.enum(description="Which way an edge is followed from an entity.")
class RelationDirection(Enum):
    OUT = strawberry.enum_value("out", description="Out of the entity, as the relation is stored.")
    IN = strawberry.enum_value("in", description="Into the entity, against the way in which the relation is stored.")


def relation_names(relations: list[RelationType] | None) -> tuple[str, ...] | None:
    """The stored names of the relations, each once; None where none are given."""
    return None if given(relations) is None else tuple(dict.fromkeys(str(relation.value) for relation in relations or ()))


def travelled_names(relations: list[RelationType] | None, registry: RelationRegistry) -> tuple[str, ...] | None:
    """`relation_names`, all of which carry changes. InputError if one carries none."""
    names = relation_names(relations)
    for name in names or ():
        if registry[name].travel is Travel.NOWHERE:
            raise InputError(f"`relations`: no change travels along {registry[name].graphql_name}; leave it out")
    return names
