"""Reads of entities: by ref, by page, counted, and counted by value."""

from collections.abc import Mapping, Sequence
from typing import Any

from graph.conditions import EVERYTHING, Condition
from graph.entities import Entity
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import FacetCount, Keyset, Order, Page, Window
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
    fragments = {"nodes": nodes_from(composer.starting_from(filter)), "matches": _matches(composer, filter)}
    return session.value("count", composer.parameters, **fragments)


class EntityList:
    """The entities that a filter lets through, in an ordering."""

    def __init__(self, session: Session, filter: Condition, order: Sequence[Order], visible: Condition) -> None:
        self._session = session
        self._composer = Composer(visible)
        self._order = order
        self._matches = _matches(self._composer, filter)
        self._ordering = Ordering(self._composer, order)
        self._keys = self._ordering.keys("node.id")
        self._nodes = self._narrowed(filter)
        self._range = self._composer.ref_range(filter)

    def page(self, window: Window) -> Page[Entity]:
        """The window's rows. InvalidCursorError if one of its keysets does not fit the ordering."""
        check_bounds(window, len(self._order) + 1, nullable=len(self._order))
        bounds = [self._ordering.after(window.after)] if window.after is not None else []
        bounds += [self._ordering.before(window.before)] if window.before is not None else []
        found = self._rows(joined("AND", bounds), window.limit + 1, window.skip, backward=window.backward)
        rows = found[: window.limit]
        if window.backward:
            rows.reverse()
        more = len(found) > window.limit
        keysets: list[Keyset] = [tuple(keys) for _, *keys in rows]
        has_previous, has_next = self._beside(window, keysets, more=more)
        entities = entities_of_nodes(self._session, self._composer, [row[0] for row in rows])
        return Page([entities[row[-1]] for row in rows], keysets, has_previous, has_next)

    def _narrowed(self, filter: Condition) -> str:
        """The nodes to look through. In the order of their refs, many candidates are met sooner by going along that order."""
        candidates = self._composer.starting_from(filter)
        if candidates is not None and not self._order:
            found = self._session.value("candidate_count", {**self._composer.parameters, "limit": _MANY}, candidates=candidates)
            if found == _MANY:
                return nodes_from(None)
        return nodes_from(candidates)

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
    matches = _matches(composer, filter)
    whole = matches == "TRUE"
    if not whole:
        nodes = nodes_from(composer.starting_from(filter))
        session.run("choose", composer.parameters, nodes=nodes, matches=matches)
    return {path: facet(session, registry, path, composer, whole=whole) for path in paths}


def facet(session: Session, registry: RelationRegistry, path: str, composer: Composer, *, whole: bool) -> Sequence[FacetCount]:
    """The values under a path among the chosen entities, or the whole catalog's."""
    if path.startswith(_RELATIONS):
        named = registry.by_either_name.get(path.removeprefix(_RELATIONS))
        if named is None:
            return []
        relation, direction = named
        here, there = ends(direction)
        chosen = composer.there(f"+declaration.{here}") if whole else f"+declaration.{here} IN temp.chosen"
        declared = composer.visible("+declaration.declarer")
        parameters = {**composer.parameters, "relation": relation.name}
        rows = session.rows("facet_of_relation", parameters, here=here, there=there, chosen=chosen, declared=declared)
    else:
        chosen = "TRUE" if whole else "+fact.node IN temp.chosen"
        rows = session.rows("facet_of_facts", {"path": path}, chosen=chosen)
    rows.sort(key=lambda row: (-row[2], row[0]))
    return [FacetCount(shown, entities) for _, shown, entities in rows]


def see(session: Session, visible: Condition) -> None:
    """Evaluate the condition once, for a composer that looks it up in the set."""
    if visible != EVERYTHING:
        composer = Composer(visible)
        fragment = composer.visible("node.id")
        session.run("see", composer.parameters, visible=fragment)


def _matches(composer: Composer, filter: Condition) -> str:
    return joined("AND", [composer.visible("node.id"), composer.matches(filter, "node.id")])
