"""The stores that contracts are held against, and the storages of files: a new, empty one for each test, or a store with the shop in it."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from config.storage import Storage
from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore
from tests.contract import shop
from tests.servers.azurite.serving import ACCOUNT, KEY, azurite
from tests.servers.gcs import gcs_server
from tests.servers.moto.serving import moto_server
from tests.servers.neo4j import MissingServerError
from workers.techdocs.blobs import Blobs
from workers.techdocs.obstore_blobs import ObstoreBlobs

S3_KEY = {"accessKeyId": "tests", "secretAccessKey": "a secret of tests"}


@pytest.fixture(params=["sqlite", "neo4j"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    registry = RelationRegistry()
    if request.param == "sqlite":
        opened: Store = SqliteStore(tmp_path / "catalog.db", registry)
    else:
        opened = Neo4jStore(request.getfixturevalue("empty_neo4j_uri"), registry=registry)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def stocked(store: Store) -> Store:
    await shop.stock(store)
    return store


STORAGES = ["file", "s3", "gs", "az"]


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    try:
        with moto_server() as url:
            yield url
    except MissingServerError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def gcs_key() -> Iterator[str]:
    with gcs_server() as server:
        yield server.key()


@pytest.fixture(scope="session")
def azure_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite"), "docs") as url:
        yield url


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A storage with nothing in it: each test has a folder of its own in the bucket."""
    folder = uuid4().hex
    if request.param == "file":
        return Storage(url=f"file:{tmp_path}/blobs")
    if request.param == "s3":
        url = request.getfixturevalue("s3_url")
        httpx.put(f"{url}/docs").raise_for_status()
        return _storage({"url": f"s3://docs/{folder}", "endpoint": url, "credentials": S3_KEY})
    if request.param == "gs":
        return _storage({"url": f"gs://docs/{folder}", "credentials": {"serviceAccountKey": request.getfixturevalue("gcs_key")}})
    credentials = {"accountName": ACCOUNT, "accountKey": KEY}
    return _storage({"url": f"az://docs/{folder}", "endpoint": request.getfixturevalue("azure_url"), "credentials": credentials})


def _storage(values: dict[str, object]) -> Storage:
    return Storage.model_validate(values)


@pytest.fixture
def blobs(storage: Storage) -> Blobs:
    return ObstoreBlobs(storage)
