"""From a repository's files to edges: which component a manifest speaks of, whom an owner means, and what is declared comes first."""

from collections.abc import Mapping
from typing import Any

from graph.refs import Ref
from ingest.infer.edges import Inferred, Repository, infer
from ingest.infer.facts import Declared, facts_of
from ingest.infer.people import people_of

SHOP, LIB, WEB = Ref("component:default/shop"), Ref("component:default/lib"), Ref("component:default/web")
TEAM = Ref("group:default/web-team")


def document(kind: str, name: str, annotations: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "annotations": annotations or {}}, "spec": spec}


def declared(ref: Ref, path: str = "catalog-info.yaml", annotations: Mapping[str, str] | None = None) -> Declared:
    return Declared(ref, document("Component", ref.rpartition("/")[2], annotations), path)


def repository(root: str, files: Mapping[str, str], *entities: Declared) -> Repository:
    return Repository(root, facts_of({path: text.encode() for path, text in files.items()}, entities))


def edges(inferred: Inferred) -> list[tuple[str, str, str, str, int, float]]:
    return [(e.source, e.relation, e.target, one.path, one.line, one.confidence) for e in inferred.edges for one in e.evidence]


PEOPLE = people_of(
    [
        (TEAM, document("Group", "web-team", {"github.com/team-slug": "acme/web"})),
        (Ref("user:default/jane"), document("User", "jane", {"github.com/user-login": "JaneD"}, profile={"email": "Jane@acme.org"})),
        (Ref("group:a/ops"), document("Group", "ops")),
        (Ref("group:b/ops"), document("Group", "ops")),
        (Ref("group:a/solo"), document("Group", "solo")),
    ]
)


def meant(owner: str) -> tuple[str, bool] | None:
    found = PEOPLE.meant_by(owner)
    return None if found is None else (found.ref, found.certain)


def test_an_owner_is_found_by_annotation_then_by_name():
    assert [meant(owner) for owner in ("@acme/web", "@janed", "JANE@acme.org", "@jane", "@acme/solo", "@solo")] == [
        ("group:default/web-team", True),
        ("user:default/jane", True),
        ("user:default/jane", True),
        ("user:default/jane", False),
        ("group:a/solo", False),
        ("group:a/solo", False),
    ]


def test_who_is_unknown_is_named_and_who_is_nobody_is_not():
    assert [meant(owner) for owner in ("@acme/New Team", "@nina", "@acme/ops", "nobody@acme.org", "@@maintainers")] == [
        ("group:default/new-team", False),
        ("user:default/nina", False),
        ("group:default/ops", False),
        None,
        None,
    ]


def test_packages_that_one_repository_publishes_and_another_requires_become_edges_with_evidence():
    shop = repository("/r/shop", {"pyproject.toml": '[project]\nname = "shop"\ndependencies = ["lib", "unknown"]\n'}, declared(SHOP))
    lib = repository("https://host/lib", {"py/pyproject.toml": '[project]\nname = "lib"\n'}, declared(LIB))
    inferred = infer([shop, lib], PEOPLE, {})
    assert edges(inferred) == [(SHOP, "dependsOn", LIB, "/r/shop/pyproject.toml", 3, 0.9)]
    assert inferred.edges[0].evidence[0].inferred
    assert inferred.edges[0].evidence[0].declarer == SHOP


def test_a_manifest_speaks_of_the_component_in_the_nearest_catalog_file():
    files = {"web/package.json": '{"name": "w", "dependencies": {"s": "1"}}', "package.json": '{"name": "s"}'}
    found = repository("/r", files, declared(SHOP), declared(WEB, "web/catalog-info.yaml"))
    assert edges(infer([found], PEOPLE, {})) == [(WEB, "dependsOn", SHOP, "/r/web/package.json", 1, 0.9)]


def test_of_several_components_in_one_file_a_manifest_speaks_of_the_annotated_one_or_of_its_namesake():
    files = {
        "a/package.json": '{"name": "@x/lib"}',
        "b/package.json": '{"name": "ui", "dependencies": {"@x/lib": "1"}}',
        "go.mod": "module m",
    }
    found = repository("/r", files, declared(LIB), declared(SHOP, annotations={"callboard/packages": "pkg:npm/ui, pkg:npm/more"}))
    inferred = infer([found], PEOPLE, {})
    assert edges(inferred) == [(SHOP, "dependsOn", LIB, "/r/b/package.json", 1, 0.9)]
    assert [(problem.path, problem.message) for problem in inferred.problems] == [
        ("/r/go.mod", "may speak of component:default/lib, component:default/shop; annotate the one it means with callboard/packages")
    ]


def test_a_package_that_two_publish_leads_nowhere_and_is_told():
    files = {"package.json": '{"name": "same"}'}
    user = repository("/u", {"package.json": '{"dependencies": {"same": "1"}}'}, declared(SHOP))
    inferred = infer([repository("/a", files, declared(LIB)), repository("/b", files, declared(WEB)), user], PEOPLE, {})
    assert edges(inferred) == []
    assert [(problem.path, problem.message) for problem in inferred.problems] == [
        ("/a/package.json", "publishes pkg:npm/same, as do component:default/web"),
        ("/b/package.json", "publishes pkg:npm/same, as do component:default/lib"),
    ]


def test_an_owner_is_inferred_where_none_is_declared_and_backs_the_same_one():
    found = repository("/r", {"CODEOWNERS": "* @acme/web\n"}, declared(SHOP))
    expected = [(SHOP, "ownedBy", TEAM, "/r/CODEOWNERS", 1, 0.6)]
    assert edges(infer([found], PEOPLE, {})) == expected
    assert edges(infer([found], PEOPLE, {SHOP: [TEAM]})) == expected


def test_an_owner_other_than_the_declared_one_is_a_suggestion_and_no_edge():
    found = repository("/r", {"CODEOWNERS": "*.py @x\n/ @acme/web\n"}, declared(SHOP))
    other = Ref("group:default/other")
    inferred = infer([found], PEOPLE, {SHOP: [other]})
    assert edges(inferred) == []
    assert [(s.ref, s.declared, s.owner, s.evidence.line) for s in inferred.suggestions] == [(SHOP, (other,), TEAM, 2)]


def test_a_rule_for_the_folder_counts_more_than_one_for_everything():
    text = "* @acme/solo\n/web/ @acme/web\n/web/*.yaml @catalog-bot\n"
    found = repository("/r", {"CODEOWNERS": text}, declared(SHOP), declared(WEB, "web/catalog-info.yaml"))
    assert edges(infer([found], PEOPLE, {})) == [
        (SHOP, "ownedBy", "group:a/solo", "/r/CODEOWNERS", 1, 0.4),
        (WEB, "ownedBy", TEAM, "/r/CODEOWNERS", 2, 0.8),
    ]
