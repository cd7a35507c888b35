"""What a term that somebody types asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import InputError
from workers.search.index import Terms, Word
from workers.search.terms import LONGEST_TERM, MOST_WORDS, Synonyms, parsed
from workers.search.words import LONGEST_WORD, folded, inflections, parts_of, searchable, typos_in, words_of


def texts(term: str) -> list[str]:
    return [word.text for word in parsed(term).words]


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("checkout service", ["checkout", "service"]),
        ("checkout-service", ["checkout", "service"]),
        ("checkout_service.v2/api", ["checkout", "service", "v2", "api"]),
        ("POST /refunds/{id}", ["post", "refunds", "id"]),
        ("Zürich Straße Ærø", ["zurich", "strasse", "aero"]),
        ("the team's don't", ["the", "teams", "dont"]),
        ("twice Twice TWICE", ["twice"]),
        ("名前 x", ["名", "前", "x"]),
        ('"unbalanced phrase', ["unbalanced", "phrase"]),
        ("a - b -- c --verbose", ["a", "b", "c", "verbose"]),
        ("well-known -", ["well", "known"]),
        ("x" * 100, ["x" * LONGEST_WORD]),
        ("??? \x00 \U0001f600 -", []),
    ],
)
def test_words(term: str, words: list[str]) -> None:
    assert texts(term) == words


def test_a_compound_is_one_word_or_its_parts() -> None:
    assert parsed("checkoutService ").words == (Word("checkoutservice", ("checkout service",)),)
    assert parsed("HTTPServer OAuth2 ").words == (Word("httpserver", ("http server",)), Word("oauth2", ("o auth 2",)))
    assert parts_of("plain") == parts_of("PLAIN") == parts_of("Plain") == parts_of("42") == ()
    assert parts_of("a1b2c3d4e5f6") == ()


def test_phrases_and_what_is_excluded() -> None:
    assert parsed('a "Big Fish" -small -"red  Fish" -checkout-service ""') == Terms(
        words=(Word("a"),),
        phrases=(("big", "fish"),),
        excluded_words=("small",),
        excluded_phrases=(("red", "fish"), ("checkout", "service")),
    )
    assert parsed("\u201cbig fish\u201d").phrases == (("big", "fish"),)
    assert parsed("-checkoutService") == Terms(excluded_words=("checkoutservice",), excluded_phrases=(("checkout", "service"),))


@pytest.mark.parametrize(
    ("term", "is_open"),
    [("check", True), ("check ", False), ("check?", False), ('check "out"', False), ('"check', True), ("check -", False)],
)
def test_the_last_word_is_open_until_something_follows(term: str, is_open: bool) -> None:
    assert [word.open for word in parsed(term).words][-1] is is_open


def test_words_that_only_ask_are_optional_unless_nothing_else_is_there() -> None:
    words = parsed("which API has POST /refunds?").words
    assert [(word.text, word.optional) for word in words] == [
        ("which", True), ("api", False), ("has", True), ("post", False), ("refunds", False),
    ]  # fmt: skip
    assert [word.optional for word in parsed("who is it").words] == [False, False, False]
    assert [word.optional for word in parsed('who "is it"').words] == [False]


def test_synonyms_stand_for_words_and_for_several_in_a_row() -> None:
    synonyms = Synonyms.of([["K8s", "Kubernetes", "kube"], ["CI", "continuous integration"], ["", "???"]])
    assert parsed("kubernetes ", synonyms).words == (Word("kubernetes", ("k8s", "kube")),)
    assert parsed("ci ", synonyms).words == (Word("ci", ("continuous integration",)),)
    assert [word.synonyms for word in parsed("Continuous-Integration of tests", synonyms).words] == [("ci",), ("ci",), (), ()]


def test_a_term_is_bounded() -> None:
    assert len(texts(" ".join(f"w{number}" for number in range(MOST_WORDS)))) == MOST_WORDS
    with pytest.raises(InputError, match="33"):
        parsed(" ".join(f"w{number}" for number in range(MOST_WORDS + 1)))
    with pytest.raises(InputError, match=str(LONGEST_TERM)):
        parsed("x" * (LONGEST_TERM + 1))
    with pytest.raises(InputError, match="Unicode"):
        parsed("\ud800")


def test_inflections_are_those_of_english_nouns() -> None:
    assert inflections("refund") == ("refunds",)
    assert inflections("refunds") == ("refund",)
    assert inflections("policy") == ("policies",)
    assert inflections("policies") == ("policy",)
    assert inflections("boxes") == ("box", "boxe")
    assert inflections("access") == inflections("api") == inflections("v2x4") == ()


def test_longer_words_may_have_more_typos() -> None:
    assert [typos_in(word) for word in ("abc", "abcd", "abcdefgh", "abcdefghi", "2024")] == [0, 1, 1, 2, 0]


def test_an_index_has_words_as_they_stand_and_parts_of_compounds_behind() -> None:
    assert searchable(["GitHub actions", "ledgerService"]) == "github actions ledgerservice git hub ledger service"


@given(st.text(max_size=120) | st.text(alphabet="aB1 -\"'_.é\u0301名", max_size=60))
def test_no_term_fails_and_every_word_is_folded(term: str) -> None:
    try:
        terms = parsed(term)
    except InputError:
        assert len(words_of(term.replace('"', " "))) > MOST_WORDS or any("\ud800" <= letter <= "\udfff" for letter in term)
        return
    words = [word.text for word in terms.words] + [word for phrase in terms.phrases for word in phrase]
    assert all(word and folded(word) == word and not word.isspace() and len(word) <= LONGEST_WORD for word in words)
    assert sum(word.open for word in terms.words) <= 1
    assert not terms.words or any(not word.optional for word in terms.words)


@given(st.text(max_size=200))
def test_the_words_of_a_text_are_found_in_it_again(text: str) -> None:
    assert searchable([text]).split()[: len(words_of(text))] == words_of(text)
    assert words_of(" ".join(words_of(text))) == words_of(text)
