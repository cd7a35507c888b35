"""Registering: whether a location may be read, what it would bring, and whether a document is in order."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.catalog import holds_credentials
from graph.errors import ForbiddenError, InputError
from graph.store import Batch, CatalogError, EntityWrite, Location, Operation, Store
from ingest.globs import fixed_folder, is_pattern
from ingest.includes import IncludeError
from ingest.lifecycle import REGISTERED, PlannedEntity, ValidatedDocuments
from ingest.pipeline import location_of, rehearse
from ingest.problems import ErrorCode, Problem, remedy_for
from ingest.reading import read_documents
from ingest.rules import kinds_allowed
from ingest.settings import IngestSettings

LAST = 1_000_000
"""The `order` of registered locations: among claims new at one time, configured locations come first."""

TYPES = ("file", "url")
"""The types of locations that may be registered."""

_MOST_TARGET = 4000


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What reading a location would bring. `failure` says why it can't be read at all."""

    entities: Sequence[PlannedEntity]
    problems: Sequence[CatalogError]
    failure: str | None


def location_to_register(type: str, target: str, file_roots: Sequence[str]) -> Location:
    """The location of a target that may be registered. InputError if it is none, ForbiddenError if it lies outside of `file_roots`."""
    if type not in TYPES:
        raise InputError(f"`type` is {type!r}; locations of type {' or '.join(TYPES)} can be registered")
    if not target.strip() or len(target) > _MOST_TARGET or not target.isprintable():
        raise InputError("`target` has to be a path or URL, on one line")
    if type == "url":
        if "://" not in target and "@" not in target:
            raise InputError("`target` has to be an absolute URL, as https://host/owner/repository/blob/main/catalog-info.yaml")
        if holds_credentials(target):
            raise InputError("`target` must hold no credentials: it is shown to everybody; they are configured under integrations")
        return location_of(type, target, origin=REGISTERED, order=LAST)
    if not target.startswith("/"):
        raise InputError("`target` has to be an absolute path on the server")
    path = os.path.normpath(target)
    _demand_allowed(path, file_roots)
    return location_of(type, path, origin=REGISTERED, order=LAST)


def _demand_allowed(path: str, file_roots: Sequence[str]) -> None:
    """What is refused is refused alike, whether anything is there or not."""
    real = Path(os.path.realpath(fixed_folder(path) if is_pattern(path) else path))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in file_roots):
        raise ForbiddenError(
            "Files may be registered only below the folders that catalog.registration.fileRoots names, and this is not one."
        )


async def rehearsed(location: Location, store: Store, settings: IngestSettings) -> Rehearsal:
    """What a first read of the location would write and report; nothing is written."""
    report, batches = await rehearse(location, store, settings)
    planned = {entity.ref: entity for batch in batches for entity in _planned(batch, location)}
    problems = {error.id: error for batch in batches for error in batch.errors if error.location_id == location.id}
    ordered = sorted(problems.values(), key=lambda error: (error.path, error.line or 0, error.column or 0, error.id))
    return Rehearsal([planned[ref] for ref in sorted(planned)], ordered, report.location.error)


def _planned(batch: Batch, location: Location) -> Iterator[PlannedEntity]:
    writes: dict[str, EntityWrite] = {write.entity.ref: write for write in batch.writes}
    for claim in batch.claims:
        if claim.location_id == location.id:
            write = writes.get(claim.ref)
            operation = None if write is None else Operation.CREATED if write.previous_hash is None else Operation.UPDATED
            yield PlannedEntity(claim.ref, operation, claim.path, claim.line)


def validated(document: str, location: str | None, settings: IngestSettings) -> ValidatedDocuments:
    """The entities of a text and what is wrong with it, as if it were a catalog file. InputError if the location is no `type:target`.

    Files that placeholders name can't be looked at here, which is told as a problem.
    """
    type_, colon, target = (location or "").partition(":")
    if location is not None and not (type_ and colon and target):
        raise InputError("`location` has to be type:target, such as url:https://host/owner/repository/blob/main/catalog-info.yaml")
    allowed = kinds_allowed(settings.rules, type_, target) if location is not None else None
    path = target or "document"
    reading = read_documents(document.encode(errors="surrogatepass"), path, _not_followed, settings.reading)
    problems = [_error(problem, path) for problem in reading.problems]
    refs = list(dict.fromkeys(read.ref for read in reading.documents))
    for read in reading.documents:
        if allowed is not None and str(read.document["kind"]).lower() not in allowed:
            code = ErrorCode.KIND_NOT_ALLOWED
            message = f"{read.ref} is of kind {read.document['kind']}, which the rules don't allow from {location}"
            problems.append(_error(Problem(code, message, remedy_for(code), read.index, read.line, 1, read.ref), path))
            refs.remove(read.ref)
    return ValidatedDocuments(refs, sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))


def _not_followed(target: str) -> bytes:
    raise IncludeError(
        f"{target} can't be looked at while a single document is validated", "Validate the whole folder by `callboard validate`."
    )


def _error(problem: Problem, path: str) -> CatalogError:
    return CatalogError(
        "", path, problem.code, problem.message, problem.remedy, problem.document, problem.line, problem.column, problem.ref
    )
