"""What one principal may find: the conditions by type of document, the texts that are searched for them, and their filters and facets."""

from collections.abc import Iterable, Mapping, Sequence

from graph.access import Access, Action
from graph.conditions import EVERYTHING, NOTHING, Condition, Related, all_of, fact_in
from graph.errors import InputError, InvalidRefError
from graph.policy import both
from graph.redaction import RedactedConditions, covered
from graph.refs import Ref, parse_ref
from graph.relations import Direction, RelationRegistry
from plugins.contract import TextField
from workers.search.collators.sections import SECTION
from workers.search.index import FACETS
from workers.search.sources import ENTITY_PATHS, FACET_PATHS

DOCUMENT_TYPE = "documentType"
OWNER = "owner"

_FILTER_PATHS = {name: path for name, path in FACET_PATHS.items() if name != OWNER}
_MOST_VALUES = 100


class Restrictions:
    """The restrictions of one principal. `types` are those of documents, with the paths that all of their texts tell of; None for what
    belongs to no entity, which whoever may search finds.
    """

    def __init__(self, access: Access, registry: RelationRegistry, types: Mapping[str, Sequence[str] | None]) -> None:
        self._access = access
        self._types = types
        self._redacted = tuple(path for redaction in access.redactions for path in redaction.paths)
        self._conditions = RedactedConditions(access.redactions, registry, hides_references=access.hides_references)

    @property
    def needs_current_index(self) -> bool:
        """Whether something may be hidden from the principal, so that an index that is behind could show it."""
        return not self._access.sees_everything

    def visible(self, wanted: Sequence[str] | None) -> Mapping[str, Condition]:
        """By type of document, of which entities they may be found; with `wanted` only of those types."""
        chosen = None if wanted is None else {name.lower() for name in wanted}
        found = {
            name: both((self._access.visible, self._access.on(Action.DOCS_READ))) if name == SECTION else self._access.visible
            for name, paths in self._types.items()
            if (chosen is None or name.lower() in chosen) and not self._tell_of_redacted(paths or ())
        }
        return {name: condition for name, condition in found.items() if condition != NOTHING or self._types[name] is None}

    def fields(self) -> frozenset[TextField]:
        """The texts that may be searched and shown: a redaction of any entity's takes out that of all."""
        hidden = {name for name, paths in ENTITY_PATHS.items() if self._tell_of_redacted(paths)}
        if self._access.hides_references:
            hidden.add(TextField.REFERENCES)
        for name, action in ((TextField.PARAMETERS, Action.TEMPLATE_PARAMETERS_READ), (TextField.STEPS, Action.TEMPLATE_STEPS_READ)):
            if self._access.on(action) not in (EVERYTHING, self._access.visible):
                hidden.add(name)
        return frozenset(TextField) - hidden

    def facets(self) -> Sequence[str]:
        """What may be counted by."""
        return [name for name in FACETS if not (path := FACET_PATHS.get(name)) or not self._tell_of_redacted((path,))]

    def filter(self, filters: Mapping[str, Sequence[str]], owners: Sequence[Ref] | None) -> Condition:
        """What the filters mean, as if what is redacted was not there."""
        of_facts = [self._conditions.of(fact) for fact in _facts(filters)]
        return all_of((*of_facts, *_owned_by(owners)))

    def _tell_of_redacted(self, paths: Iterable[str]) -> bool:
        return any(covered(path, self._redacted) or any(covered(redacted, (path,)) for redacted in self._redacted) for path in paths)


def owners_asked(texts: Sequence[str]) -> Sequence[Ref]:
    """The refs of owners in a filter; a bare name is a group. InputError if one is no ref."""
    try:
        return sorted({parse_ref(text, default_kind="group").ref for text in texts})
    except InvalidRefError as error:
        raise InvalidRefError(f"`owner`: {error}") from error


def check_filters(filters: Mapping[str, Sequence[str]]) -> None:
    """InputError for a filter with too many values."""
    for name, values in filters.items():
        if len(values) > _MOST_VALUES:
            raise InputError(f"`{name}` has {len(values)} values; a search takes {_MOST_VALUES} at most")


def unredacted_filter(filters: Mapping[str, Sequence[str]], owners: Sequence[Ref] | None) -> Condition:
    """What the filters mean on a store that redacts by itself."""
    return all_of((*_facts(filters), *_owned_by(owners)))


def _facts(filters: Mapping[str, Sequence[str]]) -> Sequence[Condition]:
    return [fact_in(path, filters[name]) for name, path in _FILTER_PATHS.items() if name in filters]


def _owned_by(owners: Sequence[Ref] | None) -> Sequence[Condition]:
    return () if owners is None else (Related("ownedBy", Direction.OUT, tuple(owners)),)
