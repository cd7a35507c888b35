"""Sections of built documentation as search documents."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.refs import Ref
from plugins.contract import CollatedDocument, TextField
from workers.search.collators.sections import LONGEST_INDEX, SectionCollator, SiteIndex, section_documents

DOCUMENTED = {"metadata": {"annotations": {"backstage.io/techdocs-ref": "dir:."}}}


def listed(*docs: object) -> bytes:
    return orjson.dumps({"config": {"lang": ["en"]}, "docs": docs})


def reading(content: bytes | None) -> SiteIndex:
    async def read(ref: Ref) -> bytes | None:
        return content if ref == "component:default/shop" else None

    return read


def test_sections_are_named_by_their_titles_below_that_of_their_page():
    content = listed(
        {"location": "", "title": "Shop", "text": "Welcome."},
        {"location": "run/", "title": "Runbook", "text": "Look. Then call."},
        {"location": "run/#runbook", "title": "Runbook", "text": "Look."},
        {"location": "run/#when-it-is-slow", "title": "When it is slow", "text": "Look at the\n\n queue."},
    )
    assert section_documents(content) == (
        CollatedDocument("", {TextField.NAME: "Shop", TextField.BODY: "Welcome."}),
        CollatedDocument("run/", {TextField.NAME: "Runbook", TextField.BODY: "Look. Then call."}, "run/"),
        CollatedDocument(
            "run/#when-it-is-slow",
            {TextField.NAME: "When it is slow", TextField.TITLE: "Runbook", TextField.BODY: "Look at the\nqueue."},
            "run/#when-it-is-slow",
        ),
    )


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<p>Pay <code>twice</code></p><p>&lt;never&gt; &amp; more</p>", "Pay twice <never> & more"),
        ("<p>a</p><script>steal()</script><style>b{}</style><img src=x onerror=steal()>", "a"),
        ("Shop\N{PILCROW SIGN}\nOpens \N{PILCROW SIGN}\nat nine.", "Shop\nOpens\nat nine."),
        ("A List<String> & a Map<K, V>", "A List<String> & a Map<K, V>"),
        ("<p>never closed <a href='", "never closed"),
        (7, "7"),
        (None, ""),
        (["a"], ""),
    ],
)
def test_markup_is_taken_out_and_the_rest_is_text(text: object, plain: str):
    [document] = section_documents(listed({"location": "a/", "title": "A", "text": text}))
    assert document.texts.get(TextField.BODY, "") == plain


async def test_an_entity_without_a_site_has_no_sections():
    collator = SectionCollator(reading(listed({"location": "a/", "title": "A", "text": "b"})))
    assert [document.key for document in await collator.documents(Ref("component:default/shop"), DOCUMENTED)] == ["a/"]
    assert await collator.documents(Ref("component:default/other"), DOCUMENTED) == ()
    assert await collator.documents(Ref("component:default/shop"), {"metadata": {"annotations": None}}) == ()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[" * 5000, b"[]", b'{"docs": 7}', b'{"docs": [7, {"location": 1}]}', b" " * (LONGEST_INDEX + 1)]
)
async def test_what_is_no_list_of_sections_has_none(content: bytes):
    assert await SectionCollator(reading(content)).documents(Ref("component:default/shop"), DOCUMENTED) == ()


def test_a_location_stands_once_and_sections_are_bounded():
    documents = section_documents(listed(*({"location": f"{n % 11_000}/", "title": "x" * 1000} for n in range(12_000))))
    assert len(documents) == 10_000
    assert len(documents[0].texts[TextField.NAME]) == 500


_VALUE = st.none() | st.integers(-9, 9) | st.text(max_size=30) | st.sampled_from(["<p>", "<!--", '<a href="', "</p>&lt;"])


@given(st.lists(st.dictionaries(st.sampled_from(["location", "title", "text"]), _VALUE, max_size=3), max_size=5))
def test_any_list_is_collated(docs: list[dict[str, Any]]):
    assert all(document.texts for document in section_documents(listed(*docs)))
