"""A catalog on disk that tests write, change and read into a store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from config import Config
from graph.access import Principal, PrincipalKind, unrestricted
from graph.conditions import EVERYTHING
from graph.entities import Entity
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import CatalogError, Change, ErrorFilter, Store, Window
from ingest.pipeline import RefreshReport, synchronise
from tests.graph_dump import graph_dump

ANN = unrestricted(Principal(Ref("user:default/ann"), PrincipalKind.USER, (Ref("user:default/ann"),)))
KINDS = ("Component", "API", "Resource", "System", "Domain", "Group", "User", "Template", "Location")


def component(name: str, **spec: Any) -> dict[str, Any]:
    """A valid Component."""
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {"type": "service", "lifecycle": "production", "owner": "group:default/team", **spec},
    }


def location(name: str, *targets: str, **spec: Any) -> dict[str, Any]:
    """A Location entity."""
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {"name": name},
        "spec": {"targets": list(targets), **spec},
    }


def write_documents(path: Path, *documents: dict[str, Any] | str) -> None:
    """The file with these documents; text is written as it is."""
    path.write_text("---\n".join(d if isinstance(d, str) else yaml.safe_dump(d, sort_keys=False) for d in documents))


class Catalog:
    """Files below `folder` and the store that they are read into. The configured locations are patterns relative to the folder."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.targets: Sequence[Any] = ("all.yaml",)
        self.settings: dict[str, Any] = {}

    def write(self, name: str, *documents: dict[str, Any] | str) -> Path:
        """The file with these documents; text is written as it is."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_documents(path, *documents)
        return path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    @property
    def config(self) -> Config:
        locations = [
            {"type": "file", "target": self.path(target)} if isinstance(target, str) else {**target, "target": self.path(target["target"])}
            for target in self.targets
        ]
        return Config.model_validate({"catalog": {"rules": [{"allow": list(KINDS)}], "locations": locations, **self.settings}})

    async def read(self) -> RefreshReport:
        """Synchronise; the report of the first location."""
        return (await self.read_all())[0]

    async def read_all(self) -> Sequence[RefreshReport]:
        return await synchronise(self.config, self.store, RelationRegistry())

    async def refs(self) -> list[Ref]:
        """The refs of all entities."""
        page = await self.store.page(EVERYTHING, (), Window(1000), visible=EVERYTHING)
        return [entity.ref for entity in page.rows]

    async def entity(self, ref: str) -> Entity:
        return (await self.store.entities_by_ref([Ref(ref)], visible=EVERYTHING))[Ref(ref)]

    async def errors(self) -> list[CatalogError]:
        return list((await self.store.errors(ErrorFilter(), Window(1000), visible=EVERYTHING)).rows)

    async def told(self) -> list[tuple[str, str, str | None]]:
        """Each error's file (relative to the folder), code and entity."""
        return [(error.path.removeprefix(f"{self.folder}/"), str(error.code), error.ref) for error in await self.errors()]

    async def changes(self) -> list[tuple[str, str]]:
        """The log: what happened to which ref."""
        entries: Sequence[Change] = await self.store.changes(0, 10_000, visible=EVERYTHING)
        return [(entry.operation.value, entry.ref) for entry in entries]

    async def dump(self) -> dict[str, Any]:
        return await graph_dump(self.store)
