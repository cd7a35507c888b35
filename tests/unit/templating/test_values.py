"""Values of Templates are rendered to values of their own types."""

from typing import Any

import pytest

from workers.scaffolder.templating.backstage import backstage_filters
from workers.scaffolder.templating.rendering import Failure, Renderer

RENDERER = Renderer(backstage_filters({"github.com": "github"}.get))
CONTEXT: dict[str, Any] = {
    "parameters": {
        "name": "Shop",
        "count": 3,
        "share": 0.5,
        "public": True,
        "tags": ["a", "b"],
        "owner": {"kind": "group", "members": [{"name": "ann"}]},
        "repoUrl": "github.com?owner=acme&repo=shop",
        "nothing": None,
    }
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("${{ parameters.name }}", "Shop"),
        ("${{ parameters.count }}", 3),
        ("${{ parameters.share }}", 0.5),
        ("${{ parameters.public }}", True),
        ("${{ parameters.tags }}", ["a", "b"]),
        ("${{ parameters.owner }}", {"kind": "group", "members": [{"name": "ann"}]}),
        ("${{ parameters.nothing }}", None),
        ("${{ parameters.count }} and ${{ parameters.tags }}", "3 and a,b"),
        (" ${{ parameters.count }}", " 3"),
        ("{# a comment #}${{ parameters.count }}", 3),
        ("{% if parameters.public %}${{ parameters.count }}{% endif %}", 3),
        ("{% if parameters.public %}007{% endif %}", "007"),
        ("${{ '12' }}", "12"),
        ("${{ parameters.owner | dump }}", '{"kind":"group","members":[{"name":"ann"}]}'),
        ("${{ parameters.repoUrl | parseRepoUrl }}", {"host": "github.com", "owner": "acme", "repo": "shop"}),
        ("${{ parameters.repoUrl | projectSlug }}", "acme/shop"),
        ("${{ 'team' | parseEntityRef({ defaultKind: 'group' }) | pick('namespace') }}", "default"),
        ("plain", "plain"),
    ],
)
def test_a_string_that_is_one_expression_keeps_the_type_of_its_value(source: str, value: object):
    rendered = RENDERER.render_value(source, CONTEXT)
    assert rendered == value
    assert type(rendered) is type(value)


def test_values_are_rendered_wherever_they_are_and_keys_stay():
    value = {"a": ["${{ parameters.name }}", 1, None], "${{ parameters.name }}": {"b": "${{ parameters.count }}"}}
    assert RENDERER.render_value(value, CONTEXT) == {"a": ["Shop", 1, None], "${{ parameters.name }}": {"b": 3}}


def test_what_renders_to_nothing_goes_with_its_key():
    value = {"missing": "${{ parameters.missing }}", "empty": "", "quoted": "${{ '' }}", "listed": ["${{ parameters.missing }}"]}
    assert RENDERER.render_value(value, CONTEXT) == {"quoted": "", "listed": [None]}


def test_an_expression_that_fails_leaves_the_string_as_it_was_and_is_told():
    failures: list[Failure] = []
    value = {"steps": [{"x": "a ${{ parameters.name | nonsense }}"}], "y": "${{ parameters.name }"}
    assert RENDERER.render_value(value, CONTEXT, failures=failures) == value
    assert [(failure.path, failure.error.line, failure.error.column) for failure in failures] == [
        (("steps", 0, "x"), 1, 25),
        (("y",), 1, 1),
    ]


def test_conditions_hold_as_in_backstage():
    held = {
        condition: RENDERER.evaluate_condition(condition, CONTEXT).holds
        for condition in (
            True,
            False,
            None,
            "${{ parameters.public }}",
            "${{ parameters.count === 4 }}",
            "${{ parameters.missing }}",
            "${{ [] }}",
            "${{ {} }}",
            "${{ 0 }}",
            "false",
            "${{ broken",
        )
    }
    assert [condition for condition, holds in held.items() if not holds] == [
        False,
        "${{ parameters.count === 4 }}",
        "${{ parameters.missing }}",
        "${{ [] }}",
        "${{ 0 }}",
    ]


def test_conditions_tell_whether_they_ask_for_the_state_of_the_task():
    asked = RENDERER.evaluate_condition("${{ failure() and parameters.public }}", CONTEXT, failed=True)
    assert (asked.holds, asked.asks_for_status) == (True, True)
    assert RENDERER.evaluate_condition("${{ failure() }}", CONTEXT).holds is False
    assert RENDERER.evaluate_condition("${{ always() }}", CONTEXT).holds is True
    assert RENDERER.evaluate_condition("${{ parameters.public }}", CONTEXT).asks_for_status is False
