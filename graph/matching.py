"""Whether a descriptor that is not, or no longer, in the store passes a condition, as far as a descriptor alone can tell."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from graph.conditions import (
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
from graph.entities import Document, facts_of
from graph.refs import Ref
from graph.relations import Direction

Edges = AbstractSet[tuple[Ref, str, Ref]]
"""(source, relation, target)"""


def passes(condition: Condition, ref: Ref, document: Document, declared: Edges) -> bool | None:
    """Whether the entity, with the edges that it declares itself, passes; None if that depends on other entities, or on its reading."""
    return _Descriptor(ref, document, declared).passes(condition)


class _Descriptor:
    def __init__(self, ref: Ref, document: Document, declared: Edges) -> None:
        self._ref = ref
        self._declared = declared
        self._facts = facts_of(document).keys()
        metadata: Document = document.get("metadata") or {}
        texts: list[object] = [ref, metadata.get("title"), metadata.get("description"), *(metadata.get("tags") or ())]
        self._texts = [text.lower() for text in texts if isinstance(text, str)]

    def passes(self, condition: Condition) -> bool | None:
        match condition:
            case All(of):
                return _first(False, (self.passes(part) for part in of))
            case AnyOf(of):
                return _first(True, (self.passes(part) for part in of))
            case Not(of):
                held = self.passes(of)
                return None if held is None else not held
            case OnWholeGraph(of):
                return self.passes(of)
            case IsOrphan() | HasErrors() | Related():
                return self._related(condition) if isinstance(condition, Related) else None
            case _:
                return self._of_descriptor(condition)

    def _of_descriptor(self, condition: FactIn | FactExists | FactHasPrefix | FactContains | RefIn | TextContains) -> bool:
        match condition:
            case FactIn(path, values):
                return any((path, value) in self._facts for value in values)
            case FactExists(path):
                return self._any_value(path, lambda _: True)
            case FactHasPrefix(path, prefix):
                return self._any_value(path, lambda value: value.startswith(prefix))
            case FactContains(path, part):
                return self._any_value(path, lambda value: part in value)
            case RefIn(refs):
                return self._ref in refs
            case TextContains(words, ref_alone):
                return all(any(word in text for text in self._texts[: 1 if ref_alone else None]) for word in words)

    def _any_value(self, path: str, holds: Callable[[str], bool]) -> bool:
        return any(at == path and holds(value) for at, value in self._facts)

    def _related(self, condition: Related) -> bool | None:
        """What it declares is known; what others declare of it, and what lies beyond, is not."""
        is_out = condition.direction is Direction.OUT
        for source, relation, target in self._declared:
            near, far = (source, target) if is_out else (target, source)
            if relation == condition.relation and near == self._ref and (condition.targets is None or far in condition.targets):
                return True
        return None


def _first(decisive: bool, held: Iterable[bool | None]) -> bool | None:
    """`decisive` if any of them is; None if any is unknown; the opposite otherwise."""
    known = list(held)
    if decisive in known:
        return decisive
    return None if None in known else not decisive
