"""Reads of entities: by ref, by page, counted, and counted by value."""

from collections.abc import Mapping, Sequence
from typing import Any

from graph.conditions import EVERYTHING, All, Condition, FactExists
from graph.entities import Entity
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import FacetCount, Keyset, Order, Page, Window
from graph.stores.sqlite_candidates_composer import candidates_for, ids_of
from graph.stores.sqlite_composer import Composer, Ordering, ends, joined, nodes_from
from graph.stores.sqlite_connections import Session, texts_as_json
from graph.stores.sqlite_records import check_bounds, entities_of_nodes, entity_from

_RELATIONS = "relations."
_MANY = 1000


def entities_by_ref(session: Session, refs: Sequence[Ref], visible: Condition) -> Mapping[Ref, Entity]:
    composer = Composer(visible)
    fragment = composer.visible("node.id")
    wanted = texts_as_json(refs)
    records = session.rows("entities_by_ref", {**composer.parameters, "refs": wanted}, visible=fragment)
    return {record[0]: entity_from(record) for record in records}


def count(session: Session, filter: Condition, visible: Condition) -> int:
    """How many entities the filter lets through."""
    composer = Composer(visible)
    found = candidates_for(session, composer, filter)
    if found and visible == EVERYTHING and (found.number == 0 or found.is_whole):
        return found.number
    nodes, rest = ("nodes", filter) if found is None else (found.ids, found.rest)
    matches = _matches(composer, rest)
    return session.value("count", composer.parameters, nodes=nodes, matches=matches)


class EntityList:
    """The entities that a filter lets through, in an ordering."""

    def __init__(self, session: Session, filter: Condition, order: Sequence[Order], visible: Condition) -> None:
        self._session = session
        self._composer = Composer(visible)
        self._order = order
        self._filter = filter
        self._ordering = Ordering(self._composer, order)
        self._keys = self._ordering.keys("node.id")
        self._found = candidates_for(session, self._composer, filter)
        # Where something is hidden, it must not cost other queries than what is missing.
        self._is_empty = self._found is not None and self._found.number == 0 and visible == EVERYTHING
        self._matches = _matches(self._composer, filter)
        # In the order of their refs, many candidates are met sooner by going along that order.
        self._nodes = self._found.nodes if self._found and (order or self._found.number < _MANY) else nodes_from(None)
        self._range = self._composer.ref_range(filter)

    def page(self, window: Window) -> Page[Entity]:
        """The window's rows. InvalidCursorError if one of its keysets does not fit the ordering."""
        check_bounds(window, len(self._order) + 1, nullable=len(self._order))
        if self._is_empty:
            return Page([], [], False, False)
        bounds = [self._ordering.after(window.after)] if window.after is not None else []
        bounds += [self._ordering.before(window.before)] if window.before is not None else []
        found = self._walked(joined("AND", bounds), window)
        if found is None:
            found = self._rows(joined("AND", bounds), window.limit + 1, window.skip, backward=window.backward)
        rows = found[: window.limit]
        if window.backward:
            rows.reverse()
        more = len(found) > window.limit
        keysets: list[Keyset] = [tuple(keys) for _, *keys in rows]
        has_previous, has_next = self._beside(window, keysets, more=more)
        entities = entities_of_nodes(self._session, self._composer, [row[0] for row in rows])
        return Page([entities[row[-1]] for row in rows], keysets, has_previous, has_next)

    def _walked(self, bounds: str, window: Window) -> list[Any] | None:
        """The rows, one more than the window's, met along the values of the one path to order by. None where that would take longer than to
        order all candidates, or where rows may be meant that have no such value.
        """
        if len(self._order) != 1 or any(bound is not None and bound[0] is None for bound in (window.after, window.before)):
            return None
        path, rows = self._order[0].path, window.limit + 1
        all_have_one = FactExists(path) in (self._filter.of if isinstance(self._filter, All) else (self._filter,))
        if (window.backward and not all_have_one) or not self._is_met_soon(rows + window.skip):
            return None
        fragments = {
            "path": self._composer.term(path),
            "reached": self._ordering.reached(window),
            "bounds": bounds,
            "matches": self._matches,
            "ordering": self._ordering.walked(backward=window.backward),
        }
        parameters = {**self._composer.parameters, "limit": rows, "skip": window.skip}
        found = self._session.rows("page_by_walk", parameters, **fragments)
        return found if all_have_one or len(found) == rows else None

    def _is_met_soon(self, rows: int) -> bool:
        """Whether so many rows are met on a shorter way than all candidates make, if these are spread evenly."""
        number = self._found.number if self._found else None
        return number is None or rows * (self._session.value("last_node") or 0) < number**2

    def _beside(self, window: Window, keysets: Sequence[Keyset], *, more: bool) -> tuple[bool, bool]:
        """Whether rows lie before and after those of the window; of an empty window, before and after its place."""
        ordering = self._ordering
        if not keysets:
            bound = window.before if window.backward else window.after
            if bound is None:
                some = self._exists("TRUE")
                return (some, False) if window.backward else (False, some)
            return (
                self._exists(ordering.before(bound, inclusive=not window.backward)),
                self._exists(ordering.after(bound, inclusive=window.backward)),
            )
        previous, following = (more, False) if window.backward else (False, more)
        if not previous and (window.after is not None or window.skip):
            previous = self._exists(ordering.before(keysets[0]))
        if not following and (window.before is not None or window.skip):
            following = self._exists(ordering.after(keysets[-1]))
        return previous, following

    def _exists(self, bounds: str) -> bool:
        return bool(self._rows(bounds, 1, 0, backward=False))

    def _rows(self, bounds: str, limit: int, skip: int, *, backward: bool) -> list[Any]:
        parameters = {**self._composer.parameters, "limit": limit, "skip": skip}
        bounds = joined("AND", [self._range, bounds])
        ordering = self._ordering.text(backward=backward)
        shared = {"nodes": self._nodes, "matches": self._matches, "bounds": bounds, "ordering": ordering}
        if not self._order:
            return self._session.rows("page_by_ref", parameters, **shared)
        return self._session.rows("page_by_order", parameters, **shared, keys=self._keys, names=self._ordering.names)


def facets(
    session: Session, registry: RelationRegistry, paths: Sequence[str], filter: Condition, visible: Condition
) -> Mapping[str, Sequence[FacetCount]]:
    composer = Composer(visible, seen_in_set=True)
    see(session, visible)
    found = candidates_for(session, composer, filter)
    nodes, rest = ("nodes", filter) if found is None else (found.ids, found.rest)
    matches = _matches(composer, rest)
    if found is None and matches == "TRUE":
        return {path: facet(session, registry, path, composer, among=None) for path in paths}
    if len(paths) == 1:
        # One look at them is sooner taken than written down.
        among = ids_of(nodes, matches)
    else:
        session.run("choose", composer.parameters, nodes=nodes, matches=matches)
        among = CHOSEN
    return {path: facet(session, registry, path, composer, among=among) for path in paths}


CHOSEN = "temp.chosen"
"""The table of the chosen entities."""


def facet(session: Session, registry: RelationRegistry, path: str, composer: Composer, *, among: str | None) -> Sequence[FacetCount]:
    """The values under a path among those entities whose ids a table or a query gives, or the whole catalog's."""
    if path.startswith(_RELATIONS):
        named = registry.by_either_name.get(path.removeprefix(_RELATIONS))
        if named is None:
            return []
        relation, direction = named
        here, there = ends(direction)
        chosen = composer.all_there(f"+declaration.{here}") if among is None else f"+declaration.{here} IN {_inside(among)}"
        declared = composer.visible("+declaration.declarer")
        parameters = {**composer.parameters, "relation": relation.name}
        rows = session.rows("facet_of_relation", parameters, here=here, there=there, chosen=chosen, declared=declared)
    else:
        chosen = "TRUE" if among is None else f"+fact.node IN {_inside(among)}"
        rows = session.rows("facet_of_facts", {**composer.parameters, "path": path}, chosen=chosen)
    rows.sort(key=lambda row: (-row[2], row[0]))
    return [FacetCount(shown, entities) for _, shown, entities in rows]


def _inside(among: str) -> str:
    return among if among == CHOSEN else f"({among})"


def see(session: Session, visible: Condition) -> None:
    """Evaluate the condition once, for a composer that looks it up in the set."""
    if visible != EVERYTHING:
        composer = Composer(visible)
        fragment = composer.visible("node.id")
        session.run("see", composer.parameters, visible=fragment)


def _matches(composer: Composer, filter: Condition) -> str:
    return joined("AND", [composer.visible("node.id"), composer.matches(filter, "node.id")])
