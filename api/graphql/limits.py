"""Refuses operations that are too long, too deep, too much renamed or too costly, before anything is read."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from graphql import DocumentNode, FieldNode, Node, NoSchemaIntrospectionCustomRule, OperationDefinitionNode, Visitor, visit
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache

from api.graphql.costs import measured
from config.graphql import GraphQL
from graph.errors import InputError, LimitExceededError

ExtensionFactory = Callable[[], SchemaExtension]


def extensions_for(settings: GraphQL) -> Sequence[ExtensionFactory]:
    """What a served schema is built with: the limits, and caches of parsed and validated documents."""
    return (lambda: OperationLimits(settings), ParserCache, ValidationCache)


class OperationLimits(SchemaExtension):
    """Raises LimitExceededError, which names the limit, its key in the configuration and what was asked for.

    The number of tokens is checked while parsing, that of aliases before validation, depth and cost after it. The cost of what is
    executed is stated in `extensions.cost`. A document of several operations needs the name of one: InputError.
    """

    def __init__(self, settings: GraphQL) -> None:
        super().__init__()
        self._settings = settings
        self._requested_name: str | None = None
        self._cost: int | None = None

    def on_operation(self) -> Iterator[None]:
        context = self.execution_context
        self._requested_name = context.operation_name
        context.parse_options["max_tokens"] = self._settings.max_tokens
        if not self._settings.introspection:
            context.validation_rules = (*context.validation_rules, NoSchemaIntrospectionCustomRule)
        yield

    def on_parse(self) -> Iterator[None]:
        yield
        document = self.execution_context.graphql_document
        if document and not self.execution_context.pre_execution_errors:
            _refuse("aliases", "maxAliases", _aliases(document), self._settings.max_aliases)
            self._refuse_unnamed(document)

    def on_validate(self) -> Iterator[None]:
        yield
        context = self.execution_context
        if not context.graphql_document or context.pre_execution_errors:
            return
        schema = context.schema._schema  # pyright: ignore[reportPrivateUsage]  # Strawberry has no public name for it
        operation = measured(schema, context.graphql_document, context.operation_name)
        _refuse("levels of nested fields", "maxDepth", operation.depth, self._settings.max_depth)
        self._cost = operation.cost(context.variables or {})
        _refuse("as its estimated cost", "maxCost", self._cost, self._settings.max_cost)

    def _refuse_unnamed(self, document: DocumentNode) -> None:
        # Strawberry would execute the first operation; the specification wants an error.
        # https://spec.graphql.org/October2021/#GetOperation()
        operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        if len(operations) > 1 and self._requested_name is None:
            raise InputError("The document has several operations; say in `operationName` which one to execute.")

    def get_results(self) -> dict[str, Any]:
        if self._cost is None:
            return {}
        return {"cost": {"estimated": self._cost, "limit": self._settings.max_cost}}


def _refuse(what: str, key: str, asked: int, limit: int) -> None:
    if asked > limit:
        raise LimitExceededError(f"The operation has {asked:,} {what}; the limit is {limit:,} (graphql.{key}). Ask for less, or in parts.")


def _aliases(document: DocumentNode) -> int:
    counter = _AliasCounter()
    visit(document, counter)
    return counter.aliases


class _AliasCounter(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.aliases = 0

    def enter_field(self, node: FieldNode, *_: Node) -> None:
        self.aliases += node.alias is not None
