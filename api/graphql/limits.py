"""Refuses operations that are too long, too deep, too much renamed or too costly, before anything is read."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    ValidationContext,
    Visitor,
    visit,
)
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache

from api.graphql.costs import extent_of, measured
from config.graphql import GraphQL
from graph.errors import InputError, LimitExceededError

_SUGGESTION = re.compile(r" Did you mean .*?\?(?= Found: |$)", re.DOTALL)

ExtensionFactory = Callable[[], SchemaExtension]

_MOST_SUGGESTED = 10
"""Fields that are not there for which names are suggested."""

MOST_PAIRS = 20_000
"""Pairs of fields under the same name, which validation compares with each other: a tenth of a second."""

MOST_MUTATIONS = 10
"""What one mutation does, one after the other, each of which may read or check a whole document."""

MOST_INPUT_OBJECTS = 500
"""What filters may hold in the variables: each takes a tenth of a millisecond to convert, and no filter may have so many parts."""

DEEPEST_ARGUMENT = 40
"""Levels of lists and objects; the databases' own parsers give up not far beyond."""


def extensions_for(settings: GraphQL) -> Sequence[ExtensionFactory]:
    """What a served schema is built with: the limits, and caches of parsed and validated documents."""
    return (lambda: OperationLimits(settings), ParserCache, ValidationCache)


class OperationLimits(SchemaExtension):
    """Raises LimitExceededError, which names the limit, its key in the configuration and what was asked for.

    The size of variables is checked first, the number of tokens while parsing, that of aliases before validation, depth and cost after
    it. The cost of what is executed is stated in `extensions.cost`. A document of several operations needs the name of one: InputError.
    """

    def __init__(self, settings: GraphQL) -> None:
        super().__init__()
        self._settings = settings
        self._requested_name: str | None = None
        self._cost: int | None = None

    def on_operation(self) -> Iterator[None]:
        context = self.execution_context
        self._requested_name = context.operation_name
        given = extent_of((context.variables or {}).values())
        _refuse("{} values in its variables", "maxTokens", given.values, self._settings.max_tokens)
        _refuse_nested(given.nesting)
        context.parse_options["max_tokens"] = self._settings.max_tokens
        context.validation_rules = tuple(_KnownFields if rule is FieldsOnCorrectTypeRule else rule for rule in context.validation_rules)
        if not self._settings.introspection:
            context.validation_rules = (*context.validation_rules, NoSchemaIntrospectionCustomRule)
        yield
        self._keep_names(getattr(context.result, "errors", None))

    def on_parse(self) -> Iterator[None]:
        yield
        document = self.execution_context.graphql_document
        if document and not self.execution_context.pre_execution_errors:
            found = _Counter()
            visit(document, found)
            _refuse("{} aliases", "maxAliases", found.aliases, self._settings.max_aliases)
            _refuse_nested(found.nesting)
            _refuse_repeated(found.pairs)
            self._refuse_unnamed(document)
            _refuse_mutations(found.mutations)

    def on_validate(self) -> Iterator[None]:
        yield
        context = self.execution_context
        self._keep_names(context.pre_execution_errors)
        if not context.graphql_document or context.pre_execution_errors:
            return
        schema = context.schema._schema  # pyright: ignore[reportPrivateUsage]  # Strawberry has no public name for it
        operation = measured(schema, context.graphql_document, context.operation_name)
        _refuse_input_objects(operation.input_objects(context.variables or {}))
        _refuse("{} levels of nested fields", "maxDepth", operation.depth, self._settings.max_depth)
        self._cost = operation.cost(context.variables or {})
        _refuse("an estimated cost of {}", "maxCost", self._cost, self._settings.max_cost)
        context.context.charge(self._cost)

    def _keep_names(self, errors: Sequence[GraphQLError] | None) -> None:
        """Where the schema is not shown, no error suggests a name of it."""
        if not self._settings.introspection:
            for error in errors or ():
                error.message = _SUGGESTION.sub("", error.message)

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


class _KnownFields(FieldsOnCorrectTypeRule):
    """The rule of the specification, which suggests names for the first fields that are not there alone: each costs a millisecond."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._missing = 0

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        parent = self.context.get_parent_type()
        if parent is None or self.context.get_field_def() is not None:
            return
        self._missing += 1
        if self._missing <= _MOST_SUGGESTED:
            super().enter_field(node, *_args)
        else:
            self.report_error(GraphQLError(f"Cannot query field '{node.name.value}' on type '{parent}'.", node))


def _refuse(what: str, key: str, asked: int, limit: int) -> None:
    if asked > limit:
        has = what.format(f"{asked:,}")
        raise LimitExceededError(f"The operation has {has}; the limit is {limit:,} (graphql.{key}). Ask for less, or in parts.")


def _refuse_nested(levels: int) -> None:
    if levels > DEEPEST_ARGUMENT:
        raise LimitExceededError(f"An argument nests lists and objects {levels} deep; the limit is {DEEPEST_ARGUMENT}. Write it flatter.")


def _refuse_input_objects(objects: int) -> None:
    if objects > MOST_INPUT_OBJECTS:
        raise LimitExceededError(
            f"The variables hold {objects:,} objects of filters and the like; the limit is {MOST_INPUT_OBJECTS:,}. "
            "Ask for less, or in parts."
        )


def _refuse_mutations(mutations: int) -> None:
    if mutations > MOST_MUTATIONS:
        raise LimitExceededError(f"The operation does {mutations:,} things; the limit is {MOST_MUTATIONS} mutations in one. Send several.")


def _refuse_repeated(pairs: int) -> None:
    if pairs > MOST_PAIRS:
        raise LimitExceededError(
            f"The operation repeats fields, or has fragments, so often that {pairs:,} pairs would have to be compared; the limit is "
            f"{MOST_PAIRS:,}. Ask for each field once."
        )


@dataclass(slots=True)
class _Answer:
    """A place in the answer: how many fields are for it, and what is below it."""

    fields: int = 0
    below: "dict[str, _Answer]" = field(default_factory=dict[str, "_Answer"])


class _Counter(Visitor):
    """Counts aliases, pairs of fields under the same names and of fragments, and the deepest nesting of lists and objects in arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases = 0
        self.nesting = 0
        self.pairs = 0
        self._changes: Counter[str] = Counter()
        self._place = ""
        self._fragments = 0
        self._level = 0
        self._answers: list[dict[str, _Answer]] = []

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        self._answers = [{}]
        self._place = f"operation {node.name.value if node.name else ''}" if node.operation is OperationType.MUTATION else ""

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: object) -> None:
        # Validation compares each two fragments whose fields could come to the same place.
        self.pairs += self._fragments
        self._fragments += 1
        self._answers = [{}]
        self._place = "fragments" if node.type_condition.name.value == "Mutation" else ""

    @property
    def mutations(self) -> int:
        """How many things the longest mutation does, with all that the fragments do."""
        of_fragments = self._changes["fragments"]
        return of_fragments + max((count for place, count in self._changes.items() if place != "fragments"), default=0)

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.aliases += node.alias is not None
        if self._place and len(self._answers) == 1:
            self._changes[self._place] += 1
        answer = self._answers[-1].setdefault((node.alias or node.name).value, _Answer())
        self.pairs += answer.fields
        answer.fields += 1
        self._answers.append(answer.below)

    def leave_field(self, *_: object) -> None:
        self._answers.pop()

    def enter_object_value(self, *_: object) -> None:
        self._level += 1
        self.nesting = max(self.nesting, self._level)

    def leave_object_value(self, *_: object) -> None:
        self._level -= 1

    enter_list_value = enter_object_value
    leave_list_value = leave_object_value
