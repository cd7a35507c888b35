"""The example catalog, read as shipped: what it holds, and that each of its oddities shows."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cli.catalogs import Choice, opened

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "app-config.yaml"
QUERIES = {
    "kinds": '{ facets(of: ["kind"]) { values { value count } } }',
    "dangling": "{ danglingRelations { nodes { sourceRef relation targetRef evidence { field line } } } }",
    "cycles": "{ cycles { nodes { size members { nodes { ref } } } } }",
    "errors": "{ catalogErrors { totalCount nodes { code document line column ref path } } }",
    "owner": """{ entity(ref: "component:default/fax-lists") {
        owner { ref } relations(types: [OWNED_BY]) { edges { targetRef node { ref } } }
    } }""",
    "definitions": "{ apis { nodes { name type spec } } }",
    "levels": '{ entity(ref: "group:default/footlight") { ... on Group { children { totalCount } descendants { totalCount } } } }',
    "members": '{ entity(ref: "group:default/venue-team") { ... on Group { members { nodes { name } } } } }',
    "parts": '{ entity(ref: "component:default/payments") { ... on Component { subcomponents { nodes { name } } } } }',
    "subdomains": '{ entity(ref: "domain:default/venues") { ... on Domain { subdomains { nodes { name } } } } }',
    "providers": '{ entity(ref: "api:default/sales-events") { ... on API { providers { nodes { name } } } } }',
    "docs": '{ components(filter: { annotation: [{ key: "backstage.io/techdocs-ref" }] }) { nodes { name origin { path } } } }',
    "locations": '{ entities(filter: { kind: ["Location"] }) { nodes { ref errors { code } } } }',
    "missing": '{ whyMissing(ref: "component:default/follow-spot") { presence errors { code } } }',
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """The answer to each of QUERIES."""

    async def collected() -> dict[str, Any]:
        async with opened(Choice(None, (), (CONFIG,))) as ask:
            return {name: await ask(query, {}) for name, query in QUERIES.items()}

    replies = asyncio.run(collected())
    assert {name: reply["errors"] for name, reply in replies.items() if reply.get("errors")} == {}
    return {name: reply["data"] for name, reply in replies.items()}


def test_there_are_a_hundred_entities_of_all_nine_kinds(answers: dict[str, Any]):
    assert {value["value"]: value["count"] for value in answers["kinds"]["facets"][0]["values"]} == {
        "Component": 34,
        "User": 14,
        "Group": 12,
        "Resource": 11,
        "System": 10,
        "API": 9,
        "Domain": 6,
        "Location": 2,
        "Template": 2,
    }


def test_one_owner_is_missing_and_nothing_else(answers: dict[str, Any]):
    edge = {"sourceRef": "component:default/fax-lists", "relation": "OWNED_BY", "targetRef": "group:default/house-liaison"}
    assert answers["dangling"]["danglingRelations"]["nodes"] == [{**edge, "evidence": [{"field": "spec.owner", "line": 60}]}]
    assert answers["owner"]["entity"] == {
        "owner": None,
        "relations": {"edges": [{"targetRef": "group:default/house-liaison", "node": None}]},
    }


def test_three_components_depend_on_one_another_in_a_circle(answers: dict[str, Any]):
    (cycle,) = answers["cycles"]["cycles"]["nodes"]
    assert cycle["size"] == 3
    assert [node["ref"] for node in cycle["members"]["nodes"]] == [
        "component:default/allocation",
        "component:default/pricing",
        "component:default/seat-holds",
    ]


def test_the_broken_file_shows_three_errors_with_their_places(answers: dict[str, Any]):
    errors = answers["errors"]["catalogErrors"]
    assert errors["totalCount"] == 3
    assert {error["path"] for error in errors["nodes"]} == {str(ROOT / "examples/broken/catalog-info.yaml")}
    assert [(e["code"], e["document"], e["line"], e["column"], e["ref"]) for e in errors["nodes"]] == [
        ("duplicate-key", 1, 24, 3, "component:default/cue-lights"),
        ("tab", 2, 32, 1, "component:default/follow-spot"),
        ("invalid-ref", 3, 46, 7, "component:default/fly-tower"),
    ]
    assert answers["missing"]["whyMissing"]["errors"] == [{"code": "tab"}]


def test_every_api_has_its_definition_in_a_file_of_its_own(answers: dict[str, Any]):
    apis = answers["definitions"]["apis"]["nodes"]
    assert Counter(api["type"] for api in apis) == {"openapi": 4, "asyncapi": 2, "grpc": 2, "graphql": 1}
    for api in apis:
        assert len(api["spec"]["definition"].splitlines()) > 30, api["name"]
    bundled = next(api["spec"]["definition"] for api in apis if api["name"] == "payments-api")
    assert "schemas/money.yaml" not in bundled
    assert "In the currency's smallest unit." in bundled


def test_teams_are_in_three_levels_and_members_are_declared_from_either_side(answers: dict[str, Any]):
    assert answers["levels"]["entity"] == {"children": {"totalCount": 3}, "descendants": {"totalCount": 11}}
    assert [user["name"] for user in answers["members"]["entity"]["members"]["nodes"]] == ["hana-mori", "jonas-wirth"]


def test_there_are_subcomponents_a_subdomain_and_an_api_with_two_providers(answers: dict[str, Any]):
    assert [part["name"] for part in answers["parts"]["entity"]["subcomponents"]["nodes"]] == ["card-vault", "refunds"]
    assert [domain["name"] for domain in answers["subdomains"]["entity"]["subdomains"]["nodes"]] == ["front-of-house"]
    assert [provider["name"] for provider in answers["providers"]["entity"]["providers"]["nodes"]] == ["checkout", "payments"]


def test_two_components_have_an_mkdocs_site_beside_them(answers: dict[str, Any]):
    documented = {c["name"]: c["origin"]["path"].rpartition("/")[0] for c in answers["docs"]["components"]["nodes"]}
    services = ROOT / "examples" / "services"
    assert documented == {"checkout": str(services / "booking" / "checkout"), "handbook": str(services / "handbook")}
    for folder in documented.values():
        assert (ROOT / folder / "mkdocs.yml").is_file()
        assert (ROOT / folder / "docs" / "index.md").is_file()


def test_an_optional_location_may_be_missing(answers: dict[str, Any]):
    assert answers["locations"]["entities"]["nodes"] == [
        {"ref": "location:default/footlight", "errors": []},
        {"ref": "location:default/local-additions", "errors": []},
    ]
