"""Each restriction of what may be seen, held to search by itself: what it takes from results, counts, facets, snippets and suggestions.

`whole` is the control of each test: somebody from whom nothing is hidden does find what the restricted one does not.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from api.graphql.context import Context
from api.graphql.schema import build_schema
from graph.access import UNRESTRICTED_GUEST, Access, Action, Redaction
from graph.conditions import EVERYTHING, NOTHING, Condition, FactIn, Not, fact_in
from graph.redacting import seen_by
from graph.refs import Ref
from graph.store import Batch, Store
from plugins.contract import TextField
from tests.api.catalog import CAUSE, CONFIGURED, described, write_of
from tests.searching import Searchable, searchable
from workers.search.collators.sections import SECTION
from workers.search.index import IndexBatch, SearchDocument
from workers.search.leaves import leaves_of
from workers.search.searching import Searching
from workers.search.sources import TYPE_PATHS
from workers.search.terms import Synonyms

SCHEMA = build_schema(CONFIGURED)
WHOLE = UNRESTRICTED_GUEST
SHOP = Ref("component:default/shop")
NOT_SHOP = Not(fact_in("metadata.name", ("shop",)))
ASKED = """query ($term: String!, $filter: SearchFilter) {
  search(term: $term, filter: $filter) {
    totalCount degraded facets { of values { value count } }
    nodes { type ref text snippets { field parts { text isMatch } } } }
  searchSuggestions(term: $term, filter: $filter) }"""

TEMPLATE = described(
    "Template",
    "starter",
    {
        "type": "service",
        "owner": "platform",
        "parameters": [{"title": "Which zeppelin", "properties": {"size": {"type": "string", "title": "Its volume"}}}],
        "steps": [{"id": "fly", "name": "Moor the airship", "action": "debug:log"}],
    },
)
API = described(
    "API",
    "refunds",
    {
        "type": "openapi",
        "lifecycle": "production",
        "owner": "red",
        "definition": 'openapi: "3.0.0"\ninfo: { title: Refunds, version: "1" }\npaths: { /giveback: { post: { summary: Returns it } } }\n',
    },
)


@pytest.fixture
async def found_by(organisation: Store) -> AsyncIterator[Searchable]:
    await organisation.apply(Batch(CAUSE, [write_of(TEMPLATE), write_of(API)]))
    async with searchable(organisation, CONFIGURED) as found_by:
        yield found_by


def restricted(
    visible: Condition = EVERYTHING,
    *redacted: str,
    of: Condition = EVERYTHING,
    hides_references: bool = False,
    on: Mapping[Action, Condition] | None = None,
) -> Access:
    """Somebody who sees those entities, of some of whom fields are redacted; `on` are the conditions of other actions."""
    conditions: Mapping[Action, Condition] = {**WHOLE.conditions, Action.ENTITY_READ: visible, **(on or {})}
    redactions = (Redaction(redacted, of),) if redacted else ()
    return Access(WHOLE.principal, conditions, redactions, hides_references=hides_references)


class Answer:
    """What search answers somebody."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.nodes = data["search"]["nodes"]
        self.total = data["search"]["totalCount"]
        self.degraded = data["search"]["degraded"]
        self.suggested = data["searchSuggestions"]
        self.facets = {each["of"]: {v["value"]: v["count"] for v in each["values"]} for each in data["search"]["facets"]}

    @property
    def found(self) -> list[str]:
        return sorted(node["ref"] for node in self.nodes)

    @property
    def snippets(self) -> dict[str, str]:
        """The texts shown of the first result, by field."""
        return {each["field"]: "".join(part["text"] for part in each["parts"]) for each in self.nodes[0]["snippets"]}


async def answer(
    store: Store, search: Searchable | Searching, access: Access, term: str, filter: Mapping[str, Any] | None = None
) -> Answer:
    service = search.searching if isinstance(search, Searchable) else search
    context = Context(seen_by(store, access, CONFIGURED), CONFIGURED, access, search=service)
    result = await SCHEMA.execute(ASKED, variable_values={"term": term, "filter": filter}, context_value=context)
    assert result.errors is None
    assert result.data is not None
    return Answer(result.data)


OWNERS = {"group:default/red": 4, "group:default/platform": 5, "group:default/company": 1, "user:default/ann": 1}


@pytest.mark.parametrize("degraded", [False, True], ids=["by the index", "by the store"])
async def test_owners_that_are_hidden_or_missing_are_counted_by_nobody_from_whom_references_are_hidden(
    organisation: Store, found_by: Searchable, degraded: bool
):
    if degraded:
        await found_by.index.close()
    whole = await answer(organisation, found_by, WHOLE, "", {"documentType": ["entity"]})
    assert whole.facets["owner"] == {**OWNERS, "group:default/blue": 2, "group:default/ghosts": 1}
    not_blue = Not(fact_in("metadata.name", ("blue",)))
    shown = await answer(organisation, found_by, restricted(not_blue), "", {"documentType": ["entity"]})
    assert shown.facets["owner"] == whole.facets["owner"]
    hidden = await answer(organisation, found_by, restricted(not_blue, hides_references=True), "", {"documentType": ["entity"]})
    assert hidden.facets["owner"] == OWNERS
    assert (whole.degraded, shown.degraded, hidden.degraded) == (degraded, degraded, degraded)


async def test_names_of_owners_are_searched_for_nobody_from_whom_references_are_hidden(organisation: Store, found_by: Searchable):
    whole = await answer(organisation, found_by, WHOLE, "blue")
    assert whole.found == ["api:default/rates", "component:default/ledger", "group:default/blue", "user:default/bob"]
    hidden = await answer(organisation, found_by, restricted(hides_references=True), "blue")
    assert (hidden.found, hidden.total) == (["group:default/blue"], 1)
    assert hidden.facets["kind"] == {"Group": 1}


async def test_a_filter_by_an_owner_that_is_hidden_finds_nothing_for_whom_references_are_hidden(organisation: Store, found_by: Searchable):
    not_blue = Not(fact_in("metadata.name", ("blue",)))
    assert (await answer(organisation, found_by, restricted(not_blue), "", {"owner": ["blue"]})).total == 2
    assert (await answer(organisation, found_by, restricted(not_blue, hides_references=True), "", {"owner": ["blue"]})).total == 0


@pytest.mark.parametrize("of", [EVERYTHING, FactIn("metadata.name", ("shop",))], ids=["of all", "of one"])
async def test_a_text_that_is_redacted_of_any_entity_is_neither_searched_nor_shown(
    organisation: Store, found_by: Searchable, of: Condition
):
    whole = await answer(organisation, found_by, WHOLE, "sells")
    assert (whole.found, whole.snippets["DESCRIPTION"]) == ([SHOP], "Sells things.")
    access = restricted(EVERYTHING, "metadata.description", of=of)
    told = await answer(organisation, found_by, access, "sells")
    assert (told.nodes, told.total, told.suggested, told.facets["kind"]) == ([], 0, [], {})
    by_name = await answer(organisation, found_by, access, "shop sells")
    assert "Sells" not in by_name.nodes[0]["text"]
    assert "DESCRIPTION" not in by_name.snippets


@pytest.mark.parametrize(
    ("path", "facet"),
    [("metadata.tags", "tag"), ("spec.type", "type"), ("spec.lifecycle", "lifecycle"), ("spec.type.name", "type")],
)
async def test_nothing_is_counted_by_what_is_redacted(organisation: Store, found_by: Searchable, path: str, facet: str):
    assert (await answer(organisation, found_by, WHOLE, "")).facets[facet]
    access = restricted(EVERYTHING, path, of=FactIn("kind", ("api",)))
    assert facet not in (await answer(organisation, found_by, access, "")).facets


async def test_a_filter_by_what_is_redacted_finds_only_whose_it_is_not(organisation: Store, found_by: Searchable):
    whole = await answer(organisation, found_by, WHOLE, "", {"tag": ["java"]})
    assert whole.found == ["component:default/ledger", SHOP]
    told = await answer(
        organisation, found_by, restricted(EVERYTHING, "metadata.tags", of=FactIn("metadata.name", ("shop",))), "", {"tag": ["java"]}
    )
    assert told.found == ["component:default/ledger"]


async def test_parts_of_definitions_are_found_by_nobody_to_whom_a_definition_is_redacted(organisation: Store, found_by: Searchable):
    whole = await answer(organisation, found_by, WHOLE, "giveback")
    assert {node["type"] for node in whole.nodes} == {"definition"}
    told = await answer(
        organisation, found_by, restricted(EVERYTHING, "spec.definition", of=FactIn("metadata.name", ("orders",))), "giveback"
    )
    assert (told.nodes, told.total, told.suggested) == ([], 0, [])
    everything = await answer(organisation, found_by, restricted(EVERYTHING, "spec.definition"), "")
    assert set(everything.facets["documentType"]) == {"entity"}


@pytest.mark.parametrize(
    ("action", "term", "other"),
    [(Action.TEMPLATE_PARAMETERS_READ, "zeppelin", "airship"), (Action.TEMPLATE_STEPS_READ, "airship", "zeppelin")],
)
@pytest.mark.parametrize("allowed", [NOTHING, NOT_SHOP], ids=["of none", "of some"])
async def test_what_templates_ask_and_do_is_searched_for_those_who_may_read_it_of_all_they_see(
    organisation: Store, found_by: Searchable, action: Action, term: str, other: str, allowed: Condition
):
    assert (await answer(organisation, found_by, WHOLE, term)).found == ["template:default/starter"]
    access = restricted(on={action: allowed})
    told = await answer(organisation, found_by, access, term)
    assert (told.nodes, told.total, told.facets["kind"]) == ([], 0, {})
    assert (await answer(organisation, found_by, access, other)).found == ["template:default/starter"]
    everything_seen = restricted(NOT_SHOP, on={action: NOT_SHOP})
    assert (await answer(organisation, found_by, everything_seen, term)).found == ["template:default/starter"]


async def test_sections_take_the_right_to_read_the_documentation_of_their_entity(organisation: Store, found_by: Searchable):
    [shop] = (await organisation.entities_by_ref([SHOP], visible=EVERYTHING)).values()
    section = SearchDocument(
        f"section:{SHOP}#guide/", SHOP, SECTION, SHOP, "guide/", {TextField.TITLE: "The barometer"}, leaves=leaves_of(shop, (), ())
    )
    state = await found_by.index.state()
    assert state is not None
    await found_by.index.write(IndexBatch(state, ["source:guide"], [replace(section, source="source:guide")]))
    types = {"entity": (), SECTION: TYPE_PATHS[SECTION]}
    searching = Searching(organisation, found_by.index, CONFIGURED, types, Synonyms.of(()))
    for access, found in [
        (WHOLE, 1),
        (restricted(on={Action.DOCS_READ: FactIn("metadata.name", ("shop",))}), 1),
        (restricted(on={Action.DOCS_READ: NOT_SHOP}), 0),
        (restricted(on={Action.DOCS_READ: NOTHING}), 0),
        (restricted(NOT_SHOP), 0),
        (restricted(EVERYTHING, "metadata.annotations", of=FactIn("metadata.name", ("ledger",))), 0),
    ]:
        told = await answer(organisation, searching, access, "barometer")
        assert (told.total, len(told.nodes), len(told.suggested)) == (found, found, found)


@pytest.mark.parametrize("degraded", [False, True], ids=["by the index", "by the store"])
async def test_titles_that_are_redacted_are_not_suggested(organisation: Store, found_by: Searchable, degraded: bool):
    if degraded:
        await found_by.index.close()
    assert (await answer(organisation, found_by, WHOLE, "shop")).suggested[0] == "The Shop"
    told = await answer(organisation, found_by, restricted(EVERYTHING, "metadata.title", of=FactIn("kind", ("component",))), "shop")
    assert "The Shop" not in told.suggested
