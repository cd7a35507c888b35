"""Conditions, orderings and windows as SQL: closed fragments, every value a parameter."""

from collections.abc import Sequence

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
from graph.relations import Direction, Step
from graph.store import Keyset, Order, Window
from graph.stores.sqlite_connections import texts_as_json

TEXT_SEPARATOR = "\x1f"
"""Stands between the texts of an entity that a word is looked for in; in none of them."""

_FEW = 8
_ALWAYS = "TRUE"
_NEVER = "FALSE"


class Composer:
    """The fragments of one query and their parameters.

    A fragment speaks of a node by the name of a column that holds its id, and asks about that node alone, so that a few rows cost a few
    look-ups however large the catalog is. `seen` is the composer's own condition of visibility, or a set evaluated before.
    """

    def __init__(self, visible: Condition = EVERYTHING, *, seen_in_set: bool = False) -> None:
        self.parameters: dict[str, object] = {}
        self._visible = visible
        self._seen_in_set = seen_in_set
        self._edge = "edge"

    def visible(self, node: str) -> str:
        """The node, known to be an entity, may be seen."""
        if self._visible == EVERYTHING:
            return _ALWAYS
        if self._seen_in_set:
            return f"{node} IN temp.visible"
        return self._unseen().matches(self._visible, node)

    def there(self, node: str) -> str:
        """The node is an entity and may be seen."""
        if self._visible != EVERYTHING and self._seen_in_set:
            return self.visible(node)
        present = f"EXISTS (SELECT 1 FROM nodes AS there WHERE there.id = {node} AND there.present)"
        return present if self._visible == EVERYTHING else f"({present} AND {self.visible(node)})"

    def all_there(self, column: str) -> str:
        """As `there`, for a column of so many rows that what is missing is sooner told than what is there."""
        if self._visible != EVERYTHING:
            return self.there(column)
        return f"{column} NOT IN (SELECT absent.id FROM nodes AS absent WHERE NOT absent.present)"

    def missing(self, alias: str) -> str:
        """The row of `nodes` under this alias is no entity that may be seen."""
        return f"NOT ({alias}.present AND {self.visible(f'{alias}.id')})"

    def names_seen(self, ref: str) -> str:
        """The ref in this column is that of an entity that may be seen."""
        return f"EXISTS (SELECT 1 FROM nodes WHERE nodes.ref = {ref} AND nodes.present AND {self.visible('nodes.id')})"

    def names_hidden(self, ref: str) -> str:
        """The ref in this column is that of an entity that may not be seen."""
        return f"EXISTS (SELECT 1 FROM nodes WHERE nodes.ref = {ref} AND nodes.present AND NOT {self.visible('nodes.id')})"

    def among(self, column: str, values: Sequence[str] | None) -> str:
        """The column holds one of the values; None does not restrict."""
        if values is None:
            return _ALWAYS
        return f"{column} IN (SELECT value FROM json_each({self.parameter(texts_as_json(values))}))"

    def links(self, steps: Sequence[Step], nodes: str, node: str, *, arriving: bool = False) -> str:
        """The visible edges along the steps from the nodes in a table's column: (root, source, relation, target, other, direction).

        With `arriving`, the edges by which the steps lead to the nodes; `other` is where they come from.
        """
        columns = "roots.{node} AS root, edge.source AS source, edge.relation AS relation, edge.target AS target, edge.{there} AS other"
        found = self._followed(steps, nodes, node, f"DISTINCT {columns}, '{{direction}}' AS direction", arriving=arriving)
        nothing = "SELECT NULL AS root, NULL AS source, NULL AS relation, NULL AS target, NULL AS other, NULL AS direction WHERE FALSE"
        return " UNION ALL ".join(found or [nothing])

    def neighbours(self, steps: Sequence[Step], nodes: str, node: str) -> str:
        """The nodes, some of them repeatedly, to which the steps lead from those in a table's column: (other)."""
        found = self._followed(steps, nodes, node, "edge.{there} AS other", arriving=False)
        return " UNION ALL ".join(found or ["SELECT NULL AS other WHERE FALSE"])

    def _followed(self, steps: Sequence[Step], nodes: str, node: str, columns: str, *, arriving: bool) -> Sequence[str]:
        parts: list[str] = []
        for direction in Direction:
            relations = sorted({step.relation for step in steps if step.direction is direction})
            if relations:
                here, there = reversed(ends(direction)) if arriving else ends(direction)
                named = f"SELECT id FROM terms WHERE term IN (SELECT value FROM json_each({self.parameter(texts_as_json(relations))}))"
                parts.append(
                    f"SELECT {columns.format(node=node, there=there, direction=direction)}"
                    f" FROM {nodes} AS roots CROSS JOIN declarations AS edge ON edge.{here} = roots.{node} AND edge.relation IN ({named})"
                    f" WHERE {self.visible('+edge.declarer')}"
                )
        return parts

    def compared(self, columns: Sequence[str], operator: str, keyset: Keyset | None) -> str:
        """The row's place compared with a bound that fits; without one, no row lies up to `after` and every row before `before`."""
        if keyset is None:
            return _ALWAYS if operator == "<" else _NEVER
        return f"({', '.join(columns)}) {operator} ({', '.join(self.parameter(key) for key in keyset)})"

    def parameter(self, value: object) -> str:
        """The name by which the query refers to the value."""
        name = f"c{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"

    def matches(self, condition: Condition, node: str) -> str:
        """The condition holds for the node, an entity; edges count while a visible entity declares them. Never null."""
        match condition:
            case FactIn():
                return self._fact_in(condition, node)
            case FactExists(path):
                return f"EXISTS (SELECT 1 FROM facts WHERE facts.node = {node} AND facts.path = {self.term(path)})"
            case FactHasPrefix():
                return self._fact_has_prefix(condition, node)
            case FactContains():
                return f"{node} IN ({self.containing(condition)})"
            case RefIn(refs):
                return f"{node} IN ({self.ids(refs)})"
            case Related():
                return self._related_transitively(condition, node) if condition.transitive else self._related(condition, node)
            case TextContains():
                return self._text_contains(condition, node)
            case IsOrphan():
                return f"{node} IN (SELECT entities.node FROM entities WHERE entities.orphan)"
            case HasErrors():
                return f"{node} IN (SELECT nodes.id FROM errors CROSS JOIN nodes ON nodes.ref = errors.ref)"
            case All(of):
                return joined("AND", [self.matches(part, node) for part in of])
            case AnyOf(of):
                return joined("OR", [self.matches(part, node) for part in of])
            case Not(of):
                return f"NOT {self.matches(of, node)}"
            case OnWholeGraph(of):
                return self._unseen().matches(of, node)

    def ref_range(self, condition: Condition) -> str:
        """Between which refs everything lies that meets the condition: a ref begins with its kind."""
        for part in condition.of if isinstance(condition, All) else (condition,):
            if isinstance(part, FactIn) and part.path == "kind" and part.values:
                first, end = min(f"{kind}:" for kind in part.values), max(f"{kind};" for kind in part.values)
                return f"ref >= {self.parameter(first)} AND ref < {self.parameter(end)}"
        return _ALWAYS

    def _unseen(self) -> "Composer":
        """A composer that sees everything and adds to the same parameters: visibility is decided on the whole graph."""
        whole = Composer()
        whole.parameters = self.parameters
        # It is asked about columns of `edge`, which a name of its own keeps in sight.
        whole._edge = "whole_edge"
        return whole

    def term(self, term: str) -> str:
        """The id under which the term is kept; null for one that nothing uses."""
        return f"(SELECT id FROM terms WHERE term = {self.parameter(term)})"

    def ids(self, refs: Sequence[str]) -> str:
        """A query for the nodes with these refs."""
        return f"SELECT id FROM nodes WHERE ref IN (SELECT value FROM json_each({self.parameter(texts_as_json(refs))}))"

    def _fact_in(self, condition: FactIn, node: str) -> str:
        if not condition.values:
            return _NEVER
        path = self.term(condition.path)
        if len(condition.values) == 1:
            value = self.parameter(condition.values[0])
            return f"EXISTS (SELECT 1 FROM facts WHERE facts.path = {path} AND facts.value = {value} AND facts.node = {node})"
        # By node: one look-up and a test of membership, where the primary key would take a look-up for each value.
        values = f"SELECT value FROM json_each({self.parameter(texts_as_json(condition.values))})"
        where = f"facts.node = {node} AND facts.path = {path} AND +facts.value IN ({values})"
        return f"EXISTS (SELECT 1 FROM facts INDEXED BY facts_by_node WHERE {where})"

    def _fact_has_prefix(self, condition: FactHasPrefix, node: str) -> str:
        where = f"facts.node = {node} AND facts.path = {self.term(condition.path)} AND facts.value >= {self.parameter(condition.prefix)}"
        end = _after_prefix(condition.prefix)
        if end is not None:
            where += f" AND facts.value < {self.parameter(end)}"
        return f"EXISTS (SELECT 1 FROM facts INDEXED BY facts_by_node WHERE {where})"

    def containing(self, condition: FactContains) -> str:
        """A query for the nodes that meet the condition."""
        found = f"instr(facts.value, {self.parameter(condition.part)})" if condition.part else _ALWAYS
        return f"SELECT facts.node AS id FROM facts WHERE facts.path = {self.term(condition.path)} AND {found}"

    def _related(self, condition: Related, node: str) -> str:
        here, there = ends(condition.direction)
        edge = self._edge
        where = f"{edge}.{here} = {node} AND {self._of_relation(condition.relation)}"
        if condition.targets is not None:
            # A look-up for each of a few targets; of many, a test of membership for each edge.
            column = f"{edge}.{there}" if len(condition.targets) <= _FEW else f"+{edge}.{there}"
            where += f" AND {column} IN ({self.ids(condition.targets)})"
        if condition.seen:
            where += f" AND {self.there(f'+{edge}.{there}')}"
        return f"EXISTS (SELECT 1 FROM declarations AS {edge} WHERE {where})"

    def _related_transitively(self, condition: Related, node: str) -> str:
        if condition.targets is None:
            return self._related(condition, node)
        here, there = ends(condition.direction)
        edge, relation = self._edge, self._of_relation(condition.relation)
        targets = self.ids(condition.targets)
        counted = f"{relation} AND {self.there(f'+{edge}.{there}')}" if condition.seen else relation
        first = f"SELECT {edge}.{here} FROM declarations AS {edge} WHERE {edge}.{there} IN ({targets}) AND {counted}"
        further = f"SELECT {edge}.{here} FROM chain CROSS JOIN declarations AS {edge} ON {edge}.{there} = chain.id AND {counted}"
        return f"{node} IN (WITH RECURSIVE chain (id) AS ({first} UNION {further}) SELECT id FROM chain)"

    def _of_relation(self, relation: str) -> str:
        return f"{self._edge}.relation = {self.term(relation)} AND {self.visible(f'+{self._edge}.declarer')}"

    def _text_contains(self, condition: TextContains, node: str) -> str:
        words = condition.words
        if any(TEXT_SEPARATOR in word for word in words):
            return _NEVER
        if condition.ref_alone:
            found = joined("AND", [f"instr(named.ref, {self.parameter(word)})" for word in words])
            return f"EXISTS (SELECT 1 FROM nodes AS named WHERE named.id = {node} AND {found})"
        found = joined("AND", [f"instr(texts.text, {self.parameter(word)})" for word in words])
        return f"EXISTS (SELECT 1 FROM texts WHERE texts.node = {node} AND {found})"


class Ordering:
    """The ORDER BY of a list and the comparisons of its windows. Keys may be null, which comes last both ways; the last key is the ref."""

    def __init__(self, composer: Composer, order: Sequence[Order]) -> None:
        self._composer = composer
        self._order = order
        self.names = ", ".join(f"key{i}" for i in range(len(order)))

    def keys(self, node: str) -> str:
        """The least value under each path of the ordering, as columns named by `names`."""
        terms = [self._composer.term(by.path) for by in self._order]
        return ", ".join(
            f"(SELECT min(value) FROM facts INDEXED BY facts_by_node WHERE facts.node = {node} AND facts.path = {term}) AS key{i}"
            for i, term in enumerate(terms)
        )

    def text(self, *, backward: bool) -> str:
        """What ORDER BY takes."""
        parts: list[str] = []
        for i, by in enumerate(self._order):
            parts += [f"key{i} IS NULL{' DESC' if backward else ''}", f"key{i}{' DESC' if by.descending is not backward else ''}"]
        return ", ".join([*parts, f"ref{' DESC' if backward else ''}"])

    def walked(self, *, backward: bool) -> str:
        """What ORDER BY takes where the first path's values are met in their order."""
        descending = self._order[0].descending is not backward
        return f"fact.value{' DESC' if descending else ''}, node.ref{' DESC' if backward else ''}"

    def reached(self, window: Window) -> str:
        """From where on a walk along the first path's values can meet rows of the window; its bounds on that path are no nulls."""
        descending = self._order[0].descending
        bounds = ((window.after, "<=" if descending else ">="), (window.before, ">=" if descending else "<="))
        return joined("AND", [f"fact.value {sign} {self._composer.parameter(bound[0])}" for bound, sign in bounds if bound is not None])

    def after(self, keyset: Keyset, *, inclusive: bool = False) -> str:
        """The row lies after the keyset, or with `inclusive` at it."""
        return self._beyond(keyset, inclusive=inclusive, after=True)

    def before(self, keyset: Keyset, *, inclusive: bool = False) -> str:
        """The row lies before the keyset, or with `inclusive` at it."""
        return self._beyond(keyset, inclusive=inclusive, after=False)

    def _beyond(self, keyset: Keyset, *, inclusive: bool, after: bool) -> str:
        text = f"ref {'>' if after else '<'}{'=' if inclusive else ''} {self._composer.parameter(keyset[-1])}"
        for i in reversed(range(len(self._order))):
            beyond, equal = self._compared(i, keyset[i], after=after)
            text = f"({beyond} OR ({equal} AND {text}))"
        return text

    def _compared(self, i: int, value: str | None, *, after: bool) -> tuple[str, str]:
        if value is None:
            return (_NEVER if after else f"key{i} IS NOT NULL"), f"key{i} IS NULL"
        name = self._composer.parameter(value)
        beyond = f"key{i} {'>' if after is not self._order[i].descending else '<'} {name}"
        return (f"{beyond} OR key{i} IS NULL" if after else beyond), f"key{i} = {name}"


def nodes_from(candidates: str | None) -> str:
    """The table of nodes to look through: those of the candidates, or all."""
    if candidates is None:
        return "nodes"
    return f"(SELECT nodes.* FROM ({candidates}) AS candidate CROSS JOIN nodes ON nodes.id = candidate.id)"


def joined(operator: str, parts: Sequence[str]) -> str:
    """The parts under AND or OR, in a balanced tree: SQLite refuses expressions more than a thousand levels deep."""
    neutral, absorbing = (_ALWAYS, _NEVER) if operator == "AND" else (_NEVER, _ALWAYS)
    if absorbing in parts:
        return absorbing
    kept = [part for part in parts if part != neutral]
    if not kept:
        return neutral
    return _balanced(f" {operator} ", kept)


def ends(direction: Direction) -> tuple[str, str]:
    """The columns of an edge that hold the node it is followed from and the node it leads to."""
    return ("source", "target") if direction is Direction.OUT else ("target", "source")


def _balanced(operator: str, parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({_balanced(operator, parts[:middle])}{operator}{_balanced(operator, parts[middle:])})"


def _after_prefix(prefix: str) -> str | None:
    """The least text greater than every text with the prefix; None where there is none."""
    for end in reversed(range(len(prefix))):
        code = ord(prefix[end]) + 1
        if code <= 0x10FFFF:
            # The code points of surrogates are in no text.
            return prefix[:end] + chr(0xE000 if code == 0xD800 else code)
    return None
