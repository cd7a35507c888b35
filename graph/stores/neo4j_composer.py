"""Conditions, orderings and traversal steps as Cypher: closed fragments, identifiers checked, every value a parameter."""

import re
from collections.abc import Iterable, Sequence

from graph.conditions import (
    EVERYTHING,
    All,
    AnyOf,
    Condition,
    FactContains,
    FactExists,
    FactHasPrefix,
    FactIn,
    HasErrors,
    IsOrphan,
    Not,
    OnWholeGraph,
    RefIn,
    Related,
    TextContains,
)
from graph.errors import InputError
from graph.relations import Direction, Step
from graph.store import Keyset, Order
from graph.stores.neo4j_records import PROPERTIES, fact_prefix
from graph.stores.neo4j_texts import text

ALWAYS = "true"
NEVER = "false"

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Composer:
    """The fragments of one query and their parameters.

    A fragment speaks of a node by the name of its variable and is never null. `visible` must be free of transitive conditions, as must all
    that is matched: `neo4j_pages.resolved` turns them into refs.
    """

    def __init__(self, visible: Condition = EVERYTHING) -> None:
        self.parameters: dict[str, object] = {}
        self._visible = visible
        self._variables = 0

    def visible(self, node: str) -> str:
        """The node, known to be an entity, may be seen."""
        return ALWAYS if self._visible == EVERYTHING else self._on_the_whole_graph(self._visible, node)

    def there(self, node: str) -> str:
        """The node is an entity and may be seen."""
        return joined("AND", [f"{node}:Entity", self.visible(node)])

    def visible_ref(self, ref: str) -> str:
        """The expression is the ref of an entity that may be seen; anything goes while everything may be."""
        if self._visible == EVERYTHING:
            return ALWAYS
        node = self._variable()
        return f"EXISTS {{ MATCH ({node}:Ref) WHERE {node}.ref = {ref} AND {self.there(node)} }}"

    def hidden_ref(self, ref: str) -> str:
        """The expression is the ref of an entity that may not be seen."""
        if self._visible == EVERYTHING:
            return NEVER
        node = self._variable()
        return f"EXISTS {{ MATCH ({node}:Ref) WHERE {node}.ref = {ref} AND {node}:Entity AND NOT {self.visible(node)} }}"

    def declared(self, edge: str) -> str:
        """The edge is declared by an entity that may be seen."""
        if self._visible == EVERYTHING:
            return ALWAYS
        node = self._variable()
        return f"EXISTS {{ MATCH ({node}:Ref) WHERE {node}.ref IN {edge}.declarers AND {self.there(node)} }}"

    def parameter(self, value: object) -> str:
        """The name by which the query refers to the value."""
        name = f"c{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def matches(self, condition: Condition, node: str) -> str:
        """The condition holds for the node, an entity; edges count while a visible entity declares them."""
        match condition:
            case All(of):
                return joined("AND", [self.matches(part, node) for part in of])
            case AnyOf(of):
                return joined("OR", [self.matches(part, node) for part in of])
            case Not(of):
                return f"NOT ({self.matches(of, node)})"
            case OnWholeGraph(of):
                return self._on_the_whole_graph(of, node)
            case FactIn() | FactExists() | FactHasPrefix() | FactContains():
                return self._fact(condition, node)
            case _:
                return self._other(condition, node)

    def branches(self, steps: Sequence[Step], conditions: str = ALWAYS) -> str:
        """Subqueries, joined by UNION ALL, that return each edge of the steps from `e` as other, edge, relation, direction.

        At least one step. The conditions, on edge and other, are in addition to the edge being declared by a visible entity.
        """
        where = joined("AND", [self.declared("edge"), conditions])
        return "\nUNION ALL\n".join(
            text(f"related_{direction.value}", types=types(s.relation for s in steps if s.direction is direction), conditions=where)
            for direction in Direction
            if any(s.direction is direction for s in steps)
        )

    def _on_the_whole_graph(self, condition: Condition, node: str) -> str:
        limited, self._visible = self._visible, EVERYTHING
        try:
            return self.matches(condition, node)
        finally:
            self._visible = limited

    def _variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def _fact(self, condition: FactIn | FactExists | FactHasPrefix | FactContains, node: str) -> str:
        match condition:
            case FactIn(path, values):
                return self._fact_in(path, values, node)
            case FactExists(path):
                return self._fact_starts_with(fact_prefix(path), node)
            case FactHasPrefix(path, prefix):
                return self._fact_starts_with(fact_prefix(path) + prefix, node)
            case FactContains(path, part):
                return self._fact_contains(fact_prefix(path), part, node)

    def _other(self, condition: RefIn | Related | TextContains | IsOrphan | HasErrors, node: str) -> str:
        match condition:
            case RefIn(refs):
                return f"{node}.ref IN {self.parameter(list(refs))}"
            case Related():
                return self._related(condition, node)
            case TextContains(words, ref_alone):
                word, part = self._variable(), self._variable()
                some = f"{node}.ref CONTAINS {word}" if ref_alone else f"any({part} IN {node}.texts WHERE {part} CONTAINS {word})"
                return f"all({word} IN {self.parameter(list(words))} WHERE {some})"
            case IsOrphan():
                return f"{node}.orphan"
            case HasErrors():
                error = self._variable()
                return f"EXISTS {{ MATCH ({error}:CatalogError) WHERE {error}.ref = {node}.ref }}"

    def _fact_in(self, path: str, values: Sequence[str], node: str) -> str:
        if not values:
            return NEVER
        fact, prefix = self._variable(), fact_prefix(path)
        facts = self.parameter([prefix + value for value in values])
        among = f"any({fact} IN {facts} WHERE {fact} IN {node}.facts)"
        if path not in PROPERTIES:
            return among
        # Written so that Neo4j answers from the two indexes, and so that it is never null, which a NOT would turn into no rows.
        name = f"{node}.{PROPERTIES[path]}"
        least = f"{name} IS NOT NULL AND {name} IN {self.parameter(list(values))}"
        return f"(({least}) OR ({node}.several IS NOT NULL AND {among}))"

    def _fact_starts_with(self, prefix: str, node: str) -> str:
        fact = self._variable()
        return f"any({fact} IN {node}.facts WHERE {fact} STARTS WITH {self.parameter(prefix)})"

    def _fact_contains(self, prefix: str, part: str, node: str) -> str:
        fact, start = self._variable(), self.parameter(prefix)
        value = f"substring({fact}, size({start}))"
        return f"any({fact} IN {node}.facts WHERE {fact} STARTS WITH {start} AND {value} CONTAINS {self.parameter(part)})"

    def _related(self, condition: Related, node: str) -> str:
        edge, other = self._variable(), self._variable()
        led = f"{other}.ref IN {self.parameter(list(condition.targets))}" if condition.targets is not None else ALWAYS
        where = joined("AND", [led, self.declared(edge), self.there(other) if condition.seen else ALWAYS])
        return f"EXISTS {{ MATCH {pattern(node, edge, condition.relation, condition.direction, other)} WHERE {where} }}"


class Ordering:
    """The ORDER BY of a list of entities and the comparisons of its windows.

    Keys may be null, which comes last both ways; the last key is the ref. Without an order the ref is compared as the node's property, so
    that its index gives the rows in order.
    """

    def __init__(self, composer: Composer, order: Sequence[Order], node: str = "e") -> None:
        self._composer = composer
        self._order = order
        self._node = node
        self._ref = "ref" if order else f"{node}.ref"
        self.names = ", ".join(f"key{i}" for i in range(len(order)))

    def keys(self) -> str:
        """The least value under each path of the ordering, as columns named by `names`."""
        return ", ".join(f"{self._least(by.path)} AS key{i}" for i, by in enumerate(self._order))

    def text(self, *, backward: bool) -> str:
        """What ORDER BY takes."""
        parts: list[str] = []
        for i, by in enumerate(self._order):
            parts += [f"key{i} IS NULL{' DESC' if backward else ''}", f"key{i}{' DESC' if by.descending is not backward else ''}"]
        return ", ".join([*parts, f"{self._ref}{' DESC' if backward else ''}"])

    def after(self, keyset: Keyset, *, inclusive: bool = False) -> str:
        """The row lies after the keyset, or with `inclusive` at it."""
        return self._beyond(keyset, inclusive=inclusive, after=True)

    def before(self, keyset: Keyset, *, inclusive: bool = False) -> str:
        """The row lies before the keyset, or with `inclusive` at it."""
        return self._beyond(keyset, inclusive=inclusive, after=False)

    def _least(self, path: str) -> str:
        if path in PROPERTIES:
            return f"{self._node}.{PROPERTIES[path]}"
        prefix = self._composer.parameter(fact_prefix(path))
        return f"substring(head([fact IN {self._node}.facts WHERE fact STARTS WITH {prefix}]), size({prefix}))"

    def _beyond(self, keyset: Keyset, *, inclusive: bool, after: bool) -> str:
        beside = f"{self._ref} {'>' if after else '<'}{'=' if inclusive else ''} {self._composer.parameter(keyset[-1])}"
        for i in reversed(range(len(self._order))):
            beyond, equal = self._compared(i, keyset[i], after=after)
            beside = f"({beyond} OR ({equal} AND {beside}))"
        return beside

    def _compared(self, i: int, value: str | None, *, after: bool) -> tuple[str, str]:
        if value is None:
            return (NEVER if after else f"key{i} IS NOT NULL"), f"key{i} IS NULL"
        name = self._composer.parameter(value)
        beyond = f"key{i} {'>' if after is not self._order[i].descending else '<'} {name}"
        return (f"{beyond} OR key{i} IS NULL" if after else beyond), f"key{i} = {name}"


def joined(operator: str, parts: Sequence[str]) -> str:
    """The parts under AND or OR."""
    neutral, absorbing = (ALWAYS, NEVER) if operator == "AND" else (NEVER, ALWAYS)
    if absorbing in parts:
        return absorbing
    kept = [part for part in parts if part != neutral]
    if not kept:
        return neutral
    return kept[0] if len(kept) == 1 else f"({f' {operator} '.join(kept)})"


def pattern(node: str, edge: str, relation: str, direction: Direction, other: str) -> str:
    """The path pattern of an edge of the relation, followed from the node to the other end."""
    left, right = ("-", "->") if direction is Direction.OUT else ("<-", "-")
    return f"({node}){left}[{edge}:{quoted(relation)}]{right}({other}:Ref)"


def types(relations: Iterable[str]) -> str:
    """The relations as alternatives of a relationship pattern. InputError for a name that can't be one."""
    return "|".join(quoted(relation) for relation in dict.fromkeys(relations))


def quoted(name: str) -> str:
    """The name as an identifier in a query. InputError if it can't be one."""
    return f"`{check_relation(name)}`"


def check_relation(name: str) -> str:
    """The name itself. InputError if it is not made of letters, digits and underscores."""
    if not _IDENTIFIER.fullmatch(name):
        raise InputError(f"{name!r} can't name a relation; a name starts with a letter and goes on with letters, digits and underscores")
    return name
