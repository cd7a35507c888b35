"""What happens to the graph when files change: nothing for nothing, moves, last good states, conflicts, orphans."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.conditions import EVERYTHING
from graph.errors import StaleWriteError
from graph.relations import RelationRegistry
from graph.store import Batch, Cause
from graph.stores.sqlite import SqliteStore
from ingest.pipeline import READ_AT_GRANULARITY, RefreshReport, location_of, refresh
from ingest.settings import settings_from
from tests.ingest.catalogs import Catalog, component, location, write_documents

BROKEN = "kind: Component\nmetadata: {name: [}\n"


async def test_a_second_read_writes_nothing(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./*.yaml"), component("a"))
    catalog.write("b.yaml", component("b"), BROKEN)
    await catalog.read()
    before, head = await catalog.dump(), await catalog.store.head()
    (stored,) = await catalog.store.locations()
    report = await catalog.read()
    assert (report.written, report.unchanged) == (0, 3)
    assert (await catalog.dump(), await catalog.store.head(), await catalog.store.locations()) == (before, head, [stored])


async def test_a_read_without_news_is_written_down_now_and_then(catalog: Catalog):
    catalog.write("all.yaml", component("a"))
    await catalog.read()
    (stored,) = await catalog.store.locations()
    long_ago = datetime.now(UTC) - READ_AT_GRANULARITY - timedelta(seconds=1)
    await catalog.store.apply(Batch(Cause("user", "test"), locations=(replace(stored, read_at=long_ago),)))
    await catalog.read()
    (stored,) = await catalog.store.locations()
    assert stored.read_at is not None
    assert stored.read_at > long_ago


async def test_only_what_changed_is_written_with_a_patch_and_its_cause(catalog: Catalog):
    catalog.write("all.yaml", component("a"), component("b"))
    await catalog.read()
    catalog.write("all.yaml", component("a"), component("b", lifecycle="deprecated"))
    report = await catalog.read()
    assert (report.created, report.updated, report.unchanged) == (0, 1, 1)
    (*_, last) = await catalog.store.changes(0, 10, visible=EVERYTHING)
    assert last.ref == "component:default/b"
    assert list(last.patch) == [
        {"op": "test", "path": "/spec/lifecycle", "value": "production"},
        {"op": "replace", "path": "/spec/lifecycle", "value": "deprecated"},
    ]
    assert (last.cause.kind, last.cause.detail) == ("location", f"file:{catalog.path('all.yaml')}")


async def test_a_line_that_moves_is_taken_over_without_a_log_entry(catalog: Catalog):
    catalog.write("all.yaml", component("a", dependsOn=["component:default/b"]))
    await catalog.read()
    head = await catalog.store.head()
    catalog.write("all.yaml", "# a comment\n\n", component("a", dependsOn=["component:default/b"]))
    assert (await catalog.read()).written == 0
    assert await catalog.store.head() == head
    (owner, depends) = (await catalog.store.declared_by(["component:default/a"]))["component:default/a"]
    assert {owner.evidence[0].line, depends.evidence[0].line} == {11, 13}
    assert (await catalog.entity("component:default/a")).origin.line == 4


async def test_moving_an_entity_to_another_file_is_no_loss(catalog: Catalog):
    catalog.targets = ("*.yaml",)
    for source, target in (("a.yaml", "z.yaml"), ("z.yaml", "b.yaml")):
        moved = catalog.write(source, component("moved"), component("stays"))
        await catalog.read()
        moved.write_text("")
        catalog.write(source, component("stays"))
        catalog.write(target, component("moved"))
        report = await catalog.read()
        assert (report.created, report.removed, report.errors) == (0, 0, 0)
        assert (await catalog.entity("component:default/moved")).origin.path == catalog.path(target)
        moved.unlink()
        (catalog.folder / target).unlink()
        catalog.write("keep.yaml", component("keep"))
        await catalog.read()


async def test_renaming_a_file_is_no_loss(catalog: Catalog):
    catalog.targets = ("*.yaml",)
    path = catalog.write("a.yaml", component("a"))
    await catalog.read()
    path.rename(catalog.folder / "b.yaml")
    await catalog.read()
    assert [operation for operation, _ in await catalog.changes()] == ["created", "updated"]


async def test_an_entity_that_is_no_longer_declared_is_removed(catalog: Catalog):
    catalog.write("all.yaml", component("a"), component("b", dependsOn=["component:default/a"]))
    await catalog.read()
    catalog.write("all.yaml", component("b", dependsOn=["component:default/a"]))
    assert (await catalog.read()).removed == 1
    assert await catalog.refs() == ["component:default/b"]
    catalog.write("all.yaml", component("a"), component("b", dependsOn=["component:default/a"]))
    await catalog.read()
    assert [operation for operation, _ in await catalog.changes()] == ["created", "created", "removed", "created"]


async def test_a_file_that_a_glob_no_longer_matches_takes_its_entities_along(catalog: Catalog):
    catalog.targets = ("*.yaml",)
    path = catalog.write("a.yaml", component("a"))
    catalog.write("b.yaml", component("b"))
    await catalog.read()
    path.unlink()
    report = await catalog.read()
    assert (report.removed, report.files) == (1, 1)


async def test_a_broken_document_keeps_its_entity_and_says_so(catalog: Catalog):
    catalog.write("all.yaml", component("a"), component("b"))
    await catalog.read()
    wrong = component("a")
    del wrong["spec"]["owner"]
    catalog.write("all.yaml", wrong, component("b", lifecycle="deprecated"))
    report = await catalog.read()
    assert (report.updated, report.removed, report.errors) == (1, 0, 1)
    assert await catalog.told() == [("all.yaml", "missing-field", "component:default/a")]
    assert (await catalog.entity("component:default/a")).spec["owner"] == "group:default/team"
    catalog.write("all.yaml", component("a", lifecycle="old"), component("b", lifecycle="deprecated"))
    assert (await catalog.read()).errors == 0
    assert (await catalog.entity("component:default/a")).spec["lifecycle"] == "old"


async def test_a_broken_file_keeps_everything_and_tells_each_entity(catalog: Catalog):
    catalog.write("all.yaml", component("a"), component("b"))
    await catalog.read()
    catalog.write("all.yaml", BROKEN)
    report = await catalog.read()
    assert (report.removed, report.unchanged) == (0, 0)
    assert sorted(ref or "" for _, _, ref in await catalog.told()) == ["component:default/a", "component:default/b"]
    assert (await catalog.read()).written == 0
    catalog.write("all.yaml", component("b"))
    assert (await catalog.read()).removed == 1
    assert await catalog.refs() == ["component:default/b"]


async def test_a_broken_location_keeps_what_it_led_to(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./a.yaml"), component("x"))
    catalog.write("a.yaml", component("a"))
    await catalog.read()
    catalog.write("all.yaml", "kind: Location\nspec: {targets: [\n", component("x"))
    catalog.write("a.yaml", component("a", lifecycle="old"))
    report = await catalog.read()
    assert (report.removed, report.updated) == (0, 1)
    assert await catalog.refs() == ["component:default/a", "component:default/x", "location:default/all"]


async def test_a_folder_that_can_not_be_listed_keeps_what_was_below():
    with _fresh() as folder, _without_privileges(folder):
        async with _in_store(folder, "store") as catalog:
            catalog.write("x/a.yaml", component("a"))
            catalog.write("b.yaml", component("b"))
            await catalog.read()
            (catalog.folder / "x").chmod(0)
            report = await catalog.read()
            (catalog.folder / "x").chmod(0o700)
            assert report.removed == 0
            assert await catalog.told() == [("x", "unreadable", None), ("x/a.yaml", "unreadable", "component:default/a")]
            assert (await catalog.read()).errors == 0


@contextmanager
def _without_privileges(folder: Path) -> Iterator[None]:
    """The super-user may read everything, so it becomes somebody else, whose folder this is."""
    nobody, own = 65534, os.geteuid()
    if own == 0:
        os.chown(folder, nobody, nobody)
        os.chown(folder / "catalog", nobody, nobody)
        os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(own)


@pytest.mark.parametrize("target", ["teams/*.yaml", "teams", "teams/catalog-info.yaml"])
async def test_a_source_that_vanished_as_a_whole_keeps_everything(catalog: Catalog, target: str):
    catalog.targets = (target,)
    path = catalog.write("teams/catalog-info.yaml", location("t", "more/*.yaml"), component("a"))
    other = catalog.write("teams/more/b.yaml", component("b"))
    await catalog.read()
    refs = await catalog.refs()
    contents = path.read_text(), other.read_text()
    for gone in (path, other):
        gone.unlink()
    other.parent.rmdir()
    path.parent.rmdir()
    report = await catalog.read()
    assert report.location.error is not None
    assert report.removed == 0
    assert await catalog.refs() == refs
    assert set(refs) == {ref for _, _, ref in await catalog.told() if ref}
    assert (await catalog.read()).written == 0
    other.parent.mkdir(parents=True)
    path.write_text(contents[0])
    other.write_text(contents[1])
    report = await catalog.read()
    assert (report.written, report.errors, report.location.error) == (0, 0, None)


async def test_two_files_that_claim_one_ref_are_both_told_and_the_least_path_wins(catalog: Catalog):
    catalog.targets = ("*.yaml",)
    catalog.write("b.yaml", component("x", type="b"))
    catalog.write("a.yaml", component("y"), component("x", type="a"))
    report = await catalog.read()
    assert (report.created, report.errors) == (2, 2)
    assert (await catalog.entity("component:default/x")).spec["type"] == "a"
    errors = await catalog.errors()
    assert [(error.path, error.code, error.line) for error in errors] == [
        (catalog.path("a.yaml"), "conflict", 10),
        (catalog.path("b.yaml"), "conflict", 1),
    ]
    assert f"{catalog.path('b.yaml')}:1" in errors[0].message
    assert f"{catalog.path('a.yaml')}:10" in errors[1].message
    assert (await catalog.read()).written == 0


async def test_the_least_path_wins_even_if_it_is_found_after_another_was_written(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./z.yaml"))
    many = [component(f"c{number}") for number in range(1100)]
    catalog.write("z.yaml", location("z", "./a.yaml"), component("x", type="z"), *many)
    catalog.write("a.yaml", component("x", type="a"))
    report = await catalog.read()
    assert (report.created, report.updated, report.errors) == (1103, 1, 2)
    assert (await catalog.entity("component:default/x")).spec["type"] == "a"
    assert (await catalog.read()).written == 0
    catalog.write("a.yaml", component("y"))
    report = await catalog.read()
    assert (report.created, report.updated, report.errors) == (1, 1, 0)
    entity = await catalog.entity("component:default/x")
    assert (entity.spec["type"], entity.origin.path, entity.origin.parent) == ("z", catalog.path("z.yaml"), "location:default/all")


async def test_a_large_move_is_no_loss(catalog: Catalog):
    catalog.targets = ("*/*.yaml",)
    for number in range(300):
        catalog.write(f"a/{number}.yaml", *(component(f"c{number}-{part}") for part in range(8)))
    await catalog.read()
    (catalog.folder / "a").rename(catalog.folder / "b")
    report = await catalog.read()
    assert (report.created, report.removed, report.updated, report.errors) == (0, 0, 2400, 0)
    assert {path.split("/")[-2] for path in (await catalog.store.files(report.location.id))} == {"b"}


async def test_the_holder_keeps_a_ref_that_a_lesser_path_claims_later(catalog: Catalog):
    catalog.targets = ("*.yaml",)
    catalog.write("b.yaml", component("x", type="b"))
    await catalog.read()
    catalog.write("a.yaml", component("x", type="a"))
    report = await catalog.read()
    assert (report.updated, report.errors) == (0, 2)
    assert (await catalog.entity("component:default/x")).spec["type"] == "b"


async def test_a_conflict_resolves_itself_when_the_holder_lets_go(catalog: Catalog):
    catalog.targets = ("*.yaml",)
    holder = catalog.write("a.yaml", component("x", type="a"), component("y"))
    catalog.write("b.yaml", component("x", type="b"))
    catalog.write("c.yaml", component("x", type="c"))
    assert (await catalog.read()).errors == 3
    catalog.write("a.yaml", component("y"))
    report = await catalog.read()
    assert (report.updated, report.removed, report.errors) == (1, 0, 2)
    assert (await catalog.entity("component:default/x")).spec["type"] == "b"
    (catalog.folder / "b.yaml").unlink()
    report = await catalog.read()
    assert (report.updated, report.errors) == (1, 0)
    entity = await catalog.entity("component:default/x")
    assert (entity.spec["type"], entity.origin.path) == ("c", catalog.path("c.yaml"))
    holder.unlink()
    assert (await catalog.read()).errors == 0


async def test_a_conflict_ends_when_the_other_declaration_goes(catalog: Catalog):
    catalog.targets = ("*.yaml",)
    catalog.write("a.yaml", component("x", type="a"), BROKEN)
    other = catalog.write("b.yaml", component("x", type="b"))
    assert (await catalog.read()).errors == 3
    other.unlink()
    assert (await catalog.read()).errors == 1
    assert await catalog.told() == [("a.yaml", "yaml-syntax", None)]


async def test_one_ref_twice_in_one_file_is_a_conflict_that_the_first_wins(catalog: Catalog):
    catalog.write("all.yaml", component("x", type="first"), component("x", type="second"))
    report = await catalog.read()
    assert (report.created, report.errors) == (1, 2)
    assert (await catalog.entity("component:default/x")).spec["type"] == "first"
    catalog.write("all.yaml", component("y"), component("x", type="second"))
    report = await catalog.read()
    assert (report.created, report.updated, report.errors) == (1, 1, 0)


async def test_between_locations_the_configured_order_decides_and_then_the_holder(catalog: Catalog):
    catalog.targets = ("z/all.yaml", "a/all.yaml")
    catalog.write("z/all.yaml", component("x", type="z"))
    catalog.write("a/all.yaml", component("x", type="a"))
    await catalog.read_all()
    assert (await catalog.entity("component:default/x")).spec["type"] == "z"
    assert sorted(await catalog.told()) == [
        ("a/all.yaml", "conflict", "component:default/x"),
        ("z/all.yaml", "conflict", "component:default/x"),
    ]
    catalog.targets = ("a/all.yaml", "z/all.yaml")
    await catalog.read_all()
    assert (await catalog.entity("component:default/x")).spec["type"] == "z"
    catalog.write("z/all.yaml", component("y"))
    await catalog.read_all()
    assert (await catalog.entity("component:default/x")).spec["type"] == "a"
    assert await catalog.errors() == []


async def test_an_unconfigured_location_goes_with_its_entities(catalog: Catalog):
    catalog.targets = ("a/all.yaml", "b/all.yaml")
    catalog.write("a/all.yaml", component("a"), component("both", type="a"))
    catalog.write("b/all.yaml", component("b"), component("both", type="b"), BROKEN)
    await catalog.read_all()
    catalog.targets = ("b/all.yaml",)
    await catalog.read_all()
    assert await catalog.refs() == ["component:default/b", "component:default/both"]
    assert (await catalog.entity("component:default/both")).spec["type"] == "b"
    assert [stored.target for stored in await catalog.store.locations()] == [catalog.path("b/all.yaml")]
    assert [code for _, code, _ in await catalog.told()] == ["yaml-syntax"]
    removed = (await catalog.store.changes(0, 100, visible=EVERYTHING, refs=["component:default/a"]))[-1]
    assert (removed.operation, removed.cause.detail) == ("removed", f"file:{catalog.path('a/all.yaml')} is no longer configured")


async def test_orphans_are_kept_and_marked_where_the_configuration_says_so(catalog: Catalog):
    catalog.settings = {"orphanStrategy": "keep"}
    catalog.write("all.yaml", component("a", dependsOn=["component:default/b"]), component("b"))
    await catalog.read()
    edges = (await catalog.dump())["declared"]["component:default/a"]
    catalog.write("all.yaml", component("b"))
    report = await catalog.read()
    assert (report.orphaned, report.removed) == (1, 0)
    orphan = await catalog.entity("component:default/a")
    assert orphan.orphan
    assert orphan.metadata["annotations"]["backstage.io/orphan"] == "true"
    assert (await catalog.dump())["declared"]["component:default/a"] == edges
    assert (await catalog.read()).written == 0


async def test_an_orphan_that_is_declared_again_is_none(catalog: Catalog):
    catalog.settings = {"orphanStrategy": "keep"}
    catalog.targets = ("a/all.yaml", "b/all.yaml")
    catalog.write("a/all.yaml", component("a"))
    catalog.write("b/all.yaml", component("b"))
    await catalog.read_all()
    catalog.targets = ("b/all.yaml",)
    await catalog.read_all()
    assert (await catalog.entity("component:default/a")).orphan
    catalog.write("b/all.yaml", component("b"), component("a"))
    report = await catalog.read()
    entity = await catalog.entity("component:default/a")
    assert (entity.orphan, entity.origin.path, report.updated) == (False, catalog.path("b/all.yaml"), 1)
    assert "backstage.io/orphan" not in entity.metadata["annotations"]


async def test_an_included_file_that_changes_is_read(catalog: Catalog):
    api = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "API",
        "metadata": {"name": "a"},
        "spec": {"type": "grpc", "lifecycle": "production", "owner": "x", "definition": {"$text": "./a.proto"}},
    }
    catalog.write("all.yaml", api)
    await catalog.read()
    assert (await catalog.told())[0][2] == "api:default/a"
    catalog.write("a.proto", "one")
    await catalog.read()
    assert (await catalog.entity("api:default/a")).spec["definition"] == "one"
    catalog.write("a.proto", "two")
    assert (await catalog.read()).updated == 1
    assert (await catalog.entity("api:default/a")).spec["definition"] == "two"
    (catalog.folder / "a.proto").unlink()
    report = await catalog.read()
    assert (report.removed, report.errors) == (0, 1)
    assert (await catalog.entity("api:default/a")).spec["definition"] == "two"


async def test_two_refreshes_of_one_location_at_once_end_right(catalog: Catalog):
    catalog.targets = ("*.yaml",)
    for name in "abcdef":
        catalog.write(f"{name}.yaml", component(name), component("shared", type=name))
    await catalog.read()
    for name in "bcdef":
        catalog.write(f"{name}.yaml", component(name, lifecycle="old"), component(f"new-{name}"))
    await asyncio.gather(*(_settled(catalog) for _ in range(3)))
    at_once = await catalog.dump()
    assert (await catalog.read()).written == 0
    assert await catalog.dump() == at_once
    assert await catalog.errors() == []


async def _settled(catalog: Catalog) -> None:
    try:
        await catalog.read()
    except StaleWriteError:
        await _settled(catalog)


async def test_two_locations_at_once_never_lose_a_ref(catalog: Catalog):
    """One lets go of refs while the other claims them."""
    catalog.targets = ("a/all.yaml", "b/all.yaml")
    config_settings = settings_from(catalog.config, RelationRegistry())
    for round_ in range(6):
        names = [f"r{round_}-{number}" for number in range(5)]
        catalog.write("a/all.yaml", *(component(name) for name in names))
        catalog.write("b/all.yaml", component("b"))
        await catalog.read_all()
        catalog.write("a/all.yaml", component("a"))
        catalog.write("b/all.yaml", component("b"), *(component(name) for name in names))
        await asyncio.gather(*(_refreshed(catalog, stored, config_settings) for stored in await catalog.store.locations()))
        refs = set(await catalog.refs())
        assert {f"component:default/{name}" for name in names} <= refs


async def _refreshed(catalog: Catalog, stored: Any, config_settings: Any) -> RefreshReport:
    return await refresh(stored, catalog.store, config_settings)


async def test_a_refresh_that_keeps_failing_to_write_says_so(catalog: Catalog):
    missing = location_of("file", catalog.path("all.yaml"))
    report = await refresh(missing, catalog.store, settings_from(catalog.config, RelationRegistry()))
    assert report.location.error is not None


_names = st.sampled_from([f"c{number}" for number in range(6)])
_documents = st.one_of(_names.map(lambda name: (name, "component")), st.just(("", "broken")))
_files = st.dictionaries(st.sampled_from(["a.yaml", "b.yaml", "c/d.yaml"]), st.lists(_documents, max_size=4), min_size=1)


@contextmanager
def _fresh() -> Iterator[Path]:
    """A folder for one example alone."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "catalog").mkdir()
        yield Path(folder)


@asynccontextmanager
async def _in_store(folder: Path, name: str) -> AsyncGenerator[Catalog]:
    store = SqliteStore(folder / f"{name}.db", RelationRegistry())
    await store.open()
    catalog = Catalog(folder / "catalog", store)
    catalog.targets = ("**/*.yaml",)
    try:
        yield catalog
    finally:
        await store.close()


@settings(max_examples=30, deadline=None)
@given(files=_files, shuffle=st.permutations(["a.yaml", "b.yaml", "c/d.yaml"]))
async def test_the_order_of_files_does_not_matter(files: dict[str, Any], shuffle: list[str]):
    with _fresh() as folder:
        dumps: list[Any] = []
        for store in ("first", "second"):
            for name in [name for name in (shuffle if store == "second" else sorted(files)) if name in files]:
                path = folder / "catalog" / name
                path.unlink(missing_ok=True)
                path.parent.mkdir(exist_ok=True)
                write_documents(path, *_written(files[name]))
            async with _in_store(folder, store) as catalog:
                await catalog.read()
                assert (await catalog.read()).written == 0
                dumps.append(await catalog.dump())
        assert dumps[0] == dumps[1]


def _written(documents: list[tuple[str, str]]) -> list[Any]:
    return [component(name) if kind == "component" else BROKEN for name, kind in documents]


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(_files, min_size=2, max_size=4))
async def test_many_edits_end_where_reading_the_last_state_alone_ends(steps: list[dict[str, Any]]):
    """Without broken files and conflicts, whose past matters, a catalog is what its files say now."""
    with _fresh() as folder:
        async with _in_store(folder, "edited") as edited, _in_store(folder, "alone") as alone:
            for step in steps:
                for path in list(edited.folder.rglob("*.yaml")):
                    path.unlink()
                taken: set[str] = set()
                for name, documents in step.items():
                    own = [document for document, _ in documents if document and document not in taken]
                    taken.update(own)
                    edited.write(name, *(component(document) for document in dict.fromkeys(own)))
                await edited.read()
            await alone.read()
            assert await edited.dump() == await alone.dump()
