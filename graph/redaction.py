"""What a redaction takes out of documents and conditions: fields by their paths, and references to what is not seen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, cast

from config.errors import ConfigurationError
from config.permission import Permission
from graph.access import Redaction
from graph.conditions import (
    EVERYTHING,
    NOTHING,
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
    all_of,
)
from graph.entities import Document
from graph.errors import InputError, InvalidRefError
from graph.references import meant, written
from graph.refs import DEFAULT_NAMESPACE, Ref
from graph.relations import Declaration, RelationRegistry

_NEEDED = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
_TEXTS = ("metadata.title", "metadata.description", "metadata.tags")


def unredactable(path: str, registry: RelationRegistry) -> str | None:
    """Why a path can't be redacted: every entity needs what is there, or relations are declared there. None if it can be."""
    lower = path.lower()
    for needed in _NEEDED:
        if covered(needed.lower(), (lower,)):
            return f"every entity is told by its {needed}; redact single fields, or hide the entities"
    for field in sorted(declaring_paths(registry)):
        if covered(field, (lower,)) or covered(lower, (field,)):
            return f"{field} declares relations, which would still be told; hide the entities, or the references to what is hidden"
    return None


def check_redactions(permission: Permission, registry: RelationRegistry) -> None:
    """ConfigurationError if a policy redacts what can't be, among it the fields of configured relations."""
    for path in (path for rule in permission.redact for path in rule.fields):
        if reason := unredactable(path, registry):
            raise ConfigurationError("permission.redact", f"{path} can't be redacted: {reason}")


def declaring_paths(registry: RelationRegistry) -> frozenset[str]:
    """The fact paths (lower case) of the fields that declare relations."""
    return frozenset(f"spec.{declaration.field}".lower() for relation in registry for declaration in relation.declarations)


def covered(path: str, paths: Iterable[str]) -> bool:
    """Whether a fact path is one of the paths or lies below one."""
    return any(path == each or path.startswith(f"{each}.") for each in paths)


def without(document: Document, paths: AbstractSet[str]) -> Document:
    """The document without the fields at the paths (lower case) and below; itself where there are none."""
    return cast("Document", _without(document, "", paths)) if paths else document


def _without(value: object, at: str, paths: AbstractSet[str]) -> object:
    if isinstance(value, list):
        return [_without(item, at, paths) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    kept: dict[str, object] = {}
    for key, below in cast("dict[str, object]", value).items():
        path = f"{at}.{key.lower()}" if at else key.lower()
        if not covered(path, paths):
            kept[key] = _without(below, path, paths)
    return kept


def references_of(document: Document, registry: RelationRegistry) -> frozenset[Ref]:
    """The refs that the fields of relations mean."""
    found: set[Ref] = set()
    spec: Mapping[str, Any] = document.get("spec") or {}
    for _, declaration in registry.declared_by(document["kind"].lower()):
        for _, text in written(spec, declaration):
            found.update(_meant(text, declaration, document))
    return frozenset(found)


def without_references(document: Document, registry: RelationRegistry, shown: AbstractSet[Ref]) -> Document:
    """The document without the references in fields of relations that mean anything but the refs shown."""
    spec: dict[str, Any] = dict(document.get("spec") or {})
    changed = False
    for _, declaration in registry.declared_by(document["kind"].lower()):
        value = spec.get(declaration.field)
        if not value:
            continue
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        kept = [item for item in items if _is_shown(item, declaration, document, shown)]
        if len(kept) == len(items):
            continue
        changed = True
        if isinstance(value, list):
            spec[declaration.field] = kept
        else:
            del spec[declaration.field]
    return {**document, "spec": spec} if changed else document


def _is_shown(text: object, declaration: Declaration, document: Document, shown: AbstractSet[Ref]) -> bool:
    found = _meant(text, declaration, document)
    return bool(found) and all(ref in shown for ref in found)


def _meant(text: object, declaration: Declaration, document: Document) -> Sequence[Ref]:
    namespace = str(document["metadata"].get("namespace") or DEFAULT_NAMESPACE)
    try:
        return (meant(text, declaration, namespace),)
    except InvalidRefError:
        return ()


class RedactedConditions:
    """Conditions, orderings and facets as they read where some fields are redacted, and with `hides_references` those of relations."""

    def __init__(self, redactions: Sequence[Redaction], registry: RelationRegistry, *, hides_references: bool) -> None:
        self._redactions = redactions
        self._declaring = declaring_paths(registry) if hides_references else frozenset[str]()
        self._hides_references = hides_references

    def of(self, condition: Condition) -> Condition:
        """A filter that holds as if what is redacted was not there. InputError where it asks for the text of references."""
        match condition:
            case FactIn(path) | FactExists(path) | FactHasPrefix(path) | FactContains(path):
                return self.where_shown(condition, path)
            case TextContains():
                return self._text(condition)
            case Related() | RefIn() | IsOrphan() | HasErrors() | OnWholeGraph():
                seeing = isinstance(condition, Related) and self._hides_references
                return replace(condition, seen=True) if seeing else condition
            case All(of):
                return All(tuple(map(self.of, of)))
            case AnyOf(of):
                return AnyOf(tuple(map(self.of, of)))
            case Not(of):
                return Not(self.of(of))

    def where_shown(self, condition: Condition, path: str) -> Condition:
        """The condition, but only of entities that show what is at the path. InputError where that is the text of references."""
        if covered(path, self._declaring):
            raise InputError(
                f"`{path}` names other entities, and those that you do not see are left out of it, so that it can't be filtered, counted "
                "or sorted by; ask for the relation instead, such as `relations.ownedBy`"
            )
        hiding = self._hiding(lambda paths: covered(path, paths))
        return condition if hiding == NOTHING else all_of((condition, _unless(hiding)))

    def is_redacted(self, path: str) -> bool:
        """Whether a redaction takes out what is at the path, of whatever entities."""
        return any(covered(path, redaction.paths) for redaction in self._redactions)

    def refuse_order(self, path: str) -> None:
        """InputError for an ordering by what is redacted, whoever of: the order would tell of it."""
        self.where_shown(EVERYTHING, path)
        if self.is_redacted(path):
            raise InputError(f"`{path}` is redacted for you, so that nothing can be sorted by it; sort by something else")

    def _text(self, condition: TextContains) -> Condition:
        hiding = self._hiding(lambda paths: any(covered(text, paths) for text in _TEXTS))
        if hiding == NOTHING or condition.ref_alone:
            return condition
        by_ref = TextContains(condition.words, ref_alone=True)
        return AnyOf((by_ref, all_of((condition, _unless(hiding)))))

    def _hiding(self, concerns: Callable[[Sequence[str]], bool]) -> Condition:
        of = tuple(redaction.of for redaction in self._redactions if concerns(redaction.paths))
        return EVERYTHING if EVERYTHING in of else AnyOf(of)


def _unless(hiding: Condition) -> Condition:
    return NOTHING if hiding == EVERYTHING else Not(OnWholeGraph(hiding))
