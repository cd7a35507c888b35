"""GraphQL schemas in SDL: the fields of root types as operations, and the other types with their fields."""

from collections.abc import Iterator, Sequence

from graphql import (
    DefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ScalarTypeDefinitionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    StringValueNode,
    TypeNode,
    UnionTypeDefinitionNode,
    UnionTypeExtensionNode,
    parse,
)

from plugins.contract import CollatedDocument, TextField
from workers.search.collators.texts import LONGEST_NAME, filled, joined, prose_of, text_of

_MOST_TOKENS = 300_000
_Member = FieldDefinitionNode | InputValueDefinitionNode | EnumValueDefinitionNode
_WithFields = (
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
)
_Enum = (EnumTypeDefinitionNode, EnumTypeExtensionNode)
_Union = (UnionTypeDefinitionNode, UnionTypeExtensionNode)
_Named = (*_WithFields, *_Enum, *_Union, ScalarTypeDefinitionNode)


class _Type:
    """A type, with what extensions add to it."""

    def __init__(self) -> None:
        self.description = ""
        self.members: list[_Member] = []
        self.possible: list[str] = []


def graphql_documents(text: str) -> Iterator[CollatedDocument]:
    """The operations, then the types; locations are schema coordinates (`Query.production`). GraphQLError if the text is no SDL."""
    document = parse(text, no_location=True, max_tokens=_MOST_TOKENS)
    roots, types = _roots(document), _types(document.definitions)
    for name, operation in roots.items():
        for field in types[name].members if name in types else ():
            if isinstance(field, FieldDefinitionNode):
                yield _operation(operation, name, field, types)
    for name, found in types.items():
        if name not in roots:
            texts = {
                TextField.NAME: name[:LONGEST_NAME],
                TextField.DESCRIPTION: found.description,
                TextField.BODY: joined([*found.possible, *map(_line, found.members)]),
            }
            yield CollatedDocument(name, filled(texts), name)


def _roots(document: DocumentNode) -> dict[str, str]:
    """The names of the root types, each with the word for its operations."""
    roots: dict[str, str] = {}
    for definition in document.definitions:
        if isinstance(definition, SchemaDefinitionNode | SchemaExtensionNode):
            for each in definition.operation_types or ():
                roots[each.type.name.value] = each.operation.value
    return roots or {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}


def _types(definitions: Sequence[DefinitionNode]) -> dict[str, _Type]:
    types: dict[str, _Type] = {}
    for definition in definitions:
        if not isinstance(definition, _Named):
            continue
        found = types.setdefault(definition.name.value, _Type())
        found.description = found.description or _described(getattr(definition, "description", None))
        if isinstance(definition, _WithFields):
            found.members += definition.fields or ()
        elif isinstance(definition, _Enum):
            found.members += definition.values or ()
        elif isinstance(definition, _Union):
            found.possible += [each.name.value for each in definition.types or ()]
    return types


def _operation(operation: str, root: str, field: FieldDefinitionNode, types: dict[str, _Type]) -> CollatedDocument:
    name, answer = field.name.value, _type_name(field.type)
    fields = types[answer].members if answer in types else ()
    texts = {
        TextField.NAME: f"{operation} {name}"[:LONGEST_NAME],
        TextField.DESCRIPTION: _described(field.description),
        TextField.PARAMETERS: joined(_arguments(field, types)),
        TextField.BODY: joined([answer, *(member.name.value for member in fields)]),
    }
    return CollatedDocument(f"{root}.{name}", filled(texts), f"{root}.{name}")


def _arguments(field: FieldDefinitionNode, types: dict[str, _Type]) -> Iterator[str]:
    for argument in field.arguments or ():
        yield _line(argument)
        given = _type_name(argument.type)
        for member in types[given].members if given in types else ():
            yield member.name.value


def _line(member: _Member) -> str:
    description = text_of(_described(member.description))
    return f"{member.name.value}: {description}" if description else member.name.value


def _described(description: StringValueNode | None) -> str:
    return joined([prose_of(description.value)]) if description else ""


def _type_name(node: TypeNode) -> str:
    while isinstance(node, ListTypeNode | NonNullTypeNode):
        node = node.type
    return node.name.value if isinstance(node, NamedTypeNode) else ""
