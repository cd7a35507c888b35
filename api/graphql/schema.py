"""The schema, put together for the relations of one catalog."""

from collections.abc import Callable, Iterable, Sequence

from graphql import GraphQLEnumType, GraphQLEnumValue, GraphQLError, GraphQLSchema, GraphQLUnionType
from strawberry.extensions import SchemaExtension
from strawberry.federation import Schema
from strawberry.federation.schema import FederationAny
from strawberry.types import ExecutionContext

from api.graphql.mutation import Mutation
from api.graphql.query import Query
from api.graphql.subscription import Subscription
from api.graphql.types.entity import Node
from api.graphql.types.federation import ANY, DESCRIPTIONS
from api.graphql.types.kinds import KINDS
from graph.relations import RelationRegistry


class CatalogSchema(Schema):
    """A schema that leaves the logging of errors to `api.errors`, which knows those that are the caller's."""

    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        return


def build_schema(registry: RelationRegistry, extensions: Iterable[Callable[[], SchemaExtension]] = ()) -> CatalogSchema:
    """The schema of a catalog with these relations; configured ones are values of RelationType beside the built-in ones."""
    schema = CatalogSchema(
        query=Query, mutation=Mutation, subscription=Subscription, types=KINDS, extensions=extensions, scalar_overrides={FederationAny: ANY}
    )
    core = core_schema(schema)
    _add_relations(core, registry)
    # The sources of entities are plain values, which only their kind tells apart.
    union = core.type_map["_Entity"]
    if isinstance(union, GraphQLUnionType):
        union.resolve_type = Node.resolve_type
    _describe(core)
    return schema


def core_schema(schema: Schema) -> GraphQLSchema:
    """The schema as graphql-core has it, for its tools."""
    return schema._schema  # pyright: ignore[reportPrivateUsage]  there is no other way to it


def _add_relations(core: GraphQLSchema, registry: RelationRegistry) -> None:
    relation_type = core.type_map["RelationType"]
    if isinstance(relation_type, GraphQLEnumType):
        for relation in registry:
            described = GraphQLEnumValue(relation.name, description=f"`{relation.forward}`, from the configuration of this catalog.")
            relation_type.values.setdefault(relation.graphql_name, described)


def _describe(core: GraphQLSchema) -> None:
    for name, type_ in core.type_map.items():
        type_.description = type_.description or DESCRIPTIONS.get(name)
        for value_name, value in type_.values.items() if isinstance(type_, GraphQLEnumType) else ():
            value.description = value.description or DESCRIPTIONS.get(f"{name}.{value_name}")
    for directive in core.directives:
        directive.description = directive.description or DESCRIPTIONS.get(f"@{directive.name}")
        for name, argument in directive.args.items():
            argument.description = argument.description or DESCRIPTIONS.get(f"@{directive.name}.{name}")
