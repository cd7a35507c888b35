"""Snippets show what matches, as it was written, in passages of bounded length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.search.index import TextField
from workers.search.snippets import LONGEST_SNIPPET, Highlighter, Snippet
from workers.search.terms import Synonyms, parsed


def matches(term: str, text: str, synonyms: Synonyms | None = None) -> list[str]:
    """What is marked in the text."""
    shown = Highlighter(parsed(term, synonyms or Synonyms())).snippets({TextField.BODY: text})
    return [part.text for part in shown[TextField.BODY].parts if part.is_match] if shown else []


@pytest.mark.parametrize(
    ("term", "text", "marked"),
    [
        ("checkout", "The Checkout is here", ["Checkout"]),
        ("chekcout", "The Checkout is here", ["Checkout"]),
        ("check", "Checkout, checking", ["Checkout", "checking"]),
        ("check ", "Checkout, checking, checks", ["checks"]),
        ("refund", "All refunds", ["refunds"]),
        ("policies", "A policy", ["policy"]),
        ("geneve", "In Gene\u0300ve and GENÈVE", ["Gene\u0300ve", "GENÈVE"]),
        ("strasse", "Die Straße", ["Straße"]),
        ("service", "checkoutService", ["checkoutService"]),
        ("git hub", "GitHub", ["GitHub"]),
        ("checkoutService", "a checkout service", ["checkout", "service"]),
        ('"the money"', "money, the money", ["the", "money"]),
        ("the money", "money, the money", ["money", "money"]),
        ("money -the", "the money", ["money"]),
        ("rfe", "refunds", []),
        ("kuberentse", "Kubernetes", ["Kubernetes"]),
        ("postgers", "postgres", ["postgres"]),
        ("refnd", "A booking was refunded", ["refunded"]),
        ("refnd ", "A booking was refunded", []),
        ("boking", "filler " * 100 + "a booking was refunded", ["booking"]),
        ("", "anything", []),
        ("???", "anything???", []),
    ],
)
def test_what_the_index_would_find_is_marked(term: str, text: str, marked: list[str]) -> None:
    assert matches(term, text) == marked


def test_synonyms_are_marked() -> None:
    synonyms = Synonyms.of([["k8s", "kubernetes"], ["ci", "continuous integration"]])
    assert matches("k8s", "On Kubernetes", synonyms) == ["Kubernetes"]
    assert matches("ci", "Continuous integration, continuous trouble", synonyms) == ["Continuous", "integration"]


def test_only_fields_in_which_something_matches_have_a_snippet() -> None:
    texts = {TextField.NAME: "checkout", TextField.TITLE: "Something else"}
    assert set(Highlighter(parsed("checkout")).snippets(texts)) == {TextField.NAME}


def test_a_long_text_is_shown_where_most_of_it_matches() -> None:
    text = "filler money filler " * 40 + "here the refund of money is " + "explained at length " * 40
    (snippet,) = Highlighter(parsed("refund money")).snippets({TextField.BODY: text}).values()
    shown = "".join(part.text for part in snippet.parts)
    assert "refund of money" in shown
    assert snippet.is_cut_before
    assert snippet.is_cut_after
    assert len(shown) <= LONGEST_SNIPPET
    assert f" {shown} " in text


def test_the_beginning_of_a_text_is_not_cut_where_it_matches() -> None:
    (snippet,) = Highlighter(parsed("refund")).snippets({TextField.BODY: "refund " + "more text " * 60}).values()
    assert snippet.parts[0].text == "refund"
    assert (snippet.is_cut_before, snippet.is_cut_after) == (False, True)


ANY_TEXT = st.text() | st.text(alphabet='checkoutSérvice "-İß\u0300\u200d\U0001f600', max_size=400)


@given(ANY_TEXT.filter(lambda term: len(term) < 40), ANY_TEXT, ANY_TEXT)
def test_a_snippet_is_a_piece_of_the_text_as_it_was(term: str, before: str, after: str) -> None:
    text = f"{before} {term} {after}"
    for snippet in Highlighter(parsed(term)).snippets({TextField.BODY: text}).values():
        shown = "".join(part.text for part in snippet.parts)
        assert text.startswith(shown) if not snippet.is_cut_before else shown in text
        assert text.endswith(shown) if not snippet.is_cut_after else shown in text
        assert len(shown) <= LONGEST_SNIPPET
        assert any(part.is_match for part in snippet.parts)
        assert all(part.text for part in snippet.parts)


@given(st.text(alphabet="abcé", min_size=4, max_size=12), st.integers(0, 11))
def test_a_word_is_marked_with_a_letter_missing(word: str, at: int) -> None:
    assert matches(f"{word} ", word[: at % len(word)] + word[at % len(word) + 1 :]) != []


def test_a_snippet_is_a_value() -> None:
    texts = {TextField.BODY: "the money"}
    first, second = (Highlighter(parsed("money")).snippets(texts)[TextField.BODY] for _ in range(2))
    assert first == second == Snippet(first.parts, False, False)
