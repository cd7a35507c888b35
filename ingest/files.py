"""Reading the files of one location: bytes in, documents in bytes out. Pure but for the reader, so that any process can do it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

from graph.entities import Description, Document, Edge, Evidence, described
from graph.refs import Ref
from ingest.problems import ErrorCode, Problem, remedy_for
from ingest.readers import Reader, ReadError
from ingest.reading import IncludeError, ReadDocument, ReadingSettings, read_documents
from ingest.targets import Target, targets_of, type_of

LOCATION_ANNOTATION = "backstage.io/managed-by-location"
ORIGIN_ANNOTATION = "backstage.io/managed-by-origin-location"


@dataclass(frozen=True, slots=True)
class FileContext:
    """What reading a location's files needs. `origin` is its `type:target`; `allowed` holds the kinds (lower case) that it may add.

    `types` are those of the locations that it may lead to. `fingerprint` stands for every setting that a reading depends on: another
    one makes every file be read again.
    """

    type: str
    origin: str
    reader: Reader
    reading: ReadingSettings
    allowed: frozenset[str]
    fingerprint: str
    types: frozenset[str] = frozenset({"file"})


@dataclass(frozen=True, slots=True)
class FileJob:
    """A file to read: what led to it, and what is stored of its last reading (an empty digest: nothing)."""

    path: str
    parent: Ref | None
    digest: str = ""
    includes: Sequence[str] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ReadEntity:
    """A document of a file that became an entity. `content` is what `decoded_content` reads."""

    ref: Ref
    document: int
    line: int
    content: bytes


@dataclass(frozen=True, slots=True)
class FileReading:
    """What a file was read as. `targets` are resolved. `failure` says that the file itself could not be had."""

    path: str
    parent: Ref | None
    digest: str
    entities: Sequence[ReadEntity] = ()
    problems: Sequence[Problem] = ()
    includes: Sequence[str] = ()
    targets: Sequence[Target] = ()
    failure: ReadError | None = None


def read_file(job: FileJob, context: FileContext) -> FileReading | None:
    """What the file is read as; None if it and everything that its reading depends on is what it was last time."""
    try:
        content = context.reader.read(job.path)
    except ReadError as failure:
        return failed_reading(job, failure, context.fingerprint)
    if job.digest:
        includes = _Includes(job.path, context.reader)
        for path in job.includes:
            includes.fetch(path)
        if _digest(job, context.fingerprint, content, includes.seen) == job.digest:
            return None
    return _read_content(job, content, context)


def failed_reading(job: FileJob, failure: ReadError, fingerprint: str) -> FileReading | None:
    """The reading of a file that can't be had; None if it could not be had last time for the same reason."""
    digest = _digest(job, fingerprint, f"{failure.reason} {failure.message} {job.optional}".encode(), {})
    return None if digest == job.digest else FileReading(job.path, job.parent, digest, failure=failure)


def decoded_content(content: bytes, ref: Ref) -> tuple[Document, tuple[Edge, ...], Description | None]:
    """The document, the edges that it declares and its description, if it was written down, from the bytes of a reading."""
    document, written, *description = orjson.loads(content)
    edges = tuple(
        [
            Edge(source, relation, target, tuple([Evidence(ref, *evidence) for evidence in evidences]))
            for source, relation, target, evidences in written
        ]
    )
    return document, edges, Description(*description) if description else None


def encoded_content(document: Document, edges: Sequence[Edge], description: Description | None = None) -> bytes:
    """The bytes of a reading: canonical where the document and the edges are."""
    written = [(e.source, e.relation, e.target, [_evidence(one) for one in e.evidence]) for e in edges]
    return orjson.dumps([document, written, *((description.hash, description.shown) if description else ())])


def without_description(content: bytes) -> bytes:
    """The bytes of a reading as they are kept: a later Callboard may describe the document otherwise."""
    return orjson.dumps(orjson.loads(content)[:2])


def _evidence(evidence: Evidence) -> tuple[str, str, int, bool, float]:
    return (evidence.field, evidence.path, evidence.line, evidence.inferred, evidence.confidence)


def _read_content(job: FileJob, content: bytes, context: FileContext) -> FileReading:
    includes = _Includes(job.path, context.reader)
    reading = read_documents(content, job.path, includes, context.reading)
    entities: list[ReadEntity] = []
    targets: list[Target] = []
    problems = list(reading.problems)
    for document in reading.documents:
        kind = str(document.document["kind"]).lower()
        if kind not in context.allowed:
            problems.append(_not_allowed(document, context))
            continue
        for target in _resolved(document, job.path, context) if kind == "location" else ():
            if target.type == "file" and type_of(job.path) == "url":
                problems.append(_leads_to_files(document, target))
            else:
                targets.append(target)
        annotated = _annotated(document.document, job.path, context)
        # Described here, where it may be done by a process that only reads, and not by the one that writes.
        encoded = encoded_content(annotated, ordered(document.edges), described(annotated))
        entities.append(ReadEntity(document.ref, document.index, document.line, encoded))
    digest = _digest(job, context.fingerprint, content, includes.seen)
    return FileReading(job.path, job.parent, digest, entities, problems, tuple(includes.seen), targets)


def _not_allowed(document: ReadDocument, context: FileContext) -> Problem:
    code = ErrorCode.KIND_NOT_ALLOWED
    message = f"{document.ref} is of kind {document.document['kind']}, which the rules don't allow from {context.origin}"
    return Problem(code, message, remedy_for(code), document.index, document.line, 1, document.ref)


def _leads_to_files(document: ReadDocument, target: Target) -> Problem:
    code = ErrorCode.OUTSIDE_ROOT
    message = f"{document.ref} comes from a URL and can't lead to {target.target}, a file of this machine"
    return Problem(code, message, "Leave out spec.type, and the target is one of the same repository.", document.index, document.line, 1)


def _resolved(document: ReadDocument, path: str, context: FileContext) -> Iterator[Target]:
    here = type_of(path)
    for target in targets_of(document.ref, document.document, here):
        own = target.type == here
        yield Target(target.type, context.reader.resolve(path, target.target), target.by, target.optional) if own else target


def _annotated(document: Document, path: str, context: FileContext) -> Document:
    """The document with the annotations that tell where it came from; a file can't claim another place."""
    metadata = document["metadata"]
    declared: dict[str, str] = metadata.get("annotations") or {}
    places = {LOCATION_ANNOTATION: f"{type_of(path)}:{path}", ORIGIN_ANNOTATION: context.origin}
    annotations = {**context.reader.annotations(path), **declared, **places}
    return {**document, "metadata": {**metadata, "annotations": annotations}}


def ordered(edges: Sequence[Edge]) -> list[Edge]:
    """The edges by (source, relation, target), as the store gives them back; of a field that says a thing twice, its first line."""
    evidence: dict[tuple[Ref, str, Ref], dict[str, Evidence]] = {}
    for edge in edges:
        fields = evidence.setdefault((edge.source, edge.relation, edge.target), {})
        for one in edge.evidence:
            fields.setdefault(one.field, one)
    return [Edge(*ends, tuple(fields[name] for name in sorted(fields))) for ends, fields in sorted(evidence.items())]


def _digest(job: FileJob, fingerprint: str, content: bytes, includes: Mapping[str, bytes]) -> str:
    digest = blake2b(f"{fingerprint}\n{job.parent or ''}\n".encode(), digest_size=16)
    for path, part in (("", content), *includes.items()):
        digest.update(f"{path}\n".encode(errors="surrogateescape"))
        digest.update(blake2b(part, digest_size=16).digest())
    return digest.hexdigest()


@dataclass(slots=True)
class _Includes:
    """What placeholders of a file name, remembered by path: the content, or why there is none."""

    path: str
    reader: Reader
    seen: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def __call__(self, target: str) -> bytes:
        if "://" in target:
            raise IncludeError(f"{target} is not a relative path", "Put the text into a file beside this one and name that.")
        return self._content(self.reader.resolve(self.path, target))

    def fetch(self, path: str) -> None:
        """Remember the content of a path that was included last time."""
        try:
            self._content(path)
        except IncludeError:
            return

    def _content(self, path: str) -> bytes:
        try:
            content = self.seen[path] = self.reader.read(path)
        except ReadError as failure:
            self.seen[path] = f"{failure.reason} {failure.message}".encode()
            raise IncludeError(failure.message, failure.remedy) from failure
        return content
