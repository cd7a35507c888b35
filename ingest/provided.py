"""Reads entities that come as documents rather than in files: each becomes the reading of a pseudo file of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import orjson

from graph.entities import Document, canonical_json, content_hash
from graph.refs import Ref
from graph.store import SourceFile
from ingest.check import Checked, checked, ref_in
from ingest.files import LOCATION_ANNOTATION, ORIGIN_ANNOTATION, FileReading, ReadEntity, encoded_content, ordered
from ingest.includes import IncludeError
from ingest.problems import ErrorCode, Problem, remedy_for
from ingest.rules import kinds_allowed
from ingest.settings import IngestSettings
from ingest.survey import DEEPEST, Path
from ingest.validate import MOST_FINDINGS, Finding
from plugins.contract import ProvidedEntity

ENTITY_SET = "provider"
"""The type of locations that stand for an entity set."""


@dataclass(frozen=True, slots=True)
class EntityProblem:
    """What is wrong with an entity given. `index` counts from 0 in the order given; `pointer` is a JSON Pointer into its document."""

    index: int
    ref: Ref | None
    pointer: str
    code: ErrorCode
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class GivenEntity:
    """An entity given, and what the pseudo file that stands for it is read as. `ref` is None if its document does not tell it."""

    path: str
    ref: Ref | None
    reading: FileReading
    problems: Sequence[EntityProblem] = ()


def source_of(path: str) -> str:
    """The source of the entity that the pseudo file stands for."""
    return path.rpartition("#")[0]


def read_provided(
    entities: Sequence[ProvidedEntity], name: str, records: Mapping[str, SourceFile], settings: IngestSettings
) -> list[GivenEntity]:
    """What each entity of the set is read as, in the order given. `records` are the stored records of the set's pseudo files."""
    reader = _Reader(name, settings, {ref: path for path, record in records.items() for ref in (*record.claims, *record.kept)})
    return [reader.read(index, entity) for index, entity in enumerate(entities)]


class _NoLines:
    """A document without a text has no lines; all of it is its first."""

    def spec_line(self, steps: Path) -> int:
        return 1


class _Reader:
    """Reads the entities of one set, one by one."""

    def __init__(self, name: str, settings: IngestSettings, places: Mapping[Ref, str]) -> None:
        self._name = name
        self._settings = settings
        self._places = places
        self._taken: set[str] = set()
        self._allowed = kinds_allowed(settings.rules, ENTITY_SET, name)
        self._fingerprint = f"{settings.fingerprint} {','.join(sorted(self._allowed))}"

    def read(self, index: int, entity: ProvidedEntity) -> GivenEntity:
        content, findings = _encoded(entity.document, self._settings.max_bytes)
        ref = ref_in(entity.document)
        path = self._path(entity.source, ref, content)
        found = self._checked(content, path) if not findings else Checked(ref, {}, (), findings)
        before = self._places.get(ref) if ref and found.findings else None
        # What is broken stays where it was when it was last in order.
        path = before if before and before not in self._taken else path
        self._taken.add(path)
        digest = content_hash(f"{self._fingerprint}\n{path}\n".encode() + content)
        problems = tuple(_problem(finding, ref) for finding in found.findings[:MOST_FINDINGS])
        told = [
            EntityProblem(index, ref, _pointer(finding.path), finding.code, problem.message, problem.remedy)
            for finding, problem in zip(found.findings, problems, strict=False)
        ]
        entities = () if found.findings or ref is None else (self._entity(ref, found, entity.source),)
        return GivenEntity(path, ref, FileReading(path, None, digest, entities, problems), told)

    def _path(self, source: str, ref: Ref | None, content: bytes) -> str:
        """The pseudo file's path; of several entities with one ref, each but the first has a number."""
        path = whole = f"{source}#{ref or content_hash(content)}"
        number = 1
        while path in self._taken:
            number += 1
            path = f"{whole} ({number})"
        return path

    def _checked(self, content: bytes, path: str) -> Checked:
        """The document by the rules of its kind. What was given stays as it is: the check works on a copy."""
        found = checked(orjson.loads(content), path, _NoLines(), _refuse if b'"$' in content else None, self._settings.reading)
        if found.findings or found.ref is None:
            return found
        kind = str(found.document["kind"])
        if kind.lower() not in self._allowed:
            message = f"{found.ref} is of kind {kind}, which the rules don't allow from {ENTITY_SET}:{self._name}"
            return Checked(found.ref, {}, (), [Finding(ErrorCode.KIND_NOT_ALLOWED, message, ("kind",))])
        if kind.lower() == "location":
            message = f"{found.ref} is a Location, and what a Location of an entity set leads to is not read."
            return Checked(found.ref, {}, (), [Finding(ErrorCode.UNSUPPORTED_LOCATION, message, ("kind",), remedy=_REGISTER)])
        return found

    def _entity(self, ref: Ref, found: Checked, source: str) -> ReadEntity:
        """The entity with the annotations that tell where it came from; it can't claim another place."""
        metadata = found.document["metadata"]
        declared: dict[str, str] = metadata.get("annotations") or {}
        set_name = f"{ENTITY_SET}:{self._name}"
        place = f"url:{source}" if source.startswith(("https://", "http://")) else source or set_name
        annotations = {**declared, LOCATION_ANNOTATION: place, ORIGIN_ANNOTATION: set_name}
        document = {**found.document, "metadata": {**metadata, "annotations": annotations}}
        return ReadEntity(ref, 0, 1, encoded_content(document, ordered(found.edges)))


_REGISTER = "Register what it leads to as a location of its own, or give the entities themselves."


def _encoded(document: Document, max_bytes: int) -> tuple[bytes, list[Finding]]:
    """The document as canonical JSON; what can't be said in JSON, or is too much, is found wrong."""
    try:
        content = canonical_json(document)
    except TypeError as error:
        if "Recursion" in str(error):
            return b"", [_too_deep()]
        message = f"The document can't be written as JSON: {error}."
        return b"", [Finding(ErrorCode.WRONG_TYPE, message, (), details={"expected": "JSON with Unicode text and 64-bit numbers"})]
    if len(content) > max_bytes:
        message = f"The document has {len(content)} bytes as JSON; {max_bytes} are allowed."
        return content, [Finding(ErrorCode.FILE_TOO_LARGE, message, ())]
    return content, [_too_deep()] if _is_deeper(document, DEEPEST) else []


def _too_deep() -> Finding:
    return Finding(ErrorCode.TOO_DEEP, f"The document nests deeper than {DEEPEST} levels.", (), details={"limit": DEEPEST})


def _is_deeper(value: object, levels: int) -> bool:
    """Whether the value nests deeper, walked level by level."""
    level = [value]
    for _ in range(levels):
        level = [below for above in level for below in _below(above) if isinstance(below, dict | list)]
        if not level:
            return False
    return True


def _below(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return list(cast("dict[str, object]", value).values())
    return cast("list[object]", value) if isinstance(value, list) else ()


def _refuse(target: str) -> bytes:
    raise IncludeError("an entity that comes as a document has no files beside it.", "Write the text itself in its place.")


def _problem(finding: Finding, ref: Ref | None) -> Problem:
    remedy = finding.remedy or remedy_for(finding.code, **finding.details)
    return Problem(finding.code, finding.message, remedy, 0, None, None, ref)


def _pointer(path: Path) -> str:
    """RFC 6901."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
