"""The schema that Neo4jStore makes in its database: versions, constraints, labels."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import LiteralString, cast

import neo4j
import pytest

from graph.conditions import EVERYTHING, fact_in
from graph.entities import Edge, Entity, Evidence, Origin, canonical_json, content_hash
from graph.errors import InputError, StoreError, StoreUnavailableError
from graph.refs import Ref, uid_of
from graph.relations import Direction, RelationRegistry, Step
from graph.store import Batch, Cause, Counts, EntityWrite, Removal, Window
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_migrations import SCHEMA, Migration, migrate, statements_of, stored_version

Query = Callable[..., list[neo4j.Record]]

CAUSE = Cause("user", "user:default/guest")


@pytest.fixture
def query(empty_neo4j_uri: str) -> Query:
    def answer(text: str, **parameters: object) -> list[neo4j.Record]:
        with neo4j.GraphDatabase.driver(empty_neo4j_uri) as driver:
            return driver.execute_query(cast("LiteralString", text), parameters).records

    return answer


@pytest.fixture
async def store(empty_neo4j_uri: str) -> AsyncIterator[Neo4jStore]:
    opened = Neo4jStore(empty_neo4j_uri, None, None, "neo4j", RelationRegistry())
    await opened.open()
    yield opened
    await opened.close()


def entity(kind: str, name: str, line: int = 1) -> Entity:
    document = {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": {"name": name}}
    return Entity(Ref(f"{kind.lower()}:default/{name}"), document, Origin("file:/all.yaml", "/all.yaml", 0, line))


def hash_of(entity: Entity) -> str:
    return content_hash(canonical_json(entity.document))


def without_schema(query: Query) -> None:
    query("MATCH (n) DETACH DELETE n")
    for row in query("SHOW CONSTRAINTS YIELD name"):
        query(f"DROP CONSTRAINT {row['name']}")
    for row in query("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'"):
        query(f"DROP INDEX {row['name']}")


async def test_replicas_that_open_an_empty_database_at_once_make_one_schema(empty_neo4j_uri: str, query: Query) -> None:
    without_schema(query)
    replicas = [Neo4jStore(empty_neo4j_uri, None, None, "neo4j", RelationRegistry()) for _ in range(4)]
    await asyncio.gather(*(replica.open() for replica in replicas))
    await asyncio.gather(*(replica.check() for replica in replicas))
    await asyncio.gather(*(replica.close() for replica in replicas))

    versions = query("MATCH (s:SchemaVersion) RETURN s.version AS version, s.migration AS migration")
    assert [(row["version"], row["migration"]) for row in versions] == [(len(SCHEMA), SCHEMA[-1].name)]
    assert [row["n"] for row in query("MATCH (c:Counter) RETURN count(c) AS n")] == [1]
    constraints = query("SHOW CONSTRAINTS YIELD labelsOrTypes, properties, type")
    assert sorted((row["labelsOrTypes"][0], *row["properties"]) for row in constraints if row["type"] == "UNIQUENESS") == [
        ("CatalogError", "id"),
        ("Change", "sequence"),
        ("Counter", "name"),
        ("Ref", "ref"),
        ("Root", "id"),
        ("SchemaVersion", "name"),
        ("SourceFile", "locationId", "path"),
        ("StateRow", "collection", "id"),
    ]
    assert [row["state"] for row in query("SHOW INDEXES YIELD state") if row["state"] != "ONLINE"] == []


async def test_no_index_begins_like_another_because_a_file_would_be_found_by_reading_its_whole_location(
    store: Neo4jStore, query: Query
) -> None:
    rows = query("SHOW INDEXES YIELD labelsOrTypes, properties, type WHERE type = 'RANGE'")
    indexes = [(row["labelsOrTypes"][0], *row["properties"]) for row in rows]
    assert [(short, long) for short in indexes for long in indexes if short != long and long[: len(short)] == short] == []


async def test_an_older_schema_is_brought_up_to_date_with_what_it_holds(empty_neo4j_uri: str, query: Query) -> None:
    without_schema(query)
    async with neo4j.AsyncGraphDatabase.driver(empty_neo4j_uri) as driver:
        await migrate(lambda: driver.session(database="neo4j"), SCHEMA[:1])
    query("CREATE (:SourceFile {locationId: 'a', path: 'b', digest: 'c', includes: [], targets: [], claims: [], kept: []})")
    store = Neo4jStore(empty_neo4j_uri, None, None, "neo4j", RelationRegistry())
    await store.open()
    assert [row["version"] for row in query("MATCH (s:SchemaVersion) RETURN s.version AS version")] == [len(SCHEMA)]
    assert [(path, file.digest) for path, file in (await store.files("a")).items()] == [("b", "c")]
    await store.close()


async def test_a_second_open_changes_nothing_and_keeps_what_is_stored(store: Neo4jStore, query: Query) -> None:
    await store.apply(Batch(CAUSE, writes=[EntityWrite(entity("Component", "shop"), [], None)]))
    migrated = query("MATCH (s:SchemaVersion) RETURN properties(s) AS p")[0]["p"]
    await store.open()
    assert query("MATCH (s:SchemaVersion) RETURN properties(s) AS p")[0]["p"] == migrated
    assert await store.counts() == Counts(entities=1, placeholders=0, edges=0, errors=0, changes=1)


async def test_a_schema_newer_than_the_code_is_refused_and_left_alone(store: Neo4jStore, empty_neo4j_uri: str, query: Query) -> None:
    query("MATCH (s:SchemaVersion) SET s.version = 99")
    newer = Neo4jStore(empty_neo4j_uri, None, None, "neo4j", RelationRegistry())
    with pytest.raises(StoreError, match=f"schema version 99, and this Callboard knows {len(SCHEMA)}"):
        await newer.open()
    with pytest.raises(StoreUnavailableError):
        await store.check()
    assert query("MATCH (s:SchemaVersion) RETURN s.version AS version")[0]["version"] == 99


async def test_an_emptied_database_is_no_longer_ready_and_is_after_opening_again(store: Neo4jStore, query: Query) -> None:
    query("MATCH (n) DETACH DELETE n")
    with pytest.raises(StoreUnavailableError, match="start again"):
        await store.check()
    await store.open()
    await store.check()
    assert await store.head() == 0


async def test_a_later_migration_runs_once_and_keeps_the_data(store: Neo4jStore, empty_neo4j_uri: str, query: Query) -> None:
    await store.apply(Batch(CAUSE, writes=[EntityWrite(entity("Component", "shop"), [], None)]))
    later = Migration(len(SCHEMA) + 1, "999_seen.cypher", "MATCH (e:Entity) SET e.seen = coalesce(e.seen, 0) + 1;\n")
    async with neo4j.AsyncGraphDatabase.driver(empty_neo4j_uri) as driver:
        for _ in range(2):
            await migrate(lambda: driver.session(database="neo4j"), [*SCHEMA, later])
        assert await stored_version(lambda: driver.session(database="neo4j")) == later.version
    assert [row["seen"] for row in query("MATCH (e:Entity) RETURN e.seen AS seen")] == [1]
    assert (await store.counts()).entities == 1


def test_a_script_is_cut_at_the_semicolons_that_end_a_line() -> None:
    script = "// why\nCREATE INDEX a IF NOT EXISTS\nFOR (n:N) ON (n.a);\nMERGE (c:Counter {name: 'x;y'});\n"
    assert list(statements_of(script)) == ["// why\nCREATE INDEX a IF NOT EXISTS\nFOR (n:N) ON (n.a)", "MERGE (c:Counter {name: 'x;y'})"]


async def test_nodes_carry_their_kind_as_a_label_unless_the_label_means_something_else(store: Neo4jStore, query: Query) -> None:
    shop = entity("Component", "shop")
    dependency = Edge(shop.ref, "dependsOn", Ref("resource:default/missing"), (Evidence(shop.ref, "dependsOn", "/all.yaml", 1),))
    strange = [entity("Placeholder", "real"), entity("Change", "also-real")]
    await store.apply(Batch(CAUSE, writes=[EntityWrite(shop, [dependency], None), *(EntityWrite(e, [], None) for e in strange)]))
    labels = "MATCH (n:Ref) RETURN n.ref AS ref, labels(n) AS labels ORDER BY ref"
    assert {row["ref"]: set(row["labels"]) for row in query(labels)} == {
        "component:default/shop": {"Ref", "Entity", "Component"},
        "resource:default/missing": {"Ref", "Placeholder"},
        "placeholder:default/real": {"Ref", "Entity"},
        "change:default/also-real": {"Ref", "Entity"},
    }
    assert await store.counts() == Counts(entities=3, placeholders=1, edges=1, errors=0, changes=3)

    spelled = Entity(shop.ref, {**shop.document, "kind": "COMPONENT"}, shop.origin)
    patch = [{"op": "replace", "path": "/kind", "value": "COMPONENT"}]
    await store.apply(Batch(CAUSE, writes=[EntityWrite(spelled, [dependency], hash_of(shop), patch)]))
    assert {row["ref"]: set(row["labels"]) for row in query(labels)}["component:default/shop"] == {"Ref", "Entity", "COMPONENT"}
    await store.apply(Batch(CAUSE, removals=[Removal(shop.ref, hash_of(spelled))]))
    assert [row["ref"] for row in query(labels)] == ["change:default/also-real", "placeholder:default/real"]


async def test_a_relation_name_never_becomes_a_part_of_the_query(store: Neo4jStore) -> None:
    await store.apply(Batch(CAUSE, writes=[EntityWrite(entity("Component", "shop"), [], None)]))
    for name in ("x`]->() DETACH DELETE e //", "x\\u0060", "", "depends on"):
        with pytest.raises(InputError, match="can't name a relation"):
            await store.related([Ref("component:default/shop")], [Step(name, Direction.OUT)], Window(1), visible=EVERYTHING)
        edge = Edge(
            Ref("component:default/a"), name, Ref("component:default/b"), (Evidence(Ref("component:default/a"), "x", "/all.yaml", 1),)
        )
        with pytest.raises(InputError):
            await store.apply(Batch(CAUSE, writes=[EntityWrite(entity("Component", "a"), [edge], None)]))
    assert await store.counts() == Counts(entities=1, placeholders=0, edges=0, errors=0, changes=1)


@pytest.mark.parametrize(("declared", "asked"), [(["library", "Service"], "service"), ("Service", "service"), (5, "5"), (True, "true")])
async def test_a_path_with_a_property_of_its_own_is_found_by_any_of_its_values(store: Neo4jStore, declared: object, asked: str) -> None:
    plain = entity("Component", "shop")
    typed = Entity(plain.ref, {**plain.document, "spec": {"type": declared}}, plain.origin)
    await store.apply(Batch(CAUSE, writes=[EntityWrite(typed, [], None)]))
    assert await store.count(fact_in("spec.type", [asked]), visible=EVERYTHING) == 1
    assert await store.count(fact_in("spec.type", ["other"]), visible=EVERYTHING) == 0


async def test_entities_stored_before_uids_were_are_found_by_them(store: Neo4jStore, query: Query, empty_neo4j_uri: str) -> None:
    shop = entity("Component", "shop")
    await store.apply(Batch(CAUSE, [EntityWrite(shop, [], None)]))
    unlike = "SET e.facts = [fact IN e.facts | replace(fact, $uid, 'written')]"
    query(f"MATCH (e:Entity) REMOVE e.uid, e.uidShown {unlike}", uid=uid_of(shop.ref))
    assert await store.count(fact_in("metadata.uid", [uid_of(shop.ref)]), visible=EVERYTHING) == 0
    query("MATCH (s:SchemaVersion) SET s.version = 3")
    migrated = Neo4jStore(empty_neo4j_uri, None, None, "neo4j", RelationRegistry())
    await migrated.open()
    assert await migrated.count(fact_in("metadata.uid", [uid_of(shop.ref)]), visible=EVERYTHING) == 1
    facets = await migrated.facets(["metadata.uid", "metadata.name"], EVERYTHING, visible=EVERYTHING)
    assert [[(found.value, found.count) for found in values] for values in facets.values()] == [[(uid_of(shop.ref), 1)], [("shop", 1)]]
    await migrated.close()
