"""The edges that a document declares, each with the field and line that declares it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from graph.entities import Edge, Evidence
from graph.errors import InvalidRefError
from graph.references import meant, written
from graph.refs import DEFAULT_NAMESPACE, Ref
from graph.relations import Declaration, Relation, RelationRegistry
from ingest.problems import ErrorCode
from ingest.survey import Path
from ingest.validate import MOST_FINDINGS, Finding, dotted, holds_template, quoted, unrendered


class Lines(Protocol):
    """Tells the line, from 1, in which a field of `spec` or an item of a list in it stands."""

    def spec_line(self, steps: Path) -> int: ...


@dataclass(frozen=True, slots=True)
class Related:
    """The edges of one document, and the refs in it that can't be read."""

    edges: tuple[Edge, ...]
    findings: tuple[Finding, ...]


def relations_of(document: Mapping[str, Any], ref: Ref, path: str, registry: RelationRegistry, places: Lines) -> Related:
    """Every edge that the document declares, one per (source, relation, target), with its evidence ordered by field."""
    spec: Mapping[str, Any] = document.get("spec") or {}
    namespace = str(document["metadata"].get("namespace") or DEFAULT_NAMESPACE)
    evidence: dict[tuple[Ref, str, Ref], list[Evidence]] = {}
    findings: list[Finding] = []
    for relation, declaration in registry.declared_by(document["kind"].lower()):
        for steps, text in written(spec, declaration):
            if len(findings) >= MOST_FINDINGS:
                break
            try:
                target = meant(text, declaration, namespace)
            except InvalidRefError:
                findings.append(_invalid(text, steps, declaration))
                continue
            if "{" in target and holds_template(target):
                findings.append(unrendered(("spec", *steps), text))
                continue
            field, line = dotted(("spec", *steps)), places.spec_line(steps)
            evidence.setdefault(_key(ref, relation, declaration, target), []).append(Evidence(ref, field, path, line))
    edges = tuple(Edge(*key, tuple(sorted(found, key=lambda e: e.field))) for key, found in evidence.items())
    return Related(edges, tuple(findings))


def _key(ref: Ref, relation: Relation, declaration: Declaration, target: Ref) -> tuple[Ref, str, Ref]:
    return (target, relation.name, ref) if declaration.inverted else (ref, relation.name, target)


def _invalid(text: object, steps: Path, declaration: Declaration) -> Finding:
    where = ("spec", *steps)
    wrong, example = "is no reference to an entity", f"{(declaration.default_kind or 'component').lower()}:default/shop"
    if isinstance(text, str) and declaration.default_kind is None and ":" not in text and text.strip("/") == text != "":
        wrong, example = "names no kind", f"component:{text}"
    return Finding(ErrorCode.INVALID_REF, f"{dotted(where)} is {quoted(text)}, which {wrong}.", where, text, {"example": example})
