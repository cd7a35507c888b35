"""Entity sets: entities that come as documents are kept in step like files, and never lost to a mistake."""

from collections.abc import Sequence
from typing import Any

import pytest

from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Cause
from ingest.entity_sets import EntitySetReport, ProvidedEntity, entity_set_location, put_entities
from ingest.pipeline import remove_location
from ingest.settings import settings_from
from tests.ingest.catalogs import Catalog, component, location

CAUSE = Cause("task", "test")


async def put(
    catalog: Catalog,
    *documents: dict[str, Any],
    name: str = "set",
    full: bool = True,
    removed: Sequence[str] = (),
    dry_run: bool = False,
    source: str = "",
) -> EntitySetReport:
    entities = [ProvidedEntity(document, source) for document in documents]
    settings = settings_from(catalog.config, RelationRegistry())
    refs = [Ref(f"component:default/{ref}") for ref in removed]
    return await put_entities(catalog.store, settings, name, entities, full=full, cause=CAUSE, removed=refs, dry_run=dry_run)


def refs(*names: str) -> list[str]:
    return [f"component:default/{name}" for name in names]


async def test_what_is_put_is_there_and_what_is_no_longer_put_goes(catalog: Catalog):
    report = await put(catalog, component("a", dependsOn=["component:b"]), component("b"))
    assert (report.created, report.unchanged, report.problems, report.conflicts) == (refs("a", "b"), 0, [], [])
    report = await put(catalog, component("b", type="website"), component("c"))
    assert (report.created, report.updated, report.removed) == (refs("c"), refs("b"), refs("a"))
    assert await catalog.refs() == refs("b", "c")
    assert (await catalog.changes())[2:] == [
        ("updated", "component:default/b"),
        ("created", "component:default/c"),
        ("removed", "component:default/a"),
    ]


async def test_the_second_time_nothing_is_written(catalog: Catalog):
    documents = [component("a"), component("b", lifecycle=3), component("c")]
    first = await put(catalog, *documents)
    stored, head = await catalog.store.locations(), await catalog.store.head()
    second = await put(catalog, *reversed(documents))
    assert (second.written, second.unchanged, await catalog.store.head(), await catalog.store.locations()) == (0, 2, head, stored)
    assert [(p.index, p.pointer) for p in (*first.problems, *second.problems)] == [(1, "/spec/lifecycle"), (1, "/spec/lifecycle")]


async def test_a_dry_run_says_what_would_be_and_writes_nothing(catalog: Catalog):
    await put(catalog, component("a"), component("b"))
    before = await catalog.dump()
    report = await put(catalog, component("b", type="website"), component("c"), component("d", type=[]), dry_run=True)
    assert (report.created, report.updated, report.removed) == (refs("c"), refs("b"), refs("a"))
    assert [(p.index, p.ref, p.pointer, p.code) for p in report.problems] == [(2, "component:default/d", "/spec/type", "wrong-type")]
    assert await catalog.dump() == before
    assert await put(catalog, component("x"), name="another", dry_run=True) == EntitySetReport(
        created=refs("x"), updated=[], removed=[], problems=[], conflicts=[]
    )
    assert await catalog.dump() == before


async def test_an_invalid_entity_keeps_what_it_was_and_says_so(catalog: Catalog):
    await put(catalog, component("a"), component("b"), source="https://hr.example.com/1")
    report = await put(catalog, component("a", dependsOn=["b"]), component("c"), source="https://hr.example.com/2")
    assert (report.created, report.removed) == (refs("c"), refs("b"))
    assert await catalog.refs() == refs("a", "c")
    assert await catalog.told() == [("https://hr.example.com/1#component:default/a", "invalid-ref", "component:default/a")]
    [problem] = report.problems
    assert (problem.pointer, problem.remedy) == ("/spec/dependsOn/0", "Write [kind:][namespace/]name, such as component:b.")
    assert (await put(catalog, component("a"), component("c"), source="https://hr.example.com/2")).problems == []
    assert await catalog.told() == []


async def test_nothing_of_a_source_goes_while_one_of_its_entities_can_not_be_told(catalog: Catalog):
    await put(catalog, component("a"), component("b"))
    nameless = component("a")
    del nameless["metadata"]["name"]
    report = await put(catalog, nameless, component("c"))
    assert ([p.pointer for p in report.problems], report.removed) == (["/metadata/name"], [])
    assert await catalog.refs() == refs("a", "b", "c")
    assert (await put(catalog, component("a"), component("c"))).removed == refs("b")
    assert await catalog.told() == []


async def test_a_delta_leaves_the_rest_alone(catalog: Catalog):
    await put(catalog, component("a"), component("b"), component("c"))
    report = await put(catalog, component("b", type="website"), component("d"), full=False, removed=["a", "unknown"])
    assert (report.created, report.updated, report.removed) == (refs("d"), refs("b"), refs("a"))
    assert await catalog.refs() == refs("b", "c", "d")


async def test_a_change_of_the_source_alone_is_no_loss(catalog: Catalog):
    await put(catalog, component("a"), source="https://old.example.com")
    report = await put(catalog, component("a"), source="https://new.example.com")
    assert (report.updated, report.removed) == (refs("a"), [])
    annotations = (await catalog.entity("component:default/a")).metadata["annotations"]
    assert annotations == {
        "backstage.io/managed-by-location": "url:https://new.example.com",
        "backstage.io/managed-by-origin-location": "provider:set",
    }


async def test_the_rules_hold_for_sets_too(catalog: Catalog):
    user = {**component("u"), "kind": "User", "spec": {"memberOf": []}}
    catalog.settings = {"rules": [{"allow": ["Component"]}]}
    assert [(p.ref, p.code) for p in (await put(catalog, user)).problems] == [("user:default/u", "kind-not-allowed")]
    catalog.settings = {"rules": [{"allow": ["User"], "locations": [{"type": "provider", "exact": "set"}]}]}
    assert (await put(catalog, user)).created == ["user:default/u"]


async def test_people_of_a_configured_directory_need_no_rule(catalog: Catalog):
    user = {**component("u"), "kind": "User", "spec": {"memberOf": []}}
    catalog.settings = {"rules": [{"allow": ["Component"]}]}
    assert (await put(catalog, user, name="githubOrg:acme")).created == ["user:default/u"]


async def test_who_declares_an_entity_first_keeps_it_until_letting_go(catalog: Catalog):
    catalog.write("all.yaml", component("a"))
    await catalog.read()
    report = await put(catalog, component("a", type="website"))
    assert (report.written, [error.ref for error in report.conflicts]) == (0, refs("a"))
    assert [code for _, code, _ in await catalog.told()] == ["conflict", "conflict"]
    catalog.write("all.yaml", component("b"))
    await catalog.read()
    assert (await catalog.entity("component:default/a")).spec["type"] == "website"
    assert await catalog.told() == []


async def test_one_set_can_not_declare_an_entity_twice(catalog: Catalog):
    report = await put(catalog, component("a"), component("a", type="website"))
    assert (report.created, len(report.conflicts)) == (refs("a"), 2)
    assert (await catalog.entity("component:default/a")).spec["type"] == "service"


async def test_refreshing_a_set_leaves_it_alone_and_removing_it_removes_its_entities(catalog: Catalog):
    catalog.write("all.yaml", component("z"))
    await put(catalog, component("a"), component("b", lifecycle=3))
    before = await catalog.dump()
    reports = await catalog.read_all()
    assert [(report.location.target, report.unchanged, report.errors) for report in reports][1:] == [("set", 1, 1)]
    assert await catalog.refs() == refs("a", "z")
    assert {ref: entity for ref, entity in before.items() if ref == "component:default/a"} == {
        ref: entity for ref, entity in (await catalog.dump()).items() if ref == "component:default/a"
    }
    await remove_location(entity_set_location("set"), catalog.store, settings_from(catalog.config, RelationRegistry()))
    assert (await catalog.refs(), await catalog.errors()) == (refs("z"), [])


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"x": {1, 2}}, "wrong-type"),
        ({"x": "\ud800"}, "wrong-type"),
        ({"x": 2**70}, "wrong-type"),
        ({"x": {"$text": "./readme.md"}}, "placeholder-unreadable"),
        ({"x": "y" * 200_000}, "file-too-large"),
    ],
)
async def test_what_no_file_could_hold_is_refused(catalog: Catalog, spec: dict[str, Any], code: str):
    catalog.settings = {"maxFileSizeBytes": 100_000}
    assert [p.code for p in (await put(catalog, component("a", **spec))).problems] == [code]


async def test_a_document_that_nests_too_deep_is_refused(catalog: Catalog):
    deep: Any = "x"
    for _ in range(240):
        deep = [deep]
    assert [p.code for p in (await put(catalog, component("a", x=deep))).problems] == ["too-deep"]
    for _ in range(100):
        deep = [deep]
    assert [p.code for p in (await put(catalog, component("a", x=deep))).problems] == ["too-deep"]


async def test_a_location_entity_of_a_set_is_refused_rather_than_ignored(catalog: Catalog):
    assert [p.code for p in (await put(catalog, location("l", "https://example.com/catalog-info.yaml"))).problems] == [
        "unsupported-location"
    ]


async def test_five_thousand_entities_are_one_set(catalog: Catalog):
    documents = [component(f"c{n}", dependsOn=[f"component:c{n + 1}"]) for n in range(5000)]
    assert len((await put(catalog, *documents)).created) == 5000
    assert (await put(catalog, *documents)).unchanged == 5000
    assert await catalog.store.count(EVERYTHING, visible=EVERYTHING) == 5000
