"""Backstage and Callboard agree on what is a valid entity and what it relates to, but for what docs/backstage-differences.md lists."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph.relations import RelationRegistry
from ingest.reading import IncludeError, Reading, ReadingSettings, read_documents
from tests.corpus import corpus_files
from tests.differential.backstage import Verdict, verdicts
from tests.differential.mutations import BUILTIN, BY_MODEL, Document, mutated
from tests.differential.test_yaml import DELIBERATE as REFUSED_YAML

SEED = 7
PLACEHOLDER = re.compile(rb"\$(?:text|json|yaml|openapi|asyncapi):")
REGISTRY = RelationRegistry()
SETTINGS = ReadingSettings((), REGISTRY)
DIFFERENCES = Path(__file__).resolve().parents[2] / "docs" / "backstage-differences.md"
AI_FIELDS = {"dependsOn": "skill", "skills": "plugin", "plugins": "marketplace"}
AI_RELATIONS = {"dependsOn", "dependencyOf", "ownedBy", "ownerOf", "partOf", "hasPart"}


def nothing(target: str) -> bytes:
    raise IncludeError(f"{target} is not there", "Write it.")


def read(document: Document) -> Reading:
    return read_documents(json.dumps(document).encode(), "catalog-info.json", nothing, SETTINGS)


def relations(reading: Reading) -> frozenset[tuple[str, str, str]]:
    """The edges as Backstage emits them: each in both directions, under its names."""
    both: set[tuple[str, str, str]] = set()
    for edge in reading.documents[0].edges:
        relation = REGISTRY[edge.relation]
        both |= {(edge.source, relation.forward, edge.target), (edge.target, relation.backward, edge.source)}
    return frozenset(both)


def spec_of(document: Document) -> dict[str, Any]:
    return document["spec"] if isinstance(document.get("spec"), dict) else {}


def is_a_folder_as_target(document: Document, verdict: Verdict, reading: Reading) -> bool:
    return "ends with a path separator" in verdict.error and not reading.problems


def is_a_field_of_another_ai_resource(document: Document, verdict: Verdict, reading: Reading) -> bool:
    """An AiResource's refs in a field that Backstage reads for one `spec.type` alone."""
    spec = spec_of(document)
    foreign = [field for field, owner in AI_FIELDS.items() if field in spec and spec.get("type") != owner]
    if reading.problems:
        return verdict.ok and all(any(problem.message.startswith(f"spec.{field}") for field in foreign) for problem in reading.problems)
    return bool(foreign) and verdict.relations < relations(reading)


def is_a_relation_to_another_kind(document: Document, verdict: Verdict, reading: Reading) -> bool:
    """A relation that Backstage's model drops, at least one way, because of the kind of its target."""
    return verdict.ok and not reading.problems and verdict.relations < relations(reading)


Reason = Callable[[Document, Verdict, Reading], bool]
DELIBERATE: dict[str, dict[str, Reason]] = {
    "builtin": {"folder-as-target": is_a_folder_as_target},
    "model": {
        "field-of-another-ai-resource": is_a_field_of_another_ai_resource,
        "relation-to-another-kind": is_a_relation_to_another_kind,
    },
}


def differs(verdict: Verdict, reading: Reading) -> bool:
    accepted = not reading.problems and len(reading.documents) == 1
    if verdict.ok != accepted:
        return True
    return accepted and (verdict.ref, verdict.relations) != (reading.documents[0].ref, relations(reading))


@pytest.mark.parametrize(
    ("bases", "by_model", "count", "accepted"),
    [pytest.param(BUILTIN, False, 3000, 1054, id="builtin"), pytest.param(BY_MODEL, True, 900, 320, id="model")],
)
def test_mutated_entities_get_the_verdict_and_the_relations_that_backstage_gives(
    bases: tuple[Document, ...], by_model: bool, count: int, accepted: int, request: pytest.FixtureRequest
):
    documents = list(mutated(bases, count, SEED))
    theirs = [found[0] for found in verdicts([json.dumps(document) for document in documents], by_model=by_model)]
    reasons = DELIBERATE["model" if by_model else "builtin"]
    met: Counter[str] = Counter()
    unexplained: list[str] = []
    for document, verdict in zip(documents, theirs, strict=True):
        reading = read(document)
        if differs(verdict, reading):
            reason = next((name for name, holds in reasons.items() if holds(document, verdict, reading)), None)
            met[reason or "unexplained"] += 1
            if reason is None:
                unexplained.append(f"{json.dumps(document)}\n  Backstage: {verdict}\n  Callboard: {reading}")
    assert unexplained == []
    assert sum(verdict.ok for verdict in theirs) == accepted
    assert set(met) == set(reasons)


def test_real_files_give_the_entities_that_backstage_makes_of_them():
    files = [file for file in corpus_files("catalog", "template", "transcribed", "role") if file.path.endswith((".yaml", ".yml"))]
    files = [file for file in files if PLACEHOLDER.search(file.content) is None]
    texts = [file.content.decode() for file in files]
    theirs = [sorted(verdict.ref for verdict in found if verdict.ok) for found in verdicts(texts)]
    ours = [sorted(document.ref for document in read_documents(text.encode(), "", nothing, SETTINGS).documents) for text in texts]
    differing = [f"{f.repository}/{f.path}" for f, mine, other in zip(files, ours, theirs, strict=True) if mine != other]
    assert len(files) == 512
    # It holds a control character, see `control-character` in docs/backstage-differences.md.
    assert differing == ["AlvaroDavi5/Node_BackEnd_Boilerplate-TypeScript/infra/backstage/api.yml"]


def test_every_deliberate_difference_is_documented():
    text = DIFFERENCES.read_text(encoding="utf-8")
    names = [*DELIBERATE["builtin"], *DELIBERATE["model"], *REFUSED_YAML]
    assert [name for name in names if f"`{name}`" not in text] == []
