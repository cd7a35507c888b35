"""Previews: what a target declares, read from its source as if nothing of it was known, and nothing kept."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from graph.entities import Document
from graph.errors import InputError
from graph.refs import Ref
from graph.store import Batch, CatalogError, Location, Store
from ingest.files import decoded_content
from ingest.pipeline import rehearse
from ingest.problems import ErrorCode
from ingest.settings import IngestSettings

_MOST_TOLD = 10


async def documents_of(location: Location, store: Store, settings: IngestSettings) -> Sequence[Document]:
    """The descriptors that a location declares, with the annotations that it gives them, in the order of their files.

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
    found = {place: document for batch in batches for place, document in _declared(batch, unknown.id)}
    return [found[place] for place in sorted(found)]


def _declared(batch: Batch, location_id: str) -> Iterator[tuple[tuple[str, int, Ref], Document]]:
    """What the batch holds of the location, whether it would be written or another location holds the ref."""
    written = {write.entity.ref: write.entity for write in batch.writes if write.entity.origin.location_id == location_id}
    for claim in batch.claims:
        if claim.location_id != location_id:
            continue
        if claim.reading is not None:
            yield (claim.path, claim.document, claim.ref), decoded_content(claim.reading, claim.ref)[0]
        elif claim.ref in written:
            yield (claim.path, claim.document, claim.ref), written[claim.ref].document


def _told(errors: Sequence[CatalogError]) -> str:
    ordered = sorted(errors, key=lambda error: (error.path, error.line or 0, error.column or 0))
    told = [f"{error.path}{f':{error.line}' if error.line else ''}: {error.message} {error.remedy}".strip() for error in ordered]
    more = f", and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return ", ".join(told[:_MOST_TOLD]) + more
