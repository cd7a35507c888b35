"""Backstage and Callboard read the same values out of YAML, but for what docs/backstage-differences.md lists."""

import json
from pathlib import Path
from typing import Any

from graph.relations import RelationRegistry
from ingest.reading import IncludeError, ReadingSettings, read_documents
from tests.differential.backstage import Verdict, verdicts

HEAD = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop\nspec:\n  type: a\n  lifecycle: b\n  owner: c\n"
SETTINGS = ReadingSettings((), RelationRegistry())

OTHER = HEAD.replace("shop", "other")
# Each is written as the value of a field of `spec`.
VALUES: list[str] = json.loads(Path(__file__).with_name("values.json").read_text(encoding="utf-8"))
USER = {"apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": {"name": "ann", "title": "😀"}, "spec": {"memberOf": []}}
WHOLE = (
    "",
    "# c\n",
    "---\n",
    "null\n",
    "a\n",
    "- a\n",
    "[]\n",
    "{}\n",
    f"%YAML 1.2\n---\n{HEAD}",
    f"%FOO\n---\n{HEAD}",
    f"\ufeff{HEAD}",
    f"--- {HEAD}",
    f"---\n{HEAD}---\nfoo: bar: baz\n---\n{OTHER}",
    f"{HEAD}...\n{OTHER}",
    HEAD.replace("\n", "\r\n"),
    f"!!map\n{HEAD}",
    f"&a\n{HEAD}",
    "  " + HEAD.replace("\n", "\n  "),
    "--- |\n a\n",
    "\t" + HEAD,
    HEAD.replace("  name", "\tname"),
    json.dumps(USER),
    json.dumps(USER, indent="\t"),
)

# Each is explained in docs/backstage-differences.md.
DELIBERATE = {
    "control-character": ("  v: \x07\n", "  v: \x7f\n", "  v: \x81\n"),
    "bare-expression": ("  v: {{ x }}\n", "  v:\n    {{ x }}\n"),
    "unrendered-ref": ("  system: ${{ values.system }}\n", "  dependsOn: ['component:{% name %}']\n"),
    "nesting": (f"  v: {'[' * 210}{']' * 210}\n",),
    "own-type-tags": ("  v: !!int x\n", "  v: !!bool x\n"),
    "equal-keys": ('  1: a\n  "1": b\n',),
    "surrogate-escape": ('  v: "\\ud83d\\ude00"\n',),
}
"""What Backstage accepts and Callboard refuses."""


def nothing(target: str) -> bytes:
    raise IncludeError(f"{target} is not there", "Write it.")


def ours(text: str) -> tuple[list[Any], bool]:
    reading = read_documents(text.encode(), "catalog-info.yaml", nothing, SETTINGS)
    return json.loads(json.dumps([plain(document.document["spec"]) for document in reading.documents])), bool(reading.problems)


def theirs(found: list[Verdict]) -> tuple[list[Any], bool]:
    return [plain(verdict.spec) for verdict in found if verdict.ok], any(not verdict.ok for verdict in found)


def plain(value: Any) -> Any:
    """The value with numbers as JavaScript has them: no difference between 1 and 1.0."""
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def test_values_and_refusals_are_those_of_backstage():
    texts = [*(f"{HEAD}  v: {value}\n" for value in VALUES), *WHOLE]
    wrong = [(text, ours(text), theirs(found)) for text, found in zip(texts, verdicts(texts), strict=True) if ours(text) != theirs(found)]
    assert wrong == []


def test_what_is_refused_on_purpose_is_accepted_by_backstage():
    texts = [HEAD + text for cases in DELIBERATE.values() for text in cases]
    assert [ours(text) for text in texts] == [([], True)] * len(texts)
    assert [theirs(found)[1] for found in verdicts(texts)] == [False] * len(texts)
