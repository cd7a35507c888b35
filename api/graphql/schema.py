"""The schema, put together for the relations of one catalog."""

from graphql import GraphQLEnumType, GraphQLEnumValue
from strawberry.federation import Schema

from api.graphql.query import Query
from api.graphql.types.kinds import KINDS
from graph.relations import RelationRegistry


def build_schema(registry: RelationRegistry) -> Schema:
    """The schema of a catalog with these relations; configured ones are values of RelationType beside the built-in ones."""
    schema = Schema(query=Query, types=KINDS)
    relation_type = schema.schema_converter.type_map["RelationType"].implementation
    if isinstance(relation_type, GraphQLEnumType):
        for relation in registry:
            described = GraphQLEnumValue(relation.name, description=f"`{relation.forward}`, from the configuration of this catalog.")
            relation_type.values.setdefault(relation.graphql_name, described)
    return schema
