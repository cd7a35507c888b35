"""What every search index does: state, writes and rebuilds, the query language, ranking, visibility, facets and pages."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.conditions import (
    EVERYTHING,
    NOTHING,
    All,
    AnyOf,
    Condition,
    FactContains,
    FactExists,
    Not,
    OnWholeGraph,
    RefIn,
    Related,
    fact_in,
)
from graph.errors import InputError
from graph.refs import Ref
from graph.relations import Direction
from graph.store import FacetCount
from tests.contract.search_documents import (
    BASKET,
    CHECKOUT,
    DATABASE,
    LEDGER,
    LINK,
    LIST_OPERATION,
    REFUND_OPERATION,
    REFUNDS,
    RUNBOOK,
    SHOP,
    STATE,
    build,
    document,
    everywhere,
    found,
    hits,
    replacing,
)
from tests.contract.search_indexes import INDEXES, SYNONYMS, open_index
from workers.search.index import MOST_HITS, IndexState, IndexUnavailableError, SearchIndex, SearchQuery, Terms, TextField, Word
from workers.search.terms import Synonyms, parsed

PAYMENTS = Related("ownedBy", Direction.OUT, (Ref("group:default/payments"),))
IN_SHOP = Related("partOf", Direction.OUT, (Ref("system:default/shop"),), transitive=True)


@pytest.fixture(params=INDEXES)
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SearchIndex]:
    async with open_index(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def shop(index: SearchIndex) -> SearchIndex:
    await build(index, SHOP)
    return index


async def test_an_index_that_was_never_built_has_no_state_and_answers_nothing(index: SearchIndex) -> None:
    assert await index.state() is None
    with pytest.raises(IndexUnavailableError):
        await found(index, "checkout")
    with pytest.raises(IndexUnavailableError):
        await index.write(replacing(CHECKOUT))
    with pytest.raises(IndexUnavailableError):
        [source async for source in index.sources_with("=kind=api")]
    with pytest.raises(IndexUnavailableError):
        await index.edges_of([CHECKOUT.source])
    with pytest.raises(IndexUnavailableError):
        await index.figures()


async def test_an_index_holds_the_state_it_was_built_with_and_its_documents(shop: SearchIndex) -> None:
    assert await shop.state() == STATE
    assert (await shop.figures()).documents == len(SHOP)


async def test_an_index_can_be_empty(index: SearchIndex) -> None:
    await build(index, [])
    assert await index.state() == STATE
    assert await found(index, "") == []
    assert (await index.figures()).documents == 0


async def test_a_write_replaces_the_documents_of_its_sources_and_the_state(shop: SearchIndex) -> None:
    renamed = document("component:default/basket", title="Trolley")
    await shop.write(replacing(renamed, sources=[REFUNDS.source, "component:default/unknown"], position=7))
    assert await shop.state() == IndexState("catalog", "settings", 7)
    assert await found(shop, '"trolley"') == [renamed.id]
    assert await found(shop, '"holds what customers want"') == []
    assert await found(shop, '"refunds"') == []
    assert (await shop.figures()).documents == len(SHOP) - 3


async def test_a_write_of_the_state_alone_keeps_the_documents(shop: SearchIndex) -> None:
    await shop.write(replacing(position=9))
    assert await shop.state() == IndexState("catalog", "settings", 9)
    assert (await shop.figures()).documents == len(SHOP)


async def test_what_was_written_twice_is_there_once(shop: SearchIndex) -> None:
    for position in (2, 3):
        await shop.write(replacing(CHECKOUT, RUNBOOK, position=position))
    assert sorted(await found(shop, "")) == sorted(document.id for document in SHOP)


async def test_what_was_written_is_found_by_the_next_search(shop: SearchIndex) -> None:
    for number in range(5):
        written = document("component:default/basket", title=f"Trolley{number}x")
        await shop.write(replacing(written, position=number))
        assert [hit.texts[TextField.TITLE] for hit in (await hits(shop, f'"trolley{number}x"')).hits] == [f"Trolley{number}x"]


async def test_the_old_index_answers_until_the_new_one_is_complete(shop: SearchIndex) -> None:
    async with shop.building() as built:
        await built.add([BASKET])
        assert await shop.state() == STATE
        assert (await hits(shop, "")).total == len(SHOP)
        await built.complete(IndexState("other", "settings", 20))
    assert await shop.state() == IndexState("other", "settings", 20)
    assert await found(shop, "") == [BASKET.id]


async def test_the_old_index_takes_writes_until_the_new_one_is_complete(shop: SearchIndex) -> None:
    async with shop.building() as built:
        await built.add([BASKET])
        trolley = document("component:default/trolley", title="Trolley")
        await shop.write(replacing(trolley, position=11))
        assert await shop.state() == IndexState(STATE.catalog, STATE.settings, 11)
        assert await found(shop, "trolley") == [trolley.id]
        await built.complete(STATE)
    assert (await shop.state(), await found(shop, "")) == (STATE, [BASKET.id])


async def test_a_build_that_is_not_completed_changes_nothing(shop: SearchIndex) -> None:
    with pytest.raises(KeyError):
        async with shop.building() as built:
            await built.add([BASKET])
            raise KeyError
    assert await shop.state() == STATE
    assert (await shop.figures()).documents == len(SHOP)
    await build(shop, [BASKET])
    assert (await shop.figures()).documents == 1


async def test_searches_beside_a_rebuild_see_the_old_or_the_new_index_whole(shop: SearchIndex) -> None:
    new = [document(f"component:new/c{number}") for number in range(20)]
    totals: list[int] = []
    done = asyncio.Event()

    async def keep_searching() -> None:
        while not done.is_set():
            totals.append((await hits(shop, "", limit=0)).total)

    async with asyncio.TaskGroup() as group:
        group.create_task(keep_searching())
        for turn in range(3):
            await build(shop, new if turn % 2 == 0 else SHOP)
        done.set()
    assert set(totals) <= {len(SHOP), len(new)}
    assert (await hits(shop, "")).total == len(new)


async def test_an_index_can_be_closed_twice_and_answers_nothing_then(shop: SearchIndex) -> None:
    await shop.close()
    await shop.close()
    assert await shop.state() is None
    with pytest.raises(IndexUnavailableError):
        await hits(shop, "")
    await shop.open()
    assert await shop.state() == STATE


@pytest.mark.parametrize(
    "term", ["checkout-service", "checkoutService", "checkout service", "CHECKOUT_SERVICE", "checkout.service", "checkoutservice"]
)
async def test_ways_to_write_a_compound_find_one_another(shop: SearchIndex, term: str) -> None:
    assert (await found(shop, term))[0] == CHECKOUT.id


@pytest.mark.parametrize("term", ["ledger-service", "ledgerService", "ledger service", "Ledger_Service", "ledgerservice"])
async def test_a_name_in_camel_case_is_found_however_it_is_written(shop: SearchIndex, term: str) -> None:
    assert (await found(shop, term))[0] == LEDGER.id


@pytest.mark.parametrize(
    "term", ["zurich geneve", "ZÜRICH genève", "Zu\u0308rich", "GitHub", "github", "git hub", "githubActions", '"github actions"']
)
async def test_words_are_found_without_case_and_diacritics(shop: SearchIndex, term: str) -> None:
    assert (await found(shop, term))[0] == RUNBOOK.id


@pytest.mark.parametrize("term", ["post refunds", "POST /refunds", "POST /refunds/{id}", "which API has POST /refunds?", "refunds post"])
async def test_an_operation_is_found_by_its_method_and_path(shop: SearchIndex, term: str) -> None:
    assert (await found(shop, term))[0] == REFUND_OPERATION.id


@pytest.mark.parametrize("term", ["chekcout", "chckout", "checkoutt", "checkuot service", "ckeckout servce"])
async def test_a_word_may_have_a_typo(shop: SearchIndex, term: str) -> None:
    assert CHECKOUT.id in await found(shop, term)


async def test_a_long_word_may_have_two_typos_and_a_short_one_none(shop: SearchIndex) -> None:
    assert await found(shop, "kuberentse") == [DATABASE.id]
    assert await found(shop, "wnt") == []


async def test_what_is_written_right_comes_before_what_needs_a_typo(index: SearchIndex) -> None:
    right, near = document("component:default/a", title="planes"), document("component:default/b", title="planet", centrality=50)
    await build(index, [near, right])
    assert (await found(index, "planes "))[0] == right.id


async def test_the_last_word_is_the_beginning_of_one_until_something_follows_it(shop: SearchIndex) -> None:
    assert await found(shop, "kube") == [DATABASE.id]
    assert await found(shop, "kube ") == []
    assert await found(shop, "cluster kube") == [DATABASE.id]
    assert await found(shop, '"kube"') == []


async def test_a_phrase_is_found_to_the_letter(shop: SearchIndex) -> None:
    assert await found(shop, '"drain the queue"') == [RUNBOOK.id]
    assert await found(shop, '"drain queue"') == []
    assert await found(shop, '"the drain queue"') == []
    assert await found(shop, '"drain the queu"') == []
    assert await found(shop, '"zurich first"') == [RUNBOOK.id]
    assert await found(shop, '"drain the queue" kubernetes') == []


async def test_what_is_excluded_is_not_found(shop: SearchIndex) -> None:
    assert sorted(await found(shop, '"customers"')) == sorted([CHECKOUT.id, BASKET.id])
    assert await found(shop, '"customers" -money') == [BASKET.id]
    assert await found(shop, '"customers" -"holds what"') == [CHECKOUT.id]
    assert await found(shop, '"customers" -"what holds" -nothing') == await found(shop, '"customers"')
    assert BASKET.id in await found(shop, "-java")
    assert not {CHECKOUT.id, LEDGER.id} & set(await found(shop, "-java"))


@pytest.fixture(params=INDEXES)
async def index_with_synonyms(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SearchIndex]:
    async with open_index(request.param, tmp_path, SYNONYMS) as opened:
        yield opened


async def test_synonyms_are_found_and_come_after_the_word_itself(index_with_synonyms: SearchIndex) -> None:
    index, synonyms = index_with_synonyms, Synonyms.of(SYNONYMS)
    full = document("component:default/x", description="runs on kubernetes")
    short = document("component:default/y", description="runs on k8s")
    phrase = document("component:default/z", description="continuous integration of everything")
    await build(index, [full, short, phrase])
    assert sorted(await found(index, "kubernetes ", synonyms=synonyms)) == sorted([full.id, short.id])
    assert (await found(index, "k8s ", synonyms=synonyms))[0] == short.id
    assert await found(index, "ci ", synonyms=synonyms) == [phrase.id]


async def test_without_synonyms_none_are_found(index: SearchIndex) -> None:
    await build(index, [document("component:default/z", description="continuous integration of everything")])
    assert await found(index, "ci ") == []


async def test_words_that_only_ask_need_not_be_found(shop: SearchIndex) -> None:
    assert (await found(shop, "what is the kubernetes cluster "))[0] == DATABASE.id
    assert await found(index=shop, term="-the") != []


async def test_where_nothing_has_every_word_most_of_them_will_do(shop: SearchIndex) -> None:
    assert (await found(shop, "postgresql cluster flamingo "))[0] == DATABASE.id
    assert await found(shop, "flamingo ") == []


async def test_a_document_whose_name_is_what_is_looked_for_comes_first(index: SearchIndex) -> None:
    named = document("component:default/orders")
    busy = document("component:default/orders-and-more", title="Orders orders", description="orders orders", centrality=500)
    await build(index, [busy, document("system:default/orders-orders", tags="orders", centrality=100), named])
    assert (await found(index, "orders"))[0] == named.id


async def test_where_a_word_stands_decides_before_how_often(index: SearchIndex) -> None:
    fields = [TextField.TITLE, TextField.TAGS, TextField.DESCRIPTION, TextField.BODY]
    documents = [document(f"component:default/x{at}", **{field: "quokka house"}) for at, field in enumerate(fields)]
    await build(index, [document("component:default/quokka-app"), *documents][::-1])
    assert await found(index, "quokka ") == ["entity:component:default/quokka-app#", *(of.id for of in documents)]


async def test_of_two_that_are_alike_the_one_that_others_depend_on_comes_first(index: SearchIndex) -> None:
    alike = [document(f"component:default/x{at}", title="Quokka", centrality=at * 10) for at in range(4)]
    await build(index, alike)
    assert await found(index, "quokka") == [of.id for of in reversed(alike)]


async def test_a_hit_has_what_its_document_had(shop: SearchIndex) -> None:
    (hit,) = (await hits(shop, '"begin a refund"')).hits
    assert (hit.id, hit.type, hit.ref, hit.location) == (REFUND_OPERATION.id, "operation", "api:default/refunds", REFUND_OPERATION.location)
    assert hit.texts == REFUND_OPERATION.texts
    (link,) = (await hits(shop, "postmortems")).hits
    assert (link.ref, link.location) == (None, "https://example.com/postmortems")


CONDITIONS: list[tuple[Condition, set[str]]] = [
    (EVERYTHING, {of.id for of in SHOP}),
    (NOTHING, set()),
    (fact_in("spec.type", ["Service"]), {CHECKOUT.id, LEDGER.id, RUNBOOK.id}),
    (fact_in("spec.type", ["service", "website"]), {CHECKOUT.id, LEDGER.id, RUNBOOK.id, BASKET.id}),
    (fact_in("spec.type", []), set()),
    (FactExists("spec.type"), {CHECKOUT.id, LEDGER.id, RUNBOOK.id, BASKET.id}),
    (RefIn((BASKET.source, DATABASE.source)), {BASKET.id, DATABASE.id}),
    (PAYMENTS, {CHECKOUT.id, RUNBOOK.id, BASKET.id}),
    (IN_SHOP, {CHECKOUT.id, RUNBOOK.id, BASKET.id}),
    (All((PAYMENTS, fact_in("spec.type", ["website"]))), {BASKET.id}),
    (All((PAYMENTS, Not(fact_in("spec.type", ["website"])))), {CHECKOUT.id, RUNBOOK.id}),
    (AnyOf((RefIn((DATABASE.source,)), fact_in("spec.type", ["website"]))), {BASKET.id, DATABASE.id}),
    (Not(AnyOf((PAYMENTS, fact_in("kind", ["api", "resource"])))), {LEDGER.id, LINK.id}),
    (Not(Not(OnWholeGraph(PAYMENTS))), {CHECKOUT.id, RUNBOOK.id, BASKET.id}),
    (All((All(), AnyOf((NOTHING, IN_SHOP)))), {CHECKOUT.id, RUNBOOK.id, BASKET.id}),
]


@pytest.mark.parametrize(("condition", "matching"), CONDITIONS, ids=[str(at) for at in range(len(CONDITIONS))])
async def test_conditions_decide_what_is_visible_and_what_is_filtered(shop: SearchIndex, condition: Condition, matching: set[str]) -> None:
    assert set(await found(shop, "", filter=condition)) == matching
    # What belongs to no entity is visible to whoever may find its type.
    assert set(await found(shop, "", visible=everywhere(condition))) == matching | {LINK.id}


@pytest.mark.parametrize(
    "condition",
    [
        FactContains("spec.type", "s"),
        Related("ownedBy", Direction.IN, (Ref("group:default/payments"),)),
        Related("ownedBy", Direction.OUT, None),
        Related("dependsOn", Direction.OUT, (Ref("component:default/basket"),), transitive=True),
        Related("ownedBy", Direction.OUT, (Ref("group:default/payments"),), seen=True),
    ],
)
async def test_conditions_that_leaves_can_not_tell_are_refused(shop: SearchIndex, condition: Condition) -> None:
    for wrapped in (condition, Not(condition), All((PAYMENTS, AnyOf((OnWholeGraph(condition),))))):
        with pytest.raises(InputError):
            await hits(shop, "checkout", filter=wrapped)
        with pytest.raises(InputError):
            await hits(shop, "checkout", visible={"entity": wrapped})


async def test_each_type_has_its_own_visibility_and_one_that_is_absent_is_not_found(shop: SearchIndex) -> None:
    visible = {"entity": RefIn((BASKET.source,)), "operation": EVERYTHING, "unknown": EVERYTHING}
    assert set(await found(shop, "", visible=visible)) == {BASKET.id, REFUND_OPERATION.id, LIST_OPERATION.id}
    assert await found(shop, "", visible={}) == []
    assert await found(shop, "", visible={"link": NOTHING}) == [LINK.id]


async def test_what_is_hidden_is_in_no_hit_number_or_facet(shop: SearchIndex) -> None:
    answer = await hits(shop, "", visible=everywhere(Not(RefIn((CHECKOUT.source,)))))
    assert CHECKOUT.source not in {hit.ref for hit in answer.hits}
    assert answer.total == len(SHOP) - 2
    assert answer.facets["tag"] == [FacetCount("Java", 1)]
    assert answer.facets["type"] == [FacetCount("Service", 1), FacetCount("website", 1)]
    assert sum(value.count for value in answer.facets["documentType"]) == answer.total


async def test_only_the_fields_that_are_asked_are_searched_and_returned(shop: SearchIndex) -> None:
    fields = frozenset(TextField) - {TextField.TITLE, TextField.DESCRIPTION, TextField.TAGS}
    for term in ["java", "customers", '"takes the money"', "custmers", "custo", "postgresql", "orders "]:
        answer = await hits(shop, term, fields=fields)
        assert not any({TextField.TITLE, TextField.DESCRIPTION, TextField.TAGS} & set(hit.texts) for hit in answer.hits), term
    assert await found(shop, "java", fields=fields) == []
    assert await found(shop, '"takes the money"', fields=fields) == []
    assert sorted(await found(shop, "-java", fields=fields)) == sorted(of.id for of in SHOP)
    (named,) = (await hits(shop, "basket", fields=[TextField.NAME])).hits
    assert named.texts == {TextField.NAME: "basket"}
    assert await found(shop, "basket", fields=[]) == []


async def test_a_field_that_is_not_asked_does_not_change_the_order(index: SearchIndex) -> None:
    plain = document("component:default/a-quokka", description="about", centrality=1)
    boasting = document("component:default/b-quokka", title="Quokka", tags="quokka", description="quokka", body="quokka " * 9)
    await build(index, [plain, boasting])
    assert (await found(index, "quokka"))[0] == boasting.id
    assert await found(index, "quokka", fields=[TextField.NAME]) == [plain.id, boasting.id]


async def test_facets_count_the_hits_by_every_value(shop: SearchIndex) -> None:
    facets = (await hits(shop, "")).facets
    assert facets == {
        "kind": [FacetCount("Component", 4), FacetCount("Api", 3), FacetCount("Resource", 1)],
        "type": [FacetCount("Service", 2), FacetCount("website", 1)],
        "owner": [FacetCount("group:default/payments", 2), FacetCount("group:default/accounting", 1)],
        "lifecycle": [FacetCount("production", 2), FacetCount("experimental", 1)],
        "tag": [FacetCount("Java", 2), FacetCount("critical", 1)],
        "namespace": [FacetCount("default", 8)],
        "documentType": [FacetCount("entity", 5), FacetCount("operation", 2), FacetCount("link", 1), FacetCount("section", 1)],
    }
    some = (await hits(shop, '"customers"', filter=fact_in("spec.type", ["website"]))).facets
    assert some["type"] == [FacetCount("website", 1)]
    assert some["tag"] == []
    without = await shop.search(SearchQuery(parsed(""), everywhere()))
    assert without.facets == {}


async def test_pages_hold_every_hit_once_and_in_one_order(index: SearchIndex) -> None:
    alike = [document(f"component:default/x{at}", title="Quokka", centrality=at % 3) for at in range(53)]
    await build(index, alike)
    for term in ("", "quokka", "quoka "):
        whole = await found(index, term)
        assert sorted(whole) == sorted(of.id for of in alike)
        for size in (1, 7, 50):
            pages = [await hits(index, term, offset=at, limit=size) for at in range(0, 60, size)]
            assert [hit.id for page in pages for hit in page.hits] == whole
            assert {page.total for page in pages} == {53}
    scores = [hit.score for hit in (await hits(index, "quokka")).hits]
    assert scores == sorted(scores, reverse=True)
    assert (await hits(index, "", limit=0)).hits == []
    assert (await hits(index, "", offset=1000, limit=0)).total == 53


async def test_only_the_first_hits_can_be_read(shop: SearchIndex) -> None:
    assert (await hits(shop, "", offset=MOST_HITS - 1, limit=1)).total == len(SHOP)
    with pytest.raises(InputError):
        await hits(shop, "", offset=MOST_HITS, limit=1)


HOSTILE = [
    "AND OR NOT",
    "name:checkout",
    "title:* OR 1=1",
    "checkout^99 ~2 [a TO z] {x TO *}",
    "*",
    "???",
    '"',
    '""',
    '-"',
    '"unbalanced phrase',
    "--",
    "- -",
    "(((",
    "\\",
    "/.*/",
    "a.*b|c+",
    "\x00",
    "check\x00out",
    "\u202e\u200b\ufeff",
    "\U0001f600",
    "\u0301",
    "名前",
    "x" * 500,
    "a " * 32,
    "'; DROP TABLE documents; --",
    'kind = "api" OR true',
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("term", HOSTILE, ids=[str(at) for at in range(len(HOSTILE))])
async def test_nothing_that_can_be_typed_is_an_error_or_widens_what_is_visible(shop: SearchIndex, term: str) -> None:
    ids = await found(shop, term, visible={"entity": RefIn((BASKET.source,))})
    assert set(ids) <= {BASKET.id}
    assert await shop.state() == STATE


HOSTILE_WORDS = ["a b", 'x"y', "-x", "name:x", "", "\x00", "a*", "x" * 70000]


@pytest.mark.parametrize("word", HOSTILE_WORDS, ids=[str(at) for at in range(len(HOSTILE_WORDS))])
async def test_words_of_terms_are_no_syntax(shop: SearchIndex, word: str) -> None:
    visible = {"entity": RefIn((BASKET.source,))}
    for terms in (
        Terms((Word(word, (word,), True),)),
        Terms(phrases=((word, word),)),
        Terms(excluded_words=(word,), excluded_phrases=((word,),)),
    ):
        answer = await shop.search(SearchQuery(terms, visible))
        assert {hit.id for hit in answer.hits} <= {BASKET.id}
    assert await shop.state() == STATE


async def test_text_that_is_no_unicode_is_the_callers_error(shop: SearchIndex) -> None:
    lone = "\ud800"
    for query in (
        SearchQuery(Terms((Word(lone),)), everywhere()),
        SearchQuery(Terms(phrases=((lone, "x"),)), everywhere()),
        SearchQuery(parsed(""), everywhere(fact_in("spec.type", [lone]))),
        SearchQuery(parsed(""), everywhere(), filter=RefIn((Ref(lone),))),
        SearchQuery(parsed(""), {lone: EVERYTHING}),
    ):
        with pytest.raises(InputError):
            await shop.search(query)
    with pytest.raises(InputError):
        await shop.write(replacing(document("component:default/basket", title=lone)))
    assert await shop.state() == STATE
    assert (await shop.figures()).documents == len(SHOP)


async def test_leaves_are_compared_to_the_letter(index: SearchIndex) -> None:
    values = ['a "quoted" one', "a'b", "x or y", "with\\slash", "\U0001f600", "lên", "len", "y" * 200, "z" * 3000, "", "=", " "]
    documents = [document(f"component:default/x{at}", leaves=[f"=spec.type={value}"]) for at, value in enumerate(values)]
    await build(index, documents)
    for value, of in zip(values, documents, strict=True):
        assert await found(index, "", filter=fact_in("spec.type", [value])) == [of.id], value
        assert of.id not in await found(index, "", filter=Not(fact_in("spec.type", [value]))), value


async def test_sources_with_a_leaf_are_told_once_each(shop: SearchIndex) -> None:
    assert sorted([source async for source in shop.sources_with("=spec.type=service")]) == [CHECKOUT.source, LEDGER.source]
    assert [source async for source in shop.sources_with("=spec.type=serv")] == []
    assert [source async for source in shop.sources_with("=kind=api")] == [REFUNDS.source]


async def test_the_leaves_of_edges_are_told_by_sources(shop: SearchIndex) -> None:
    sources = [CHECKOUT.source, LEDGER.source, LINK.source, "component:default/unknown"]
    assert await shop.edges_of(sources) == {
        CHECKOUT.source: frozenset(leaf for leaf in CHECKOUT.leaves if leaf.startswith(">")),
        LEDGER.source: frozenset(leaf for leaf in LEDGER.leaves if leaf.startswith(">")),
        LINK.source: frozenset(),
    }
    assert {">>partof>system:default/shop", ">>partof>domain:default/retail"} < CHECKOUT.leaves
    assert await shop.edges_of([]) == {}
