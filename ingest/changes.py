"""What a new reading means for a file: what it claims now, what it keeps although it is broken, and the errors to show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from graph.refs import Ref
from graph.store import CatalogError, Claim, SourceFile
from ingest.files import FileReading
from ingest.problems import ErrorCode
from ingest.targets import decoded

_HARMLESS = frozenset({ErrorCode.KIND_NOT_ALLOWED, ErrorCode.SOURCE_RENAMED})
"""Problems of files that are in order all the same."""


@dataclass(frozen=True)
class FileChange:
    """A file that is read anew, beside its stored record. `reading` None: no target leads to it any more."""

    location_id: str
    path: str
    reading: FileReading | None
    before: SourceFile | None

    @cached_property
    def previous(self) -> tuple[Ref, ...]:
        """The refs that the file stood for until now."""
        return (*self.before.claims, *self.before.kept) if self.before else ()

    @cached_property
    def declared(self) -> tuple[Ref, ...]:
        """The refs that the file declares now, in its order."""
        return tuple(dict.fromkeys(entity.ref for entity in self.reading.entities)) if self.reading else ()

    @cached_property
    def kept(self) -> tuple[Ref, ...]:
        """The refs that the file declared when it was last in order, and that a broken part of it may still mean to declare."""
        if self.reading is None or not self._broken:
            return ()
        refused = {problem.ref for problem in self.reading.problems if problem.code is ErrorCode.KIND_NOT_ALLOWED}
        gone = refused.union(self.declared)
        return tuple(dict.fromkeys(ref for ref in self.previous if ref not in gone))

    @cached_property
    def _broken(self) -> bool:
        reading = self.reading
        if reading is None:
            return False
        return reading.failure is not None or any(p.code not in _HARMLESS for p in reading.problems)

    @cached_property
    def record(self) -> SourceFile | None:
        """The record to store; None for a file to be forgotten. What a kept Location entity led to is kept with it."""
        reading = self.reading
        if reading is None:
            return None
        kept = self.kept
        targets = [target.encoded() for target in reading.targets]
        targets += [text for text in (self.before.targets if self.before else ()) if decoded(text).by in kept]
        return SourceFile(
            self.location_id, self.path, reading.digest, tuple(reading.includes), targets, reading.parent, self.declared, kept
        )

    def claims(self, stored: Mapping[Ref, Sequence[Claim]]) -> Iterator[Claim]:
        """Every claim of the file, those of what it keeps as they are stored; `reading` is set where the document was read now."""
        for entity in self.reading.entities if self.reading else ():
            yield Claim(entity.ref, self.location_id, self.path, entity.document, entity.line, entity.content)
        for ref in self.kept:
            yield from (claim for claim in stored.get(ref, ()) if (claim.location_id, claim.path) == (self.location_id, self.path))

    def errors(self, claims: Sequence[Claim]) -> list[CatalogError]:
        """The errors of the reading. Each kept ref has one at least: that of its document, or the first that names no entity."""
        if self.reading is None or not (self.reading.failure or self.reading.problems or self.kept):
            return []
        errors = list(self._problems())
        kept = set(self.kept)
        by_document = {claim.document: claim.ref for claim in claims if claim.ref in kept}
        errors = [replace(e, ref=by_document.get(e.document)) if e.ref is None and e.document is not None else e for e in errors]
        silent = sorted(kept.difference(error.ref for error in errors if error.ref))
        general = next((error for error in errors if error.ref is None), errors[0] if errors else None)
        if general and silent:
            errors += [replace(general, ref=ref) for ref in silent]
            errors = [error for error in errors if error is not general or error.ref]
        return [error if error.ref or not self.reading.failure else replace(error, ref=self.reading.parent) for error in errors]

    def _problems(self) -> Iterator[CatalogError]:
        reading = self.reading
        if reading is None:
            return
        if reading.failure:
            yield CatalogError(self.location_id, self.path, reading.failure.reason, reading.failure.message, reading.failure.remedy)
        for problem in reading.problems:
            yield CatalogError(
                self.location_id,
                self.path,
                problem.code,
                problem.message,
                problem.remedy,
                problem.document,
                problem.line,
                problem.column,
                problem.ref,
            )
