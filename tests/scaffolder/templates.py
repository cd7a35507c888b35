"""Catalogs of templates with their skeletons, and a server's background work on them, for tests of tasks."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from api.app import create_app
from config import Config
from graph.access import UNRESTRICTED_GUEST, Access
from graph.configured import registry_from
from graph.refs import Ref
from graph.store import Store
from graph.stores import store_from
from ingest.pipeline import synchronise
from workers.composition import running_worker
from workers.scaffolder.port import Scaffolder, SeenTask

Steps = Sequence[Mapping[str, Any]]


def template(name: str, steps: Steps, **spec: Any) -> dict[str, Any]:
    """A template with these steps; one without `parameters` accepts anything."""
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": name},
        "spec": {"type": "service", "steps": list(steps), **spec},
    }


def log(id: str, message: str, **more: Any) -> dict[str, Any]:
    """A step that says something."""
    return {"id": id, "name": id, "action": "debug:log", "input": {"message": message}, **more}


@dataclass(slots=True)
class Folder:
    """A folder with templates below it, one folder for each."""

    path: Path

    def add(self, document: Mapping[str, Any], files: Mapping[str, str] | None = None) -> None:
        """Write a template, and files beside it."""
        folder = self.path / "templates" / document["metadata"]["name"]
        for name, text in {"template.yaml": yaml.safe_dump(document, sort_keys=False), **(files or {})}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    def settings(self, **sections: Any) -> dict[str, Any]:
        """The configuration, as written."""
        target = str(self.path / "templates" / "*" / "template.yaml")
        rules = [{"allow": ["Template", "User", "Group", "Component", "Location"]}]
        return {
            "backend": {"database": {"client": "sqlite", "connection": {"filename": str(self.path / "data" / "catalog.db")}}},
            "catalog": {"rules": rules, "locations": [{"type": "file", "target": target}], "processingInterval": False},
            **sections,
        }

    def config(self, **sections: Any) -> Config:
        """The configuration."""
        return Config.model_validate(self.settings(**sections))


@dataclass(slots=True)
class Running:
    """Templates on a store, with background work."""

    scaffolder: Scaffolder
    store: Store
    access: Access = UNRESTRICTED_GUEST

    async def start(self, name: str, values: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None) -> str:
        """The id of a new task."""
        return (await self.scaffolder.start(Ref(f"template:default/{name}"), values or {}, secrets or {}, self.access)).id

    async def ended(self, id: str, seconds: float = 30) -> SeenTask:
        """The task, once it is over."""
        async with asyncio.timeout(seconds):
            while not (seen := await self.scaffolder.task(id, self.access)).task.status.is_over:  # noqa: ASYNC110 - it happens in a store
                await asyncio.sleep(0.02)
        return seen

    async def run(self, name: str, values: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None) -> SeenTask:
        """A new task, once it is over."""
        return await self.ended(await self.start(name, values, secrets))

    async def messages(self, id: str) -> list[str]:
        """What the log of the task says."""
        return [event.body["message"] for event in await self.scaffolder.events(id, 0)]

    async def statuses(self, id: str) -> dict[str, str]:
        """How each step is."""
        steps = await self.scaffolder.steps(await self.scaffolder.task(id, self.access))
        return {state.id: state.status.value for state in steps}


@asynccontextmanager
async def served(folder: Folder, config: Config | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server of the folder's templates, in this process."""
    config = config or folder.config()
    registry = registry_from(config.catalog.relations)
    store = store_from(config.backend.database, registry)
    await store.open()
    await synchronise(config, store, registry)
    app = create_app(config, store, registry, lambda: running_worker(config, store, registry))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://localhost:7007") as client:
        async with asyncio.timeout(15):
            while (await client.get("/api/scaffolder/v2/actions")).status_code == 503:  # noqa: ASYNC110 - it starts beside
                await asyncio.sleep(0.02)
        yield client


async def asked(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    """The data that a GraphQL operation is answered with."""
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


@asynccontextmanager
async def running(folder: Folder, config: Config | None = None) -> AsyncIterator[Running]:
    """The templates of the folder, read into the store of the configuration, and run beside."""
    config = config or folder.config()
    registry = registry_from(config.catalog.relations)
    store = store_from(config.backend.database, registry)
    await store.open()
    try:
        await synchronise(config, store, registry)
        async with running_worker(config, store, registry) as beside:
            assert beside.scaffolder is not None
            yield Running(beside.scaffolder, store)
    finally:
        await store.close()
