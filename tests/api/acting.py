"""An application whose catalog can be changed: files below a folder, the embedded store, and what acts on both."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from api.app import create_app
from config import Config
from graph.conditions import EVERYTHING
from graph.relations import RelationRegistry
from graph.store import Change, Store
from ingest.settings import settings_from
from tests.api.http import DESCRIBED, ask, until_ready
from workers.beside import Beside
from workers.lifecycle.actions import CatalogActions
from workers.queue import Queue, connected
from workers.work import QueuedWork

COMPONENT = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
spec:
  type: service
  lifecycle: production
  owner: team
"""


def document(name: str, **spec: Any) -> dict[str, Any]:
    """A valid Component."""
    component = yaml.safe_load(COMPONENT.format(name=name))
    return {**component, "spec": {**component["spec"], **spec}}


class Acting:
    """The client, the store behind it, and the folder below which files may be registered."""

    def __init__(self, client: httpx.AsyncClient, store: Store, folder: Path, queue: Queue) -> None:
        self.client, self.store, self.folder, self._queue = client, store, folder, queue

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        return (await ask(self.client, query, variables=variables)).json()

    async def data(self, query: str, **variables: Any) -> Any:
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def jobs(self) -> list[str]:
        """What was asked for of the workers."""
        keys: list[bytes] = await self._queue.redis.keys("arq:job:*")
        return sorted(key.decode().removeprefix("arq:job:") for key in keys)

    async def changes(self) -> list[Change]:
        return list(await self.store.changes(0, 1000, visible=EVERYTHING))


@asynccontextmanager
async def acting_on(store: Store, folder: Path, settings: Mapping[str, Any], **sections: Any) -> AsyncIterator[Acting]:
    """An application on the store, with these settings of `catalog`, and other sections of the configuration."""
    config, registry = Config.model_validate({"catalog": settings, **sections}), RelationRegistry()
    async with connected(None) as queue:

        @asynccontextmanager
        async def background() -> AsyncGenerator[Beside]:
            roots = config.catalog.registration.file_roots
            yield Beside(CatalogActions(store, settings_from(config, registry), roots, queue), QueuedWork(queue))

        app = create_app(config, store, registry, background)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost", event_hooks=DESCRIBED) as client,
        ):
            await until_ready(client)
            yield Acting(client, store, folder, queue)
