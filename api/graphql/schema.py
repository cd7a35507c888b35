"""The schema, put together for the relations of one catalog."""

from collections.abc import Callable, Iterable, Sequence

from graphql import GraphQLEnumType, GraphQLEnumValue, GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.federation import Schema
from strawberry.types import ExecutionContext

from api.graphql.query import Query
from api.graphql.types.kinds import KINDS
from graph.relations import RelationRegistry


class CatalogSchema(Schema):
    """A schema that leaves the logging of errors to `api.errors`, which knows those that are the caller's."""

    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        return


def build_schema(registry: RelationRegistry, extensions: Iterable[Callable[[], SchemaExtension]] = ()) -> CatalogSchema:
    """The schema of a catalog with these relations; configured ones are values of RelationType beside the built-in ones."""
    schema = CatalogSchema(query=Query, types=KINDS, extensions=extensions)
    relation_type = schema.schema_converter.type_map["RelationType"].implementation
    if isinstance(relation_type, GraphQLEnumType):
        for relation in registry:
            described = GraphQLEnumValue(relation.name, description=f"`{relation.forward}`, from the configuration of this catalog.")
            relation_type.values.setdefault(relation.graphql_name, described)
    return schema
