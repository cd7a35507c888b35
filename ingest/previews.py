"""Previews: what a target declares, read from its source as if nothing of it was known, and nothing kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from graph.access import Access
from graph.conditions import EVERYTHING
from graph.entities import Document, Edge
from graph.errors import InputError
from graph.matching import Edges, passes
from graph.redaction import references_of, without, without_references
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Batch, CatalogError, Location, Store
from ingest.files import decoded_content
from ingest.pipeline import rehearse
from ingest.problems import ErrorCode
from ingest.settings import IngestSettings

_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Declared:
    """A descriptor that a location declares, with the annotations that it gives it, and the edges that it declares."""

    ref: Ref
    document: Document
    edges: Edges


async def declared_by(location: Location, store: Store, settings: IngestSettings) -> Sequence[Declared]:
    """The descriptors that a location declares, in the order of their files.

    InputError, which names the places, if it can't be read, or anything in its files is not in order.
    """
    # By an id of its own nothing is known of the location, so that all of it is read.
    unknown = replace(location, id=f"preview {location.id}", read_at=None, error=None)
    report, batches = await rehearse(unknown, store, settings)
    problems = {error.id: error for batch in batches for error in batch.errors if error.location_id == unknown.id}
    wrong = [error for error in problems.values() if error.code != ErrorCode.CONFLICT]
    if wrong:
        raise InputError(_told(wrong))
    if report.location.error:
        raise InputError(f"{location.type}:{location.target} can't be read: {report.location.error}")
    found = {place: declared for batch in batches for place, declared in _declared(batch, unknown.id)}
    return [found[place] for place in sorted(found)]


async def shown_to(access: Access, declared: Sequence[Declared], store: Store, registry: RelationRegistry) -> Sequence[Document]:
    """The descriptors as the principal would see them in the catalog: those that it may see, without what is redacted.

    What can't be told of a descriptor alone, such as the system of its system, is taken from the stored entity, and denied without one.
    """
    visible = access.visible
    seen = declared
    if visible != EVERYTHING:
        stored = await store.entities_by_ref([one.ref for one in declared], visible=visible)
        seen = [one for one in declared if _may_be_seen(one, access, is_seen=one.ref in stored)]
    documents = [_redacted(one, access) for one in seen]
    if not access.hides_references:
        return documents
    named = sorted({ref for document in documents for ref in references_of(document, registry)})
    shown = {*await store.entities_by_ref(named, visible=visible), *(one.ref for one in seen)}
    return [without_references(document, registry, shown) for document in documents]


def _may_be_seen(one: Declared, access: Access, *, is_seen: bool) -> bool:
    passed = passes(access.visible, one.ref, one.document, one.edges)
    return is_seen if passed is None else passed


def _redacted(one: Declared, access: Access) -> Document:
    document = one.document
    for redaction in access.redactions:
        if passes(redaction.of, one.ref, one.document, one.edges) is not False:
            document = without(document, frozenset(redaction.paths))
    return document


def _declared(batch: Batch, location_id: str) -> Iterator[tuple[tuple[str, int, Ref], Declared]]:
    """What the batch holds of the location, whether it would be written or another location holds the ref."""
    written = {write.entity.ref: write for write in batch.writes if write.entity.origin.location_id == location_id}
    for claim in batch.claims:
        if claim.location_id != location_id:
            continue
        if claim.reading is not None:
            document, edges = decoded_content(claim.reading, claim.ref)[:2]
        elif claim.ref in written:
            document, edges = written[claim.ref].entity.document, written[claim.ref].declares
        else:
            continue
        yield (claim.path, claim.document, claim.ref), Declared(claim.ref, document, _ends(edges))


def _ends(edges: Sequence[Edge]) -> Edges:
    return frozenset((edge.source, edge.relation, edge.target) for edge in edges)


def _told(errors: Sequence[CatalogError]) -> str:
    ordered = sorted(errors, key=lambda error: (error.path, error.line or 0, error.column or 0))
    told = [f"{error.path}{f':{error.line}' if error.line else ''}: {error.message} {error.remedy}".strip() for error in ordered]
    more = f", and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return ", ".join(told[:_MOST_TOLD]) + more
