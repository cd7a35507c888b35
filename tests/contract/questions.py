"""Random questions to a store, one or more for each reading method of the port, and answers in a form that can be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from hypothesis import strategies as st

from graph.entities import Entity
from graph.store import Change, ClosureQuery, ErrorFilter, Window
from tests import graphs


@dataclass(frozen=True)
class Question:
    """A call of a method of the port."""

    method: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    async def ask(self, of: Any) -> object:
        return comparable(await getattr(of, self.method)(*self.arguments, **self.options))


def comparable(answer: Any) -> object:
    """The answer with every sequence as a list and without times, which differ."""
    if isinstance(answer, Entity):
        return answer
    if is_dataclass(answer):
        skipped = {"at"} if isinstance(answer, Change) else set()
        return [type(answer).__name__, *(comparable(getattr(answer, f.name)) for f in fields(answer) if f.name not in skipped)]
    if isinstance(answer, Mapping):
        return {key: comparable(value) for key, value in answer.items()}
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return [comparable(part) for part in answer]
    return answer


_PATHS = [*graphs.PATHS, "relations.ownerof", "relations.dependson", "relations.partof", "relations.nothing", "unknown"]
_some_refs = st.lists(graphs.refs, max_size=len(graphs.REFS))
_relations = st.lists(graphs.relations, max_size=3)
_filters = st.none() | graphs.conditions
_limits = st.integers(0, 4)
_depths = st.none() | st.integers(0, 3)


@st.composite
def _windows(draw: st.DrawFn, *keys: st.SearchStrategy[str | None]) -> Window:
    keysets = st.none() | st.tuples(*keys)
    return Window(draw(_limits), draw(keysets), draw(keysets), draw(st.booleans()))


_edge_keys = (graphs.refs, graphs.relations, st.sampled_from(["in", "out"]))
_depth_keys = (st.sampled_from(["000000", "000001", "000002"]), graphs.refs)
_error_keys = (graphs.values.map("/{}".format), st.sampled_from(["", "000000007"]), st.just(""), st.sampled_from(["", "5", "z"]))


@st.composite
def _pages(draw: st.DrawFn) -> tuple[Any, ...]:
    order = draw(graphs.orders)
    keys = [st.none() | graphs.values.map(str.lower) for _ in order]
    window = replace(draw(_windows(*keys, graphs.refs)), skip=draw(st.integers(0, 2)))
    return draw(graphs.conditions), order, window


@st.composite
def _closures(draw: st.DrawFn) -> tuple[ClosureQuery]:
    roots, facets = draw(st.lists(graphs.refs, max_size=2)), draw(st.lists(st.sampled_from(_PATHS), unique=True, max_size=2))
    window, steps = draw(_windows(*_depth_keys)), draw(graphs.steps)
    return (ClosureQuery(roots, steps, window, draw(_depths), draw(_depths), draw(_filters), facets),)


_error_filters = st.builds(
    ErrorFilter, st.none() | _some_refs, st.none() | st.just([graphs.LOCATION]), st.none() | st.just(["code", "other"]), st.booleans()
)
_ARGUMENTS: Mapping[str, st.SearchStrategy[tuple[Any, ...]]] = {
    "entities_by_ref": st.tuples(_some_refs),
    "page": _pages(),
    "count": st.tuples(graphs.conditions),
    "facets": st.tuples(st.lists(st.sampled_from(_PATHS), max_size=4), graphs.conditions),
    "related": st.tuples(_some_refs, graphs.steps, _windows(*_edge_keys)),
    "related_counts": st.tuples(_some_refs, graphs.steps),
    "edges_of": st.tuples(_some_refs, graphs.steps),
    "closure": _closures(),
    "shortest_paths": st.tuples(graphs.refs, graphs.refs, graphs.steps, st.integers(0, 5)),
    "edges": st.tuples(_relations),
    "dangling": st.tuples(_windows(graphs.refs, graphs.refs, graphs.relations)),
    "dangling_count": st.tuples(),
    "changes": st.tuples(st.integers(0, 9), _limits),
    "change_counts": st.tuples(st.none() | _some_refs),
    "change_counts_by_ref": st.tuples(_some_refs),
    "changed_refs": st.tuples(st.integers(0, 9), st.integers(0, 9), _limits),
    "changed_ref_count": st.tuples(st.integers(0, 9), st.integers(0, 9)),
    "errors": st.tuples(_error_filters, _windows(*_error_keys)),
    "error_count": st.tuples(_error_filters),
}
_OPTIONS: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "related": {"filter": _filters, "with_nodes": st.booleans()},
    "related_counts": {"filter": _filters},
    "changes": {"refs": st.none() | _some_refs, "backward": st.booleans()},
    "changed_refs": {"refs": st.none() | _some_refs, "beyond": st.just("") | graphs.refs},
    "changed_ref_count": {"refs": st.none() | _some_refs},
}


@st.composite
def questions(draw: st.DrawFn) -> Sequence[Question]:
    """A question to each method, asked by one caller."""
    visible = draw(graphs.visibilities)
    asked = [Question("counts", (), {}), Question("head", (), {}), Question("declared_by", (draw(_some_refs),), {})]
    for method, arguments in _ARGUMENTS.items():
        options = {name: draw(values) for name, values in _OPTIONS.get(method, {}).items()}
        asked.append(Question(method, draw(arguments), {**options, "visible": visible}))
    return asked
