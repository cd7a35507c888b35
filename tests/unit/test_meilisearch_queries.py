"""Terms in Meilisearch's language, pages that hold a window, and rows in tasks of bounded size."""

import json

import pytest

from graph.conditions import EVERYTHING
from graph.errors import InputError
from graph.refs import Ref
from workers.search.index import SearchDocument, SearchQuery, Terms, TextField
from workers.search.meilisearch_documents import in_parts, layout_of, row_of, settings_for
from workers.search.meilisearch_queries import parameters_of, text_of
from workers.search.terms import parsed


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("", ""),
        ("check", "check"),
        ("check ", "check "),
        ("Checkout service", "checkout service"),
        ("what is the ledger ", "ledger "),
        ('pay "drain the queue" -old -"not this"', '-"not this" -"old" "drain the queue" pay '),
        ("-old", '-"old" '),
        ("orderPaymentService", "order payment service"),
        ("checkoutService ", "checkoutservice "),
        ("k8s", "k8s"),
        ("check check-out", "check out"),
        ("POST /refunds/{id}", "post refunds id "),
        ("AND -- OR \\ ' NOT", "not"),
    ],
)
def test_terms_become_words_phrases_and_exclusions(term: str, text: str):
    terms = parsed(term)
    assert text_of(terms, [word for word in terms.words if not word.optional]) == text


@pytest.mark.parametrize(
    ("offset", "limit", "page", "size"),
    [(0, 20, 1, 20), (20, 20, 2, 20), (7, 20, 1, 27), (40, 30, 2, 35), (999, 1, 1000, 1), (990, 10, 100, 10), (0, 0, 1, 0), (700, 0, 1, 0)],
)
def test_a_page_is_the_smallest_that_holds_the_window(offset: int, limit: int, page: int, size: int):
    parameters = parameters_of(SearchQuery(Terms(), {}, offset=offset, limit=limit), "x", "")
    assert (parameters["page"], parameters["hitsPerPage"]) == (page, size)


@pytest.mark.parametrize(("offset", "limit"), [(-1, 1), (0, -1), (1_000, 1), (0, 1_001)])
def test_what_is_out_of_reach_is_refused(offset: int, limit: int):
    with pytest.raises(InputError, match="the first 1000 hits"):
        parameters_of(SearchQuery(Terms(), {"entity": EVERYTHING}, offset=offset, limit=limit), "x", "")


def test_a_search_is_on_the_fields_that_are_asked_and_shows_these():
    query = SearchQuery(Terms(), {}, frozenset({TextField.TITLE, TextField.NAME}), facets=["type", "documentType"])
    assert parameters_of(query, "the filter", "words") == {
        "q": "words",
        "filter": "the filter",
        "page": 1,
        "hitsPerPage": 20,
        "matchingStrategy": "all",
        "showRankingScore": True,
        "attributesToSearchOn": ["name", "title"],
        "attributesToRetrieve": ["id", "type", "ref", "location", "centrality", "texts.name", "texts.title"],
        "facets": ["facetType", "documentType"],
    }
    assert "attributesToSearchOn" not in parameters_of(query, "the filter", "")


def test_a_document_is_stored_with_its_words_keys_and_facets():
    ref = Ref("component:default/a")
    texts = {TextField.NAME: "ledgerService", TextField.BODY: "Zürich first"}
    row = row_of(SearchDocument("a:1", str(ref), "entity", ref, "x", texts, {"tag": ["Java", "java", "B c"]}, frozenset({">b", "?a"}), 3))
    assert {name: row[name] for name in ("id", "order", "type", "ref", "location", "texts", "centrality", "source", "edges")} == {
        "id": "a:1",
        "order": "613a31",
        "type": "entity",
        "ref": "component:default/a",
        "location": "x",
        "texts": {"name": "ledgerService", "body": "Zürich first"},
        "centrality": 3,
        "source": "component:default/a",
        "edges": [">b"],
    }
    assert (row["name"], row["body"], row["facetTag"]) == (
        "ledgerservice ledger service",
        "zurich first \u00f0\u00f0",
        ["%4aava", "%42%20c"],
    )


def test_rows_are_cut_into_parts_but_no_row_is():
    rows = [{"key": str(n), "text": "x" * n} for n in (10, 10, 500, 10)]
    parts = [json.loads(part) for part in in_parts(rows, 100)]
    assert [[row["key"] for row in part] for part in parts] == [["10", "10"], ["500"], ["10"]]
    assert list(in_parts([], 100)) == [b"[]"]


def test_settings_know_synonyms_as_analysed_words_and_give_the_index_its_name():
    settings = settings_for([("K8s", "Kubernetes"), ("CI", "continuous-integration", "ci"), ("!", "alone")])
    assert settings["synonyms"] == {
        "k8s": ["kubernetes"],
        "kubernetes": ["k8s"],
        "ci": ["continuous integration"],
        "continuous integration": ["ci"],
    }
    assert layout_of(settings) == layout_of(settings_for([("k8s", "kubernetes"), ("ci", "continuous integration")]))
    assert layout_of(settings) != layout_of(settings_for([]))
