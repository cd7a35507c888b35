"""Reads of edges: around entities, between all of them, and into nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from graph.conditions import Condition
from graph.entities import Edge
from graph.refs import Ref
from graph.relations import Direction, Step
from graph.store import EdgeEnd, Page, RelatedRow, Window
from graph.stores.sqlite_composer import Composer, ends, joined
from graph.stores.sqlite_connections import Session, as_json, texts_as_json
from graph.stores.sqlite_pages import see
from graph.stores.sqlite_records import EdgeIds, check_bounds, edges_of_ids, entities_of_nodes
from graph.stores.windows import Span, span_of

_KEYS = ("ref", "term", "direction")
_DANGLING_KEYS = ("target", "source", "relation")


class Surroundings:
    """The edges around some entities, along steps, as far as they are visible and the filter lets their other ends through."""

    def __init__(self, session: Session, refs: Sequence[Ref], steps: Sequence[Step], visible: Condition, filter: Condition | None) -> None:
        self._session = session
        self._composer = composer = Composer(visible)
        fragment = composer.visible("node.id")
        wanted = {**composer.parameters, "refs": texts_as_json(refs)}
        self._roots: dict[int, Ref] = dict(session.rows("seen_nodes", wanted, visible=fragment))
        self._links = composer.links(steps, f"json_each({composer.parameter(as_json(list(self._roots)))})", "value")
        self._wanted = "TRUE" if filter is None else joined("AND", [composer.there("+link.other"), composer.matches(filter, "+link.other")])

    def counts(self) -> Mapping[Ref, int]:
        """How many edges each visible entity has."""
        counted: dict[int, int] = dict(
            self._session.rows("related_counts", self._composer.parameters, links=self._links, wanted=self._wanted)
        )
        return {ref: counted.get(root, 0) for root, ref in self._roots.items()}

    def pages(self, window: Window, *, with_nodes: bool) -> Mapping[Ref, Page[RelatedRow]]:
        """A window of each visible entity's edges. InvalidCursorError if one of its keysets is none of this list."""
        check_bounds(window, len(_KEYS))
        parameters, fragments = self._query(window)
        lists: dict[int, list[_Link]] = {root: [] for root in self._roots}
        for root, *link in self._session.rows("related", parameters, **fragments):
            lists[root].append(_Link(*link))
        spans = {root: _span(window, links) for root, links in lists.items()}
        inside = {root: [link for link in links if spans[root].start < link.place <= spans[root].stop] for root, links in lists.items()}
        met = [link for links in inside.values() for link in links]
        edges = edges_of_ids(self._session, self._composer, (link.edge for link in met))
        others = list({link.other for link in met}) if with_nodes else []
        nodes = entities_of_nodes(self._session, self._composer, others)
        pages: dict[Ref, Page[RelatedRow]] = {}
        for root, links in inside.items():
            rows = [RelatedRow(edges[link.edge], link.ref, Direction(link.direction), nodes.get(link.ref)) for link in links]
            keysets = [(link.ref, link.term, link.direction) for link in links]
            pages[self._roots[root]] = Page(rows, keysets, spans[root].has_previous, spans[root].has_next)
        return pages

    def _query(self, window: Window) -> tuple[dict[str, object], dict[str, str]]:
        inside = (
            "place <= up_to_before AND place > max(up_to_before - :limit, through_after)"
            if window.backward
            else "place > through_after AND place <= min(through_after + :limit, up_to_before)"
        )
        fragments = {
            "links": self._links,
            "wanted": self._wanted,
            "through_after": f"sum({self._composer.compared(_KEYS, '<=', window.after)}) OVER (PARTITION BY root)",
            "up_to_before": f"sum({self._composer.compared(_KEYS, '<', window.before)}) OVER (PARTITION BY root)",
            "inside": inside,
        }
        return {**self._composer.parameters, "limit": window.limit}, fragments


@dataclass(frozen=True, slots=True)
class _Link:
    """A row of the query `related`, without its root."""

    source: int
    relation: int
    target: int
    other: int
    ref: Ref
    term: str
    direction: str
    place: int
    total: int
    through_after: int
    up_to_before: int

    @property
    def edge(self) -> EdgeIds:
        return self.source, self.relation, self.target


def _span(window: Window, links: Sequence[_Link]) -> Span:
    if not links:
        return span_of(window, 0, 0, 0)
    return span_of(window, links[0].total, links[0].through_after, links[0].up_to_before)


def edges_of(session: Session, refs: Sequence[Ref], steps: Sequence[Step], visible: Condition) -> Mapping[Ref, Sequence[EdgeEnd]]:
    """All edges of each visible entity along the steps."""
    composer = Composer(visible)
    fragment = composer.visible("node.id")
    roots = session.rows("seen_nodes", {**composer.parameters, "refs": texts_as_json(refs)}, visible=fragment)
    terms: dict[str, int] = orjson.loads(session.value("terms", {"terms": texts_as_json(step.relation for step in steps)}))
    # Several may state one edge; SQLite would take longer to make them one.
    found = [list[EdgeEnd]() for _ in roots]
    declared = composer.visible("+edge.declarer")
    parameters = {**composer.parameters, "nodes": as_json([node for node, _ in roots])}
    for direction in Direction:
        named = {step.relation for step in steps if step.direction is direction}
        wanted = {terms[name]: name for name in named if name in terms}
        here, there = ends(direction)
        rows: list[tuple[int, int, Ref]] = session.rows("edges_of", parameters, here=here, there=there, declared=declared) if wanted else []
        for place, relation, other in rows:
            if relation in wanted:
                found[place].append((wanted[relation], direction, other))
    return {ref: sorted(set(edge_ends)) for (_, ref), edge_ends in zip(roots, found, strict=True)}


def edges(session: Session, relations: Sequence[str], visible: Condition) -> Sequence[tuple[Ref, str, Ref]]:
    """All edges of the relations between visible entities."""
    composer = Composer(visible, seen_in_set=True)
    see(session, visible)
    rows = session.rows(
        "edges",
        {"relations": texts_as_json(relations)},
        source_seen=composer.visible("+declaration.source"),
        target_seen=composer.visible("+declaration.target"),
        declared=composer.visible("+declaration.declarer"),
    )
    return [(source, relation, target) for source, relation, target in rows]


def dangling_count(session: Session, visible: Condition) -> int:
    """How many edges visible entities declare of which an end is none."""
    composer = Composer(visible, seen_in_set=True)
    see(session, visible)
    return session.rows("dangling_span", composer.parameters, **_dangling(composer), through_after="TRUE", before="TRUE")[0]


def dangling(session: Session, window: Window, visible: Condition) -> Page[Edge]:
    """Edges that visible entities declare of which an end is none."""
    check_bounds(window, len(_DANGLING_KEYS))
    composer = Composer(visible, seen_in_set=True)
    see(session, visible)
    fragments = _dangling(composer)
    bounds = {
        "through_after": composer.compared(_DANGLING_KEYS, "<=", window.after),
        "before": composer.compared(_DANGLING_KEYS, "<", window.before),
    }
    total, through_after, before = session.rows("dangling_span", composer.parameters, **fragments, **bounds)
    span = span_of(window, total, through_after, before)
    place = {**composer.parameters, "start": span.start, "limit": span.stop - span.start}
    rows = session.rows("dangling", place, **fragments)
    found = edges_of_ids(session, composer, (tuple(ids) for _, ids in rows))
    return Page([found[tuple(ids)] for _, ids in rows], [tuple(keys) for keys, _ in rows], span.has_previous, span.has_next)


def _dangling(composer: Composer) -> dict[str, str]:
    missing = {f"missing_{end}": composer.missing(end) for end in ("target", "source")}
    return {**missing, "declared": composer.visible("+declaration.declarer")}
