"""Reads one catalog file: every document in it becomes an entity with its edges, or problems that name their places."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from graph.entities import Edge
from graph.refs import DEFAULT_NAMESPACE, EntityRef, Ref
from ingest.check import ReadingSettings, checked
from ingest.documents import DocumentText, decoded, split
from ingest.includes import Include, IncludeError
from ingest.parse import RefusedError, parse, refuse_bare_expression
from ingest.places import Places
from ingest.problems import ErrorCode, Problem, remedy_for
from ingest.survey import DEEPEST
from ingest.validate import MOST_FINDINGS, Finding

__all__ = ["Include", "IncludeError", "ReadDocument", "Reading", "ReadingSettings", "read_documents"]

_KIND = re.compile(r"^kind:[ \t]*[\"']?([A-Za-z][A-Za-z0-9]*)", re.MULTILINE)
_METADATA = re.compile(r"^metadata:[ \t]*(?:#[^\n]*)?\n((?:[ \t]+[^\n]*\n|[ \t]*\n|#[^\n]*\n)+)", re.MULTILINE)
_NAMED = re.compile(r"^ +(name|namespace):[ \t]*[\"']?([A-Za-z0-9][-A-Za-z0-9_.]*)", re.MULTILINE)
# Bytes that an entity takes at least, or nearly so, so that no file of entities is stopped.
_LEAST_ENTITY = 100


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document in order: valid, placeholders replaced, otherwise as declared. `index` counts from 0, `line` from 1."""

    ref: Ref
    document: dict[str, Any]
    index: int
    line: int
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file holds. `includes` are the targets that placeholders named, read or not, each once."""

    documents: tuple[ReadDocument, ...]
    problems: tuple[Problem, ...]
    includes: tuple[str, ...] = ()


def read_documents(content: bytes, path: str, include: Include, settings: ReadingSettings) -> Reading:
    """Every document of the file, or its problems; a bad document does not touch the others. Never raises for what the file holds.

    `path` becomes the place in evidence. `include` resolves the targets of placeholders.
    """
    if len(content) > settings.max_bytes:
        message = f"The file has {len(content)} bytes; {settings.max_bytes} are allowed."
        problem = Problem(ErrorCode.FILE_TOO_LARGE, message, remedy_for(ErrorCode.FILE_TOO_LARGE), None, 1, 1)
        return Reading((), (problem,))
    file = _File(path, include, settings)
    for index, text in enumerate(split(decoded(content))):
        if index >= settings.max_bytes // _LEAST_ENTITY:
            file.stop(text, index)
            break
        file.read(text, index)
    return Reading(tuple(file.documents), tuple(file.problems), tuple(file.includes))


class _File:
    """The reading of one file while it lasts."""

    def __init__(self, path: str, include: Include, settings: ReadingSettings) -> None:
        self._path = path
        self._include = include
        self._settings = settings
        self.documents: list[ReadDocument] = []
        self.problems: list[Problem] = []
        self.includes: dict[str, None] = {}

    def read(self, text: DocumentText, index: int) -> None:
        places = Places(text)
        try:
            value = parse(text, places)
            refuse_bare_expression(text, value)
        except RefusedError as error:
            remedy = remedy_for(error.code, **{"limit": DEEPEST, **error.details})
            self.problems.append(Problem(error.code, error.message, remedy, index, *error.place, _guessed_ref(text.text)))
            return
        if value.json is None:
            return
        if not isinstance(value.json, dict):
            message = f"The document is {'a list' if isinstance(value.json, list) else 'a scalar'}, and an entity is a mapping."
            self._report([Finding(ErrorCode.NOT_AN_OBJECT, message, ())], index, places, None)
            return
        self._entity(cast("dict[str, Any]", value.json), text, index, places)

    def stop(self, text: DocumentText, index: int) -> None:
        """Refuses the document and all that follow it."""
        message = f"The file holds more than {index} documents; this one and those that follow are not read."
        remedy = remedy_for(ErrorCode.TOO_MANY_DOCUMENTS)
        self.problems.append(Problem(ErrorCode.TOO_MANY_DOCUMENTS, message, remedy, index, text.line, 1))

    def _entity(self, document: dict[str, Any], text: DocumentText, index: int, places: Places) -> None:
        include = self._read if "$" in text.text else None
        found = checked(document, self._path, places, include, self._settings)
        if found.findings or found.ref is None:
            self._report(found.findings, index, places, found.ref)
            return
        self.documents.append(ReadDocument(found.ref, found.document, index, places.first_line, found.edges))

    def _read(self, target: str) -> bytes:
        self.includes[target] = None
        return self._include(target)

    def _report(self, findings: Sequence[Finding], index: int, places: Places, ref: Ref | None) -> None:
        for finding in findings[:MOST_FINDINGS]:
            place = places.of(finding.path)
            remedy = finding.remedy or remedy_for(finding.code, **finding.details)
            self.problems.append(Problem(finding.code, finding.message, remedy, index, *place, ref))


def _guessed_ref(text: str) -> Ref | None:
    """The ref that a document which can't be parsed most likely declares, so that its error is found beside its entity."""
    kind, metadata = _KIND.search(text), _METADATA.search(text)
    if kind is None or metadata is None:
        return None
    named = {found[1]: found[2] for found in _NAMED.finditer(metadata[1])}
    return EntityRef(kind[1], named.get("namespace", DEFAULT_NAMESPACE), named["name"]).ref if "name" in named else None
