"""The filters that Backstage adds read URLs of repositories, references to entities and paths as it does."""

from typing import Any

import pytest

from graph.errors import RenderError
from workers.scaffolder.templating.backstage import backstage_filters, parse_entity_ref, parse_repo_url, pick
from workers.scaffolder.templating.rendering import Renderer
from workers.scaffolder.templating.values import UNDEFINED

HOSTS = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucketCloud",
    "dev.azure.com": "azure",
    "git.acme.org:8443": "gitea",
}


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("github.com?owner=acme&repo=shop", {"host": "github.com", "owner": "acme", "repo": "shop"}),
        ("GitHub.com?repo=/shop/&owner=a%20b", {"host": "github.com", "owner": "a b", "repo": "shop"}),
        ("gitlab.com?project=42", {"host": "gitlab.com", "project": "42"}),
        ("gitlab.com?owner=group/sub&repo=shop", {"host": "gitlab.com", "owner": "group/sub", "repo": "shop"}),
        (
            "bitbucket.org?workspace=w&project=p&repo=r",
            {"host": "bitbucket.org", "workspace": "w", "project": "p", "repo": "r"},
        ),
        (
            "dev.azure.com?organization=o&project=p&repo=r",
            {"host": "dev.azure.com", "organization": "o", "project": "p", "repo": "r"},
        ),
        ("git.acme.org:8443?repo=r", {"host": "git.acme.org:8443", "repo": "r"}),
    ],
)
def test_a_repository_url_has_parts(url: str, parts: dict[str, str]):
    parsed = parse_repo_url(url, HOSTS.get)
    assert {name: part for name, part in parsed.items() if part is not UNDEFINED} == parts


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("github.com?owner=acme", "has no repo"),
        ("github.com?owner=&repo=shop", "has no owner"),
        ("bitbucket.org?project=p&repo=r", "has no workspace"),
        ("elsewhere.org?owner=a&repo=b", "no integration for the host 'elsewhere.org'"),
        ("", "no URL"),
        (None, "no integration for the host 'undefined'"),
    ],
)
def test_a_repository_url_that_lacks_something_is_refused(url: Any, message: str):
    with pytest.raises(RenderError, match=message):
        parse_repo_url(url, HOSTS.get)


def test_a_reference_keeps_its_letters_and_gets_what_it_leaves_out():
    assert parse_entity_ref("Component:Ns/Shop") == {"kind": "Component", "namespace": "Ns", "name": "Shop"}
    assert parse_entity_ref("shop", {"defaultKind": "api"}) == {"kind": "api", "namespace": "default", "name": "shop"}
    assert parse_entity_ref({"kind": "group", "name": "a"}, {"defaultNamespace": "x"}) == {"kind": "group", "namespace": "x", "name": "a"}


@pytest.mark.parametrize("ref", ["", None, "shop", "group:", ":a", "group:/a", {"kind": "group"}, 5])
def test_a_reference_that_lacks_something_is_refused(ref: Any):
    with pytest.raises(RenderError):
        parse_entity_ref(ref)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b[0].c", 1),
        ("a['b'][0]", {"c": 1}),
        (["a", "b", 0, "c"], 1),
        ("x.y", "dotted"),
        ("a.b.length", 1),
        ("none", None),
        ("none.deeper", UNDEFINED),
        ("a.nope.deeper", UNDEFINED),
        ("a.b[1]", UNDEFINED),
    ],
)
def test_pick_follows_paths(path: Any, found: Any):
    assert pick({"a": {"b": [{"c": 1}]}, "x.y": "dotted", "none": None}, path) == found


def test_pick_has_a_default_and_no_way_to_what_objects_inherit():
    assert pick({}, "a", "default") == "default"
    with pytest.raises(RenderError):
        pick({}, "constructor.name")


def test_a_filter_that_fails_fails_the_expression_alone():
    renderer = Renderer(backstage_filters(HOSTS.get))
    value = {"slug": "${{ 'github.com?owner=acme&repo=shop' | projectSlug }}", "bad": "${{ 'elsewhere.org' | projectSlug }}"}
    assert renderer.render_value(value, {}) == {"slug": "acme/shop", "bad": value["bad"]}
