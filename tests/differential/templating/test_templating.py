"""Templates render as in Backstage's scaffolder, but for what docs/templating.md lists."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graph.errors import RenderError, RenderLimitError
from tests.differential.templating.corpus_cases import corpus_cases
from tests.differential.templating.generating import CONTEXT, Case, Generator
from tests.differential.templating.nunjitsu import rendered
from workers.scaffolder.templating.backstage import backstage_filters
from workers.scaffolder.templating.limits import Limits
from workers.scaffolder.templating.rendering import Failure, Renderer
from workers.scaffolder.templating.scanning import Syntax

SEED, GENERATED = 3, 2000
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "templating.md"
HOSTS = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucketCloud", "dev.azure.com": "azure", "gitea.com": "gitea"}
FILTERS = backstage_filters(HOSTS.get)
GLOBALS = {"always": lambda: True, "failure": lambda: False}
# Errors that only Callboard knows, each with its row in the document.
DELIBERATE = ("fractions with the radix 10 alone",)
ROW = re.compile(r"^\| `(?P<source>.+?)` \| `(?P<theirs>.*?)` \| `(?P<ours>.*?)` \|", re.MULTILINE)

Question = tuple[Case, Mapping[str, Any]]
Answer = tuple[Case, dict[str, Any], dict[str, Any]]


def ours(case: Case, context: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(case.syntax)
    syntax = Syntax(options.get("cookiecutterCompat", False), options.get("trimBlocks", False), options.get("lstripBlocks", False))
    renderer = Renderer(FILTERS, GLOBALS, Limits(steps=150_000), syntax)
    failures: list[Failure] = []
    try:
        if case.mode == "text":
            return {"value": renderer.render_text(case.source, context)}
        value = renderer.render_value({"value": case.source}, context, failures=failures)
    except (RenderError, RenderLimitError) as error:
        return {"error": str(error)}
    if failures:
        return {"error": str(failures[0].error)}
    return value or {"undefined": True}


def answered(questions: Sequence[Question]) -> list[Answer]:
    """The cases with Backstage's answers, and ours."""
    return [(case, theirs, ours(case, context)) for (case, context), theirs in zip(questions, rendered(questions), strict=True)]


def differing(answers: Sequence[Answer]) -> list[Answer]:
    """Those that are not alike. Errors are, whatever they say."""
    return [answer for answer in answers if not ("error" in answer[1] and "error" in answer[2]) and answer[1] != answer[2]]


def is_deliberate(answer: dict[str, Any]) -> bool:
    return any(message in answer.get("error", "") for message in DELIBERATE)


def test_generated_templates_render_as_in_backstage():
    generator = Generator(SEED)
    questions: list[Question] = [(generator.case(), CONTEXT) for _ in range(GENERATED)]
    answers = answered(questions)
    found = differing(answers)
    assert [answer for answer in found if not is_deliberate(answer[2])] == []
    assert len(found) < GENERATED / 100
    assert sum("error" not in theirs for _, theirs, _ in answers) > GENERATED * 0.7


def test_the_corpus_renders_as_in_backstage():
    questions = [*corpus_cases()]
    assert len(questions) > 5000
    assert differing(answered(questions)) == []


def test_every_difference_in_the_document_is_one():
    rows = [row.groupdict() for row in ROW.finditer(DOCUMENT.read_text(encoding="utf-8"))]
    assert len(rows) >= 5
    cases: list[Question] = [(Case(row["source"].replace(r"\|", "|")), CONTEXT) for row in rows]
    for row, (case, context), theirs in zip(rows, cases, rendered(cases), strict=True):
        assert (told(theirs), told(ours(case, context))) == (row["theirs"], row["ours"]), case.source


def told(answer: dict[str, Any]) -> str:
    return "fails" if "error" in answer else "nothing" if "undefined" in answer else str(answer["value"])
