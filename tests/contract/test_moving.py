"""A file that moves from one location to another keeps its entity, its history and its id, whichever location is read first."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Config
from graph.conditions import EVERYTHING
from graph.entities import Entity
from graph.refs import Ref, uid_of
from graph.relations import RelationRegistry
from graph.store import Location, Store
from ingest.pipeline import add_locations, location_of, refresh, remove_location
from ingest.releases import releases_of, remove_released
from ingest.settings import IngestSettings, settings_from

REF = Ref("component:default/shop")
SHOP: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "shop"},
    "spec": {"type": "service", "lifecycle": "production", "owner": "team", "dependsOn": ["component:other"]},
}


class Moving:
    """Two locations, each a folder, and the store that both are read into."""

    def __init__(self, store: Store, folder: Path, grace: float = 30) -> None:
        self.store, self._folder = store, folder
        settings = {"catalog": {"removalGrace": {"seconds": grace}}}
        self.settings: IngestSettings = settings_from(Config.model_validate(settings), RelationRegistry())
        self.locations = {name: location_of("file", str(folder / name), order=place) for place, name in enumerate("ab")}

    async def begin(self) -> None:
        for name in self.locations:
            (self._folder / name).mkdir()
            self.write(name, "other.yaml", {**SHOP, "metadata": {"name": f"other-{name}"}})
        await add_locations(self.store, list(self.locations.values()))

    def write(self, name: str, file: str, document: dict[str, Any]) -> None:
        path = self._folder / name / Path(file).stem / "catalog-info.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(document, sort_keys=False))

    def drop(self, name: str, file: str) -> None:
        (self._folder / name / Path(file).stem / "catalog-info.yaml").unlink()

    async def read(self, *names: str) -> None:
        stored = {location.id: location for location in await self.store.locations()}
        for name in names:
            await refresh(stored[self.locations[name].id], self.store, self.settings, processes=0)

    async def entity(self) -> Entity | None:
        return (await self.store.entities_by_ref([REF], visible=EVERYTHING)).get(REF)

    async def place(self) -> str | None:
        entity = await self.entity()
        return entity and next(name for name, location in self.locations.items() if location.id == entity.origin.location_id)

    async def log(self) -> list[str]:
        return [change.operation for change in await self.store.changes(0, 100, visible=EVERYTHING, refs=[REF])]

    async def errors(self) -> int:
        return (await self.store.counts()).errors


@pytest.fixture
async def moving(store: Store, tmp_path: Path) -> Moving:
    moving = Moving(store, tmp_path)
    await moving.begin()
    moving.write("a", "shop.yaml", SHOP)
    await moving.read("a", "b")
    assert (await moving.place(), await moving.log()) == ("a", ["created"])
    return moving


@pytest.mark.parametrize("order", ["ab", "ba"])
async def test_a_move_keeps_the_entity_and_its_history_in_either_order(moving: Moving, order: str):
    moving.drop("a", "shop.yaml")
    moving.write("b", "shop.yaml", SHOP)
    for name in order:
        await moving.read(name)
        entity = await moving.entity()
        assert entity is not None
        assert uid_of(entity.ref) == uid_of(REF)
    assert (await moving.place(), await moving.errors()) == ("b", 0)
    # Its annotations name the place, so the log says that it moved, and nothing else.
    assert await moving.log() == ["created", "updated"]
    assert [edge.target for edge in (await moving.store.declared_by([REF]))[REF]] == ["component:default/other", "group:default/team"]
    assert await remove_released(moving.store, at_once=True) == []
    assert (await moving.place(), await moving.log()) == ("b", ["created", "updated"])
    assert await releases_of(moving.store, [REF]) == {}


async def test_a_ref_that_nothing_declares_for_a_while_stays_and_is_taken_up(moving: Moving):
    moving.drop("a", "shop.yaml")
    await moving.read("a", "b", "a")
    [release] = (await releases_of(moving.store, [REF])).values()
    assert release.until - release.since == timedelta(seconds=30)
    assert release.cause.kind == "location"
    assert await remove_released(moving.store) == []
    moving.write("b", "shop.yaml", {**SHOP, "metadata": {"name": "shop", "title": "Shop"}})
    await moving.read("b")
    entity = await moving.entity()
    assert entity is not None
    assert (entity.metadata["title"], await moving.place(), await moving.log()) == ("Shop", "b", ["created", "updated"])


async def test_a_ref_that_both_declare_for_a_while_stays_with_its_holder_and_then_moves(moving: Moving):
    moving.write("b", "shop.yaml", SHOP)
    await moving.read("b", "a")
    assert (await moving.place(), await moving.errors()) == ("a", 2)
    moving.drop("a", "shop.yaml")
    await moving.read("a", "b")
    assert (await moving.place(), await moving.errors(), await moving.log()) == ("b", 0, ["created", "updated"])


async def test_a_move_within_a_location_is_one_change(moving: Moving):
    moving.drop("a", "shop.yaml")
    moving.write("a", "elsewhere.yaml", SHOP)
    await moving.read("a")
    assert (await moving.place(), await moving.log()) == ("a", ["created", "updated"])


async def test_a_location_that_goes_leaves_its_entities_to_the_one_that_comes(moving: Moving):
    stored: dict[str, Location] = {location.id: location for location in await moving.store.locations()}
    await remove_location(stored[moving.locations["a"].id], moving.store, moving.settings)
    assert await moving.entity() is not None
    moving.write("b", "shop.yaml", SHOP)
    await moving.read("b")
    assert (await moving.place(), await moving.log()) == ("b", ["created", "updated"])


async def test_what_really_went_goes_when_its_grace_is_over_and_the_log_says_why(store: Store, tmp_path: Path):
    moving = Moving(store, tmp_path, grace=0.000001)
    await moving.begin()
    moving.write("a", "shop.yaml", SHOP)
    await moving.read("a")
    moving.drop("a", "shop.yaml")
    await moving.read("a")
    assert await remove_released(store) == [REF]
    assert (await moving.entity(), await moving.log()) == (None, ["created", "removed"])
    last = (await store.changes(0, 100, visible=EVERYTHING))[-1]
    assert (last.cause.kind, last.cause.detail) == ("location", f"file:{tmp_path / 'a'}")
    assert await remove_released(store) == []


async def test_without_a_grace_or_another_location_it_goes_at_once(store: Store, tmp_path: Path):
    moving = Moving(store, tmp_path, grace=0)
    await moving.begin()
    moving.write("a", "shop.yaml", SHOP)
    await moving.read("a")
    moving.drop("a", "shop.yaml")
    await moving.read("a")
    assert await moving.log() == ["created", "removed"]
