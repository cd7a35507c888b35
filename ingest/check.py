"""Checks a parsed document and finds its edges: the rules that hold wherever a document comes from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from graph.entities import Edge
from graph.refs import DEFAULT_NAMESPACE, EntityRef, Ref
from graph.relations import RelationRegistry
from ingest.includes import Include
from ingest.kinds import ConfiguredKind, KindRules, rules_of
from ingest.placeholders import substituted
from ingest.problems import ErrorCode
from ingest.processors import Processors, edges_with, processed
from ingest.relate import Lines, relations_of
from ingest.survey import Path
from ingest.validate import Finding, findings_of

_NO_ANNOTATIONS = (None, False, 0, "")
_PLAIN = re.compile(r"\w+ [\w.-]+ [\w. -]+")


@dataclass(frozen=True)
class ReadingSettings:
    """What reading depends on beside the file: configured kinds, the relations, the size of file that is refused, and processors."""

    kinds: tuple[ConfiguredKind, ...]
    registry: RelationRegistry
    max_bytes: int = 10 * 1024 * 1024
    processors: Processors = field(default_factory=Processors)

    @cached_property
    def rules(self) -> KindRules:
        """Compiled once per process. InvalidSchemaError if a configured kind has an invalid JSON Schema."""
        return rules_of(self.kinds)

    def __reduce__(self) -> tuple[type["ReadingSettings"], tuple[object, ...]]:
        return ReadingSettings, (self.kinds, self.registry, self.max_bytes, self.processors)


@dataclass(frozen=True, slots=True)
class Checked:
    """A document as it shall be stored, and its edges; or what is wrong with it. `ref` is None if its parts can't be told."""

    ref: Ref | None
    document: dict[str, Any]
    edges: tuple[Edge, ...] = ()
    findings: Sequence[Finding] = ()


def checked(document: dict[str, Any], path: str, lines: Lines, include: Include | None, settings: ReadingSettings) -> Checked:
    """The document with placeholders replaced, checked by the rules of its kind and related. `path` and `lines` become evidence.

    `include` resolves the targets of placeholders; None where the document has none.
    """
    ref = ref_in(document)
    findings: Sequence[Finding] = ()
    if ref is not None:
        # As in Backstage, annotations that are null or so count as none, while other fields that are null are errors.
        if document["metadata"].get("annotations", True) in _NO_ANNOTATIONS:
            del document["metadata"]["annotations"]
        if include is not None:
            document, findings = substituted(document, include)
    findings = [*findings, *_besides(findings_of(document, settings.rules), findings)]
    if findings and not _is_relatable(document):
        return Checked(ref, document, (), findings)
    related = relations_of(document, ref or Ref(""), path, settings.registry, lines)
    if ref is None or findings or related.findings:
        return Checked(ref, document, (), [*findings, *_besides(related.findings, findings)])
    found = Checked(ref, document, related.edges)
    return _processed(found, ref, path, lines, settings) if settings.processors.all else found


def _processed(found: Checked, ref: Ref, path: str, lines: Lines, settings: ReadingSettings) -> Checked:
    """What the processors make of a document in order, which has to be in order afterwards and to stay the same entity."""
    document, relations, findings = processed(settings.processors.all, ref, found.document, path)
    edges = found.edges
    if not findings and document != found.document:
        findings = findings_of(document, settings.rules)
        if ref_in(document) != ref:
            findings = [Finding(ErrorCode.PROCESSOR_REFUSED, "a processor changed the kind, namespace or name.", ())]
        if not findings:
            related = relations_of(document, ref, path, settings.registry, lines)
            edges, findings = related.edges, list(related.findings)
    if findings:
        return Checked(ref, found.document, (), findings)
    edges, findings = edges_with(edges, relations, ref, path, settings.registry)
    return Checked(ref, document, edges, findings)


def ref_in(document: Mapping[str, Any]) -> Ref | None:
    """The ref of a document that is not in order, where its parts are text at least."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return None
    entries = cast("dict[str, object]", metadata)
    kind, name, namespace = document.get("kind"), entries.get("name"), entries.get("namespace") or DEFAULT_NAMESPACE
    if isinstance(kind, str) and isinstance(name, str) and isinstance(namespace, str) and _PLAIN.fullmatch(f"{kind} {namespace} {name}"):
        return EntityRef(kind, namespace, name).ref
    return None


def _is_relatable(document: Mapping[str, Any]) -> bool:
    """Whether the refs in a document that is not in order can be looked at all the same."""
    return isinstance(document.get("kind"), str) and isinstance(document.get("metadata"), dict) and isinstance(document.get("spec"), dict)


def _besides(further: Sequence[Finding], told: Sequence[Finding]) -> Iterator[Finding]:
    """Those of the further findings that say nothing about a value that is found wrong already."""
    wrong = [_value_of(other.path) for other in told]
    for finding in further:
        if not any(finding.path[: len(path)] == path for path in wrong):
            yield finding


def _value_of(path: Path) -> Path:
    """What a finding speaks of: of a placeholder, the value that it stands for."""
    return path[:-1] if path and isinstance(path[-1], str) and path[-1].startswith("$") else path
