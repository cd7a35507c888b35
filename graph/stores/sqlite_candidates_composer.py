"""Where to look for the entities that a filter lets through: the fewest nodes that one of its parts finds by an index."""

from dataclasses import dataclass

from graph.conditions import All, AnyOf, Condition, FactContains, FactIn, RefIn, Related
from graph.stores.sqlite_composer import Composer, ends, nodes_from
from graph.stores.sqlite_connections import Session, as_json, texts_as_json

_COUNTED = 20_000
"""Of more candidates it does not matter how many there are."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """A query for ids of nodes that may meet a filter, how many there are (at most), and what of the filter is left to be asked of them.

    Only nodes that are entities are found where `are_present`.
    """

    text: str
    number: int
    rest: Condition
    are_present: bool

    @property
    def is_whole(self) -> bool:
        """Whether they are what the filter lets through, all of them counted."""
        return self.are_present and self.rest == All() and self.number < _COUNTED

    @property
    def nodes(self) -> str:
        """A table of them, with the columns of `nodes`."""
        return nodes_from(self.text)

    @property
    def ids(self) -> str:
        """A table of them, with their ids and whether they are present alone, which spares the look-ups."""
        return f"(SELECT id, TRUE AS present FROM ({self.text}))" if self.are_present else self.nodes


def candidates_for(session: Session, composer: Composer, filter: Condition) -> Candidates | None:
    """The fewest nodes that one part of the filter finds by an index; None if no part does. `composer` gets the parameters."""
    parts = filter.of if isinstance(filter, All) else (filter,)
    best: Candidates | None = None
    for place, part in enumerate(parts):
        text = _found_by(composer, part)
        if text is None:
            continue
        limit = min(_COUNTED, best.number) if best else _COUNTED
        number, text = _counted(session, composer, part, text, limit)
        if best is None or number < best.number:
            exact = _is_exact(part)
            best = Candidates(text, number, All((*parts[:place], *parts[place + 1 :])) if exact else filter, exact)
    return best


def _counted(session: Session, composer: Composer, part: Condition, text: str, limit: int) -> tuple[int, str]:
    """How many the query finds, up to the limit, and the query: one that looks into all values of a path is asked only once."""
    parameters = {**composer.parameters, "limit": limit}
    if not isinstance(part, (FactContains, AnyOf)):
        return session.value("candidate_count", parameters, candidates=text), text
    ids = session.rows("candidate_ids", parameters, candidates=text)
    return len(ids), f"SELECT value AS id FROM json_each({composer.parameter(as_json(ids))})" if len(ids) < limit else text


def ids_of(nodes: str, matches: str) -> str:
    """A query for the ids of those in a table of nodes that are entities and match."""
    return f"SELECT node.id FROM {nodes} AS node WHERE node.present AND {matches}"


def _is_exact(part: Condition) -> bool:
    """What is found by the part meets it, and is an entity: only entities have facts."""
    match part:
        case FactIn(_, values):
            return bool(values)
        case FactContains():
            return True
        case AnyOf(of):
            return bool(of) and all(map(_is_exact, of))
        case _:
            return False


def _found_by(composer: Composer, part: Condition) -> str | None:
    match part:
        case FactIn(path, (value,)):
            where = f"facts.path = {composer.term(path)} AND facts.value = {composer.parameter(value)}"
            return f"SELECT facts.node AS id FROM facts WHERE {where}"
        case FactIn(path, values) if values:
            wanted = f"SELECT value FROM json_each({composer.parameter(texts_as_json(values))})"
            where = f"facts.path = {composer.term(path)} AND facts.value IN ({wanted})"
            return f"SELECT DISTINCT facts.node AS id FROM facts WHERE {where}"
        case FactContains():
            # Several values of one entity may.
            return f"SELECT DISTINCT id FROM ({composer.containing(part)})"
        case AnyOf(of) if of and all(_is_exact(one) for one in of):
            return " UNION ".join(f"SELECT id FROM ({_found_by(composer, one)})" for one in of)
        case RefIn(refs):
            return composer.ids(refs)
        case Related(transitive=False, targets=targets) if targets is not None:
            here, there = ends(part.direction)
            where = f"edge.{there} IN ({composer.ids(targets)}) AND edge.relation = {composer.term(part.relation)}"
            return f"SELECT DISTINCT edge.{here} AS id FROM declarations AS edge WHERE {where}"
        case _:
            return None
