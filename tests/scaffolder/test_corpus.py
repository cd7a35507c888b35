"""Every Template of the corpus is read, its form can be held to values, and its steps give actions what these take."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from config import Config
from graph.errors import InputError
from ingest.documents import decoded, split
from ingest.parse import RefusedError, parse
from ingest.places import Places
from plugins.hosts import hosts_from
from plugins.outbound.client import outbound_from
from tests.corpus import corpus_files
from workers.scaffolder.catalog import NoCatalog
from workers.scaffolder.registry import schemas_of
from workers.scaffolder.schemas import refusals_of
from workers.scaffolder.templates import Template, template_of
from workers.scaffolder.workshop import Workshop


@cache
def _documents() -> tuple[dict[str, Any], ...]:
    """Every Template that is no skeleton: four files that say they hold one can't be read before they are rendered, or at all."""
    return tuple(_found())


def _found() -> Iterator[dict[str, Any]]:
    for file in corpus_files("catalog", "template", "transcribed", "placeholder"):
        for text in split(decoded(file.content)):
            try:
                document = parse(text, Places(text)).json
            except RefusedError:
                continue
            if isinstance(document, dict) and document.get("kind") == "Template":
                yield document


def _templates() -> list[Template]:
    return [template_of(document) for document in _documents() if document["apiVersion"].startswith("scaffolder.")]


def test_every_template_is_read_or_told_how_to_be_mended():
    told: list[str] = []
    for document in _documents():
        try:
            template_of(document)
        except InputError as error:
            told.append(str(error))
    assert len(_documents()) == 144
    assert len(told) == 2
    assert all("Write `apiVersion: scaffolder.backstage.io/v1beta3`" in message for message in told)


def test_pages_and_steps_are_all_there_and_what_is_wrong_with_them_is_told():
    templates = _templates()
    assert (len(templates), sum(len(one.pages) for one in templates), sum(len(one.steps) for one in templates)) == (142, 399, 840)
    problems = Counter(problem.path.rpartition(".")[2] for one in templates for problem in one.problems)
    assert problems == {"id": 5}


def test_every_form_can_be_held_to_values():
    refused = Counter(refusal.keyword for one in _templates() for page in one.pages for refusal in refusals_of({}, page.check))
    assert set(refused) == {"oneOf", "required"}
    assert refused.total() > 500


def test_steps_give_the_actions_that_are_here_what_these_take():
    config = Config()
    actions = Workshop(config, hosts_from(config, outbound_from(config)), NoCatalog()).actions
    inputs = {name: schemas_of(actions.action(name))["input"] for name in actions.names}
    odd: Counter[tuple[str, str]] = Counter()
    known = 0
    for step in (step for one in _templates() for step in one.steps if step.action in actions.names):
        known += 1
        schema = inputs[step.action]
        choices = schema.get("anyOf") or [schema]
        odd.update((step.action, key) for key in step.input if not any(key in choice["properties"] for choice in choices))
        needed = set.intersection(*(set(choice.get("required", ())) for choice in choices))
        odd.update((step.action, f"without {key}") for key in needed - step.input.keys())
    assert known > 500
    # Keys that Backstage's schemas do not have either; a run leaves them out and says so.
    assert odd == {
        ("fetch:plain", "values"): 1,
        ("github:actions:dispatch", "inputs"): 1,
        ("publish:azure", "allowedHosts"): 5,
        ("publish:bitbucketCloud", "protectDefaultBranch"): 2,
        ("publish:github", "allowedHosts"): 62,
        ("publish:github", "variables"): 1,
        ("publish:github:pull-request", "allowedHosts"): 4,
        ("publish:github:pull-request", "autoMerge"): 2,
        ("publish:gitlab", "allowedHosts"): 2,
        ("publish:gitlab", "description"): 15,
        ("publish:gitlab", "protectDefaultBranch"): 11,
    }
