"""Entities as search documents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.refs import Ref
from plugins.contract import TextField
from workers.search.collators.entities import entity_document, entity_facets
from workers.search.collators.texts import LONGEST_NAME, LONGEST_TEXT
from workers.search.sources import ENTITY_PATHS, FACET_PATHS

PAYMENTS: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {
        "name": "payments",
        "namespace": "Money",
        "title": "Payments",
        "description": "Takes payments;\n  nothing else.\n",
        "tags": ["java", "audited"],
        "labels": {"footlight.example/tier": "gold"},
        "annotations": {"github.com/project-slug": "footlight/payments", "footlight.example/secret": "hidden"},
        "links": [{"url": "https://x.example", "title": "Dashboard", "type": "grafana"}],
    },
    "spec": {
        "type": "service",
        "lifecycle": "production",
        "owner": "payments-team",
        "system": "default/settlement",
        "dependsOn": ["resource:default/event-bus"],
    },
}


def test_a_component_is_found_by_what_it_says():
    document = entity_document(Ref("component:money/payments"), PAYMENTS)
    assert (document.key, document.location) == ("", "")
    assert document.texts == {
        TextField.NAME: "payments",
        TextField.TITLE: "Payments",
        TextField.TAGS: "java audited",
        TextField.REFERENCES: "payments-team\ndefault/settlement",
        TextField.DESCRIPTION: "Takes payments;\nnothing else.",
        TextField.DETAILS: "Component\nMoney\nservice\nproduction\nDashboard\ngrafana\ntier: gold\nfootlight/payments",
    }


def test_a_component_is_counted_by_its_own_values():
    assert entity_facets(Ref("component:money/payments"), PAYMENTS) == {
        "kind": ["Component"],
        "type": ["service"],
        "owner": ["group:money/payments-team"],
        "lifecycle": ["production"],
        "tag": ["java", "audited"],
        "namespace": ["Money"],
    }


def test_a_user_is_found_by_display_name_mail_and_groups():
    profile = {"displayName": "Ada Byron", "email": "ada@footlight.example", "picture": "https://x.example/a.png"}
    user = {"kind": "User", "metadata": {"name": "ada"}, "spec": {"profile": profile, "memberOf": ["red", "group:default/blue"]}}
    assert entity_document(Ref("user:default/ada"), user).texts == {
        TextField.NAME: "ada",
        TextField.TITLE: "Ada Byron",
        TextField.REFERENCES: "red\nblue",
        TextField.DETAILS: "User\nAda Byron\nada@footlight.example",
    }
    assert entity_facets(Ref("user:default/ada"), user) == {"kind": ["User"], "namespace": ["default"]}


def test_a_template_is_found_by_its_parameters_and_steps():
    template = {
        "kind": "Template",
        "metadata": {"name": "service"},
        "spec": {
            "type": "service",
            "parameters": [
                {
                    "title": "The service",
                    "properties": {"lang": {"title": "Language", "enum": ["go", "java"], "enumNames": ["Go", "Java"]}},
                    "dependencies": {"lang": {"oneOf": [{"properties": {"jdk": {"type": "string", "description": "Which JDK"}}}]}},
                },
                {"title": "The repository", "properties": {"tags": {"items": {"enum": [1, True, None]}}}},
            ],
            "steps": [{"id": "a", "name": "Publish", "action": "publish:gitlab"}, {"action": "catalog:register"}, "nonsense"],
        },
    }
    texts = entity_document(Ref("template:default/service"), template).texts
    assert texts[TextField.PARAMETERS].split("\n") == [
        "The service",
        "lang",
        "Language",
        "go",
        "java",
        "Go",
        "Java",
        "jdk",
        "Which JDK",
        "The repository",
        "tags",
        "1",
        "true",
    ]
    assert texts[TextField.STEPS] == "Publish\npublish:gitlab\ncatalog:register"


def test_the_first_page_of_parameters_may_be_all_of_them():
    template = {"kind": "Template", "metadata": {"name": "t"}, "spec": {"parameters": {"properties": {"a": {"title": "A name"}}}}}
    assert entity_document(Ref("template:default/t"), template).texts[TextField.PARAMETERS] == "a\nA name"


@pytest.mark.parametrize("odd", [None, 7, 1.5, True, [], {}, [None, 3, {"a": 1}], {"a": [1]}, "\0\ud800 x \n y"])
def test_odd_values_where_texts_are_due_do_not_fail(odd: object):
    metadata = dict.fromkeys(("title", "description", "tags", "labels", "annotations", "links", "namespace"), odd)
    spec = dict.fromkeys(("type", "lifecycle", "owner", "system", "profile", "memberOf", "parameters", "steps", "targets"), odd)
    document = {"kind": "Template", "metadata": {"name": "x", **metadata}, "spec": spec}
    assert entity_document(Ref("template:default/x"), document).texts[TextField.NAME] == "x"
    assert entity_facets(Ref("template:default/x"), document)["kind"] == ["Template"]


def test_nothing_grows_beyond_bounds():
    long = "word " * 100_000
    metadata = {"name": "x", "title": long, "description": long, "tags": [f"t{n}" for n in range(100_000)]}
    document = {"kind": "Component", "metadata": metadata, "spec": {"owner": [f"g{n}" for n in range(1000)]}}
    texts = entity_document(Ref("component:default/x"), document).texts
    assert len(texts[TextField.TITLE]) <= LONGEST_NAME
    assert max(map(len, texts.values())) <= LONGEST_TEXT
    assert {facet: len(values) for facet, values in entity_facets(Ref("component:default/x"), document).items()} == {
        "kind": 1,
        "owner": 200,
        "tag": 200,
        "namespace": 1,
    }


def test_every_text_and_facet_says_where_it_stems_from():
    assert set(ENTITY_PATHS) == set(TextField)
    assert set(FACET_PATHS) == {"kind", "type", "owner", "lifecycle", "tag", "namespace"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=10), below, max_size=4),
    max_leaves=30,
)
_KEYS = st.sampled_from(["title", "description", "tags", "links", "type", "owner", "profile", "parameters", "steps", "properties"])


@given(st.dictionaries(_KEYS, _JSON), st.dictionaries(_KEYS, _JSON) | _JSON, st.sampled_from(["component", "template", "user"]))
def test_any_descriptor_is_collated(metadata: dict[str, Any], spec: object, kind: str):
    document = {"kind": kind, "metadata": {"name": "x", **metadata}, "spec": spec}
    ref = Ref(f"{kind}:default/x")
    assert all(isinstance(text, str) and text for text in entity_document(ref, document).texts.values())
    assert all(values for values in entity_facets(ref, document).values())
