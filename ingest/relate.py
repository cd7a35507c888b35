"""The edges that a document declares, each with the field and line that declares it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from graph.entities import Edge, Evidence
from graph.errors import InvalidRefError
from graph.refs import DEFAULT_NAMESPACE, EntityRef, Ref, parse_ref
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
    """Every edge that the document declares, one per (source, relation, target), with its evidence ordered by field.

    A ref without a namespace means the document's own, https://backstage.io/docs/features/software-catalog/references
    """
    spec: Mapping[str, Any] = document.get("spec") or {}
    namespace = str(document["metadata"].get("namespace") or DEFAULT_NAMESPACE)
    evidence: dict[tuple[Ref, str, Ref], list[Evidence]] = {}
    findings: list[Finding] = []
    for relation, declaration in registry.declared_by(document["kind"].lower()):
        for steps, written in _written(spec, declaration):
            if len(findings) >= MOST_FINDINGS:
                break
            try:
                target = _target(written, declaration, namespace)
            except InvalidRefError:
                findings.append(_invalid(written, steps, declaration))
                continue
            if "{" in target and holds_template(target):
                findings.append(unrendered(("spec", *steps), written))
                continue
            field, line = dotted(("spec", *steps)), places.spec_line(steps)
            evidence.setdefault(_key(ref, relation, declaration, target), []).append(Evidence(ref, field, path, line))
    edges = tuple(Edge(*key, tuple(sorted(found, key=lambda e: e.field))) for key, found in evidence.items())
    return Related(edges, tuple(findings))


def _key(ref: Ref, relation: Relation, declaration: Declaration, target: Ref) -> tuple[Ref, str, Ref]:
    return (target, relation.name, ref) if declaration.inverted else (ref, relation.name, target)


def _written(spec: Mapping[str, Any], declaration: Declaration) -> Iterator[tuple[Path, object]]:
    """The refs of a field, each with the steps that lead to it from `spec`; a field that is missing or empty has none."""
    value: Any = spec.get(declaration.field)
    if not value:
        return
    if isinstance(value, list):
        for index, item in enumerate(cast("Sequence[object]", value)):
            yield (declaration.field, index), item
    else:
        yield (declaration.field,), value


def _target(written: object, declaration: Declaration, namespace: str) -> Ref:
    if isinstance(written, str):
        return parse_ref(written, default_kind=declaration.default_kind, default_namespace=namespace).ref
    if isinstance(written, dict):
        parts = cast("dict[str, object]", written)
        kind, name = parts.get("kind", declaration.default_kind), parts.get("name")
        inside = parts.get("namespace", namespace)
        if isinstance(kind, str) and isinstance(name, str) and isinstance(inside, str) and kind and name and inside:
            return EntityRef(kind, inside, name).ref
    raise InvalidRefError("is no reference to an entity")


def _invalid(written: object, steps: Path, declaration: Declaration) -> Finding:
    where = ("spec", *steps)
    wrong, example = "is no reference to an entity", f"{(declaration.default_kind or 'component').lower()}:default/shop"
    if isinstance(written, str) and declaration.default_kind is None and ":" not in written and written.strip("/") == written != "":
        wrong, example = "names no kind", f"component:{written}"
    return Finding(ErrorCode.INVALID_REF, f"{dotted(where)} is {quoted(written)}, which {wrong}.", where, written, {"example": example})
