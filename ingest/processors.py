"""Runs the processors of plugins over a document that is in order: what they make of it, and the edges they find."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from graph.entities import Document, Edge, Evidence
from graph.refs import Ref
from graph.relations import RelationRegistry
from ingest.problems import ErrorCode
from ingest.validate import Finding
from plugins.contract import EmittedRelation, Processor
from plugins.loading import load_plugins


@dataclass(frozen=True)
class Processors:
    """The processors of the installed plugins. Other processes load them again by the same `sections` of the configuration."""

    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    all: Sequence[Processor] = ()

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return processors_from, (self.sections,)

    @property
    def versions(self) -> Sequence[tuple[str, str]]:
        """What stands for their behaviour."""
        return [(processor.name, processor.version) for processor in self.all]


def processors_from(sections: Mapping[str, Mapping[str, Any]]) -> Processors:
    """The processors of the plugins, built with their sections."""
    return Processors(sections, load_plugins(sections).processors)


def processed(
    processors: Sequence[Processor], ref: Ref, document: Document, path: str
) -> tuple[dict[str, Any], list[EmittedRelation], list[Finding]]:
    """The document as they leave it, one after the other, the relations they found, and what they refuse it for; then none goes on."""
    current: dict[str, Any] = orjson.loads(orjson.dumps(document))
    relations: list[EmittedRelation] = []
    for processor in processors:
        try:
            outcome = processor.process(ref, current, path)
            current = orjson.loads(orjson.dumps(outcome.document))
            relations += outcome.relations
            problems = list(outcome.problems)
        except Exception as error:
            problems = [f"it failed by {type(error).__name__}: {error}"]
        if problems:
            return current, relations, [_refused(processor, problem) for problem in problems]
    return current, relations, []


def edges_with(
    edges: Sequence[Edge], relations: Sequence[EmittedRelation], ref: Ref, path: str, registry: RelationRegistry
) -> tuple[tuple[Edge, ...], list[Finding]]:
    """The declared edges of an entity together with those that processors found, and what is wrong with the latter.

    An inferred one is left out where the entity itself declares something in the same field.
    """
    declared = {evidence.field.partition("[")[0] for edge in edges for evidence in edge.evidence}
    found: list[Edge] = []
    findings: list[Finding] = []
    for relation in relations:
        field_name = relation.field if relation.field.startswith("spec.") else f"spec.{relation.field}"
        if ref not in (relation.source, relation.target) or relation.relation not in registry:
            findings.append(_unusable(relation, ref))
        elif not (relation.inferred and field_name in declared):
            evidence = Evidence(ref, field_name, path, 1, relation.inferred, relation.confidence)
            found.append(Edge(relation.source, relation.relation, relation.target, (evidence,)))
    return tuple(_joined([*edges, *found])), findings


def _joined(edges: Sequence[Edge]) -> Iterator[Edge]:
    """One edge for each pair of ends and relation, with one evidence for each field."""
    together: dict[tuple[Ref, str, Ref], dict[str, Evidence]] = {}
    for edge in edges:
        fields = together.setdefault((edge.source, edge.relation, edge.target), {})
        for evidence in edge.evidence:
            fields.setdefault(evidence.field, evidence)
    for ends, fields in together.items():
        yield Edge(*ends, tuple(fields[name] for name in sorted(fields)))


def _refused(processor: Processor, problem: str) -> Finding:
    return Finding(ErrorCode.PROCESSOR_REFUSED, f"{processor.name}: {problem}", ())


def _unusable(relation: EmittedRelation, ref: Ref) -> Finding:
    told = f"{relation.source} {relation.relation} {relation.target}"
    message = f"a processor found the relation {told}, which is of no known type or does not begin or end at {ref}."
    return Finding(ErrorCode.PROCESSOR_REFUSED, message, ())
