"""How deep an operation goes and how much it asks for, estimated from its document and variables before anything is read.

The cost is the number of objects that the answer could hold. A connection counts its `first`, `last` or `limit` (50 where none is given)
for each of `edges` and `nodes`; a list by refs as many as there are refs; any other list LIST_LENGTH, but those of introspection what
this schema has on average. Every fragment counts as if its type matched, and every @skip and @include as if it let the field through.
Scalars are free.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    SelectionSetNode,
    TypeNode,
    ValueNode,
    get_operation_ast,
    is_composite_type,
    is_input_object_type,
    value_from_ast_untyped,
)

from api.graphql.arguments import DEFAULT_PAGE

LIST_LENGTH = 5
"""What a list without a bound of its own is taken to hold."""

_INTROSPECTED_LENGTHS = {"types": 100, "fields": 12, "args": 3}
_PAGE_ARGUMENTS = ("first", "last", "limit")
_PAGE_FIELDS = frozenset({"edges", "nodes"})


@dataclass(frozen=True, slots=True, eq=False)
class SelectedField:
    """A field of the answer, whatever number of selections ask for it. `sizes` and `lists` are the arguments that say how many rows.

    `length` is what a list holds if no argument says so. `depth` is the deepest nesting of fields from here down, this one included.
    """

    name: str
    is_list: bool
    length: int
    is_paged: bool
    sizes: tuple[ValueNode, ...]
    lists: tuple[ValueNode, ...]
    below: tuple["SelectedField", ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Measured:
    """An operation's selection, ready to be priced with different variables. `types` are those of its composite fields.

    `inputs` are the names of the variables that hold input objects.
    """

    fields: tuple[SelectedField, ...]
    defaults: Mapping[str, Any]
    types: frozenset[str]
    inputs: frozenset[str]

    @property
    def depth(self) -> int:
        """Levels of nested fields; introspection counts as one, because graphql-core bounds it by a rule of its own."""
        return max((1 if field.name.startswith("__") else field.depth for field in self.fields), default=0)

    def cost(self, variables: Mapping[str, Any]) -> int:
        """Estimated number of objects in the answer. Variables need not be valid: what is no number counts as not given."""
        return _Pricing({**self.defaults, **variables}).total(self.fields, DEFAULT_PAGE)

    def input_objects(self, variables: Mapping[str, Any]) -> int:
        """How many objects are given for variables of input types, each of which costs as much as hundreds of other values."""
        return extent_of(variables.get(name) for name in self.inputs).objects


@dataclass(frozen=True, slots=True)
class Extent:
    """How many values there are, those within others included, how many of them are objects, and how deep lists and objects are nested."""

    values: int
    objects: int
    nesting: int


def extent_of(given: Iterable[Any]) -> Extent:
    """The extent of values of variables as they were sent."""
    values, objects, deepest = 0, 0, 0
    waiting: list[tuple[Any, int]] = [(value, 0) for value in given]
    while waiting:
        value, level = waiting.pop()
        values += 1
        if isinstance(value, dict | list):
            objects += isinstance(value, dict)
            below: Iterable[Any] = cast("dict[str, Any]", value).values() if isinstance(value, dict) else cast("list[Any]", value)
            waiting.extend((item, level + 1) for item in below)
            deepest = max(deepest, level + 1)
    return Extent(values, objects, deepest)


def measured(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None) -> Measured:
    """The selection of one operation of a validated document; remembered while the document is in use."""
    return _measured(schema, _Same(document), operation_name)


class _Same:
    """A document as a key that is compared by identity; documents themselves are hashed node by node."""

    __slots__ = ("document",)

    def __init__(self, document: DocumentNode) -> None:
        self.document = document

    def __hash__(self) -> int:
        return id(self.document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.document is self.document


@lru_cache(maxsize=256)
def _measured(schema: GraphQLSchema, same: _Same, operation_name: str | None) -> Measured:
    operation = get_operation_ast(same.document, operation_name)
    root = operation and schema.get_root_type(operation.operation)
    if not operation or not root:
        return Measured((), {}, frozenset(), frozenset())
    defaults = {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value
    }
    inputs = frozenset(
        definition.variable.name.value
        for definition in operation.variable_definitions or ()
        if is_input_object_type(schema.get_type(_name_of(definition.type)))
    )
    selection = _Selection(schema, same.document)
    fields = selection.fields(root, (operation.selection_set,))
    return Measured(fields, defaults, frozenset(selection.types), inputs)


def _name_of(node: TypeNode) -> str:
    """The name of the type, within lists and what may not be null."""
    while not isinstance(node, NamedTypeNode):
        node = cast("ListTypeNode | NonNullTypeNode", node).type
    return node.name.value


class _Selection:
    """Walks a document once. Fields that the same selections ask for are shared, so nested fragments can't multiply the work."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._known: dict[tuple[str, tuple[int, ...]], SelectedField] = {}
        self.types: set[str] = set()

    def fields(self, parent: GraphQLCompositeType, sets: Sequence[SelectionSetNode]) -> tuple[SelectedField, ...]:
        found: dict[tuple[str, str], tuple[GraphQLCompositeType, list[FieldNode]]] = {}
        for owner, node in self._nodes(parent, sets):
            key = (node.alias.value if node.alias else node.name.value, owner.name)
            found.setdefault(key, (owner, []))[1].append(node)
        return tuple(self._field(owner, nodes) for owner, nodes in found.values())

    def _nodes(self, parent: GraphQLCompositeType, sets: Sequence[SelectionSetNode]) -> Iterator[tuple[GraphQLCompositeType, FieldNode]]:
        spread: set[str] = set()
        waiting = [(parent, selections) for selections in sets]
        while waiting:
            owner, selections = waiting.pop(0)
            for node in selections.selections:
                if isinstance(node, FieldNode):
                    yield owner, node
                elif isinstance(node, InlineFragmentNode):
                    waiting.append((self._narrowed(owner, node), node.selection_set))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    waiting.append((self._narrowed(owner, fragment), fragment.selection_set))

    def _narrowed(self, owner: GraphQLCompositeType, fragment: InlineFragmentNode | FragmentDefinitionNode) -> GraphQLCompositeType:
        condition = fragment.type_condition and self._schema.get_type(fragment.type_condition.name.value)
        return condition if is_composite_type(condition) else owner

    def _field(self, owner: GraphQLCompositeType, nodes: Sequence[FieldNode]) -> SelectedField:
        key = (owner.name, tuple(id(node) for node in nodes))
        if key not in self._known:
            self._known[key] = self._walked(owner, nodes)
        return self._known[key]

    def _walked(self, owner: GraphQLCompositeType, nodes: Sequence[FieldNode]) -> SelectedField:
        definition = self._schema.get_field(owner, nodes[0].name.value)
        if definition is None:
            raise LookupError(f"{owner.name} has no field {nodes[0].name.value}; only validated documents can be measured")
        type_ = self._schema.get_type(_written(definition).strip("[]!"))
        sets = [node.selection_set for node in nodes if node.selection_set]
        below: tuple[SelectedField, ...] = ()
        if is_composite_type(type_):
            self.types.add(type_.name)
            below = self.fields(type_, sets)
        return _selected(definition, nodes[0], below, _INTROSPECTED_LENGTHS if owner.name.startswith("__") else {})


def _written(typed: Any) -> str:
    """The type of a field or an argument as the schema language writes it."""
    return str(typed.type)


def _selected(definition: GraphQLField, node: FieldNode, below: tuple[SelectedField, ...], lengths: Mapping[str, int]) -> SelectedField:
    arguments = definition.args
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    lists = (name for name, argument in arguments.items() if _written(argument).startswith("["))
    return SelectedField(
        name=node.name.value,
        is_list=_written(definition).startswith("["),
        length=lengths.get(node.name.value, LIST_LENGTH),
        is_paged=any(name in arguments for name in _PAGE_ARGUMENTS),
        sizes=tuple(given[name] for name in _PAGE_ARGUMENTS if name in given),
        lists=tuple(given[name] for name in lists if name in given),
        below=below,
        depth=1 + max((field.depth for field in below), default=0),
    )


class _Pricing:
    """Prices a selection with one set of variables, each shared field once per page size."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = dict(variables)
        self._known: dict[tuple[int, int], int] = {}

    def total(self, fields: Sequence[SelectedField], page: int) -> int:
        return sum(self._field(field, page) for field in fields if field.below)

    def _field(self, field: SelectedField, page: int) -> int:
        key = (id(field), page)
        if key not in self._known:
            own = self._page(field) if field.is_paged else page
            self._known[key] = self._rows(field, own) * (1 + self.total(field.below, own if field.is_paged else DEFAULT_PAGE))
        return self._known[key]

    def _page(self, field: SelectedField) -> int:
        values = (value_from_ast_untyped(node, self._variables) for node in field.sizes)
        return next((max(0, value) for value in values if isinstance(value, int)), DEFAULT_PAGE)

    def _rows(self, field: SelectedField, page: int) -> int:
        if not field.is_list:
            return 1
        if field.is_paged or field.name in _PAGE_FIELDS:
            return page
        values: list[Any] = [value_from_ast_untyped(node, self._variables) for node in field.lists]
        return max((1 if isinstance(v, str) else len(v) for v in values if isinstance(v, Sized)), default=field.length)
