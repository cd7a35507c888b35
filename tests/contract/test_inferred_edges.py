"""Inferred edges are written, found, told by the log and taken back on every store alike."""

from pathlib import Path

import yaml

from config import Config
from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step
from graph.store import ClosureQuery, Store, Window
from ingest.pipeline import synchronise

SHOP, LIB = Ref("component:default/shop"), Ref("component:default/lib")


def write(folder: Path, name: str, manifest: str) -> None:
    folder.mkdir(exist_ok=True)
    spec = {"type": "service", "lifecycle": "production", "owner": "team"}
    document = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": name}, "spec": spec}
    (folder / "catalog-info.yaml").write_text(yaml.safe_dump(document))
    (folder / "package.json").write_text(manifest)


async def dependents(store: Store) -> list[Ref]:
    query = ClosureQuery((LIB,), (Step("dependsOn", Direction.IN),), Window(10))
    return [row.entity.ref for row in (await store.closure(query, visible=EVERYTHING)).page.rows]


async def test_inferred_edges_come_and_go_with_what_says_so(store: Store, tmp_path: Path):
    locations = [{"type": "file", "target": str(tmp_path / name)} for name in ("shop", "lib")]
    config = Config.model_validate({"catalog": {"locations": locations, "inference": {"enabled": True}}})
    write(tmp_path / "lib", "lib", '{"name": "lib"}')
    write(tmp_path / "shop", "shop", '{"dependencies": {"lib": "1"}}')
    await synchronise(config, store, RelationRegistry())
    assert await dependents(store) == [SHOP]
    head = await store.head()
    await synchronise(config, store, RelationRegistry())
    assert (await store.head(), head) == (3, 3)
    write(tmp_path / "shop", "shop", "{}")
    await synchronise(config, store, RelationRegistry())
    assert (await dependents(store), await store.head()) == ([], 4)
    causes = [(change.ref, change.operation, change.cause.kind) for change in await store.changes(2, 10, visible=EVERYTHING)]
    assert causes == [(SHOP, "updated", "task"), (SHOP, "updated", "task")]
