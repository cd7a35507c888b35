"""Sites of Backstage's own builder beside ours: the same files, and served alike, by either and wherever they come from."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from config import Config
from graph.store import Store
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CONFIGURED, store_organisation
from tests.api.test_docs import answers, configured
from tests.npm import NODE, install
from tests.servers.moto.serving import moto_server
from tests.servers.neo4j import MissingServerError
from tests.workers.docs import built
from workers.techdocs.publishing import Publisher, Site
from workers.techdocs.storing import publisher_from

CLI = Path(__file__).parents[1] / "techdocs_cli"
SOURCES = {
    "mkdocs.yml": "site_name: Shop\nnav:\n  - Home: index.md\n  - Guide: guide/pay.md\nplugins: [techdocs-core]\n",
    "docs/index.md": "# Shop\n\nWelcome, see [paying](guide/pay.md).\n\n!!! note\n    Open all day.\n",
    "docs/guide/pay.md": "# Paying\n\n```python\nprint(1)\n```\n",
    "docs/img/logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
}
SHOP = Site("Component", "default", "shop")
# Each build has its own moment and its own theme's digests; ours tells of no other addresses.
VOLATILE = frozenset({"build_timestamp", "etag", "files"})


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site built by techdocs-cli, with the mkdocs of this environment."""
    install(CLI, "techdocs-cli")
    folder = tmp_path_factory.mktemp("techdocs-cli")
    for name, content in SOURCES.items():
        (folder / "sources" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "sources" / name).write_text(content)
    program = CLI / "node_modules" / "@techdocs" / "cli" / "bin" / "techdocs-cli"
    command = [NODE, program, "generate", "--no-docker", "--source-dir", folder / "sources", "--output-dir", folder / "site"]
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(command, check=True, capture_output=True, timeout=100, env={**os.environ, "PATH": paths})
    return folder / "site"


@pytest.fixture(params=["local", "awsS3"])
def publishing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Where Backstage's keys say that documentation is kept."""
    if request.param == "local":
        yield {"type": "local", "local": {"publishDirectory": str(tmp_path / "published")}}
        return
    try:
        with moto_server() as url:
            httpx.put(f"{url}/docs").raise_for_status()
            keys = {"accessKeyId": "tests", "secretAccessKey": "a secret of tests"}
            bucket = {"bucketName": "docs", "bucketRootPath": "sites", "region": "eu-west-1", "credentials": keys}
            yield {"type": "awsS3", "awsS3": {**bucket, "endpoint": url, "s3ForcePathStyle": True}}
    except MissingServerError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def test_both_build_the_same_files_and_describe_them_by_the_same_keys(theirs: Path, tmp_path: Path):
    async with built(tmp_path / "sources", SOURCES) as site:
        ours = _files(site.folder)
        described = orjson.loads((site.folder / "techdocs_metadata.json").read_bytes())
    others = orjson.loads((theirs / "techdocs_metadata.json").read_bytes())
    assert ours == _files(theirs)
    assert described.keys() - {"etag", "engine"} == others.keys() - {"etag", "engine"}
    assert {key: described[key] for key in others.keys() - VOLATILE} == {key: others[key] for key in others.keys() - VOLATILE}
    assert sorted(described["files"]) == sorted(others["files"])


async def test_a_site_of_techdocs_cli_is_served(theirs: Path, tmp_path: Path):
    store: Store = SqliteStore(tmp_path / "catalog.db", CONFIGURED)
    await store.open()
    await store_organisation(store)
    config = configured(tmp_path)
    publisher: Publisher = publisher_from(config)
    await publisher.publish(SHOP, theirs)
    static = "/api/techdocs/static/docs/default/component/shop"
    page, guide, found, raw, metadata = await answers(
        config,
        store,
        "/docs/default/component/shop/",
        "/docs/default/component/shop/guide/pay/",
        "/docs/default/component/shop/?q=welcome",
        f"{static}/index.html",
        "/api/techdocs/metadata/techdocs/default/component/shop",
    )
    await store.close()
    assert "Welcome, see" in page.text
    assert '<a href="guide/pay/">Guide</a>' in page.text
    assert "<script>" not in page.text
    assert '<h1 id="paying">' in guide.text
    assert "1 found" in found.text or "2 found" in found.text
    assert raw.content == (theirs / "index.html").read_bytes()
    assert metadata.json()["site_name"] == "Shop"


async def test_backstage_serves_a_site_of_ours_from_the_storage_that_its_keys_name(publishing: dict[str, Any], tmp_path: Path):
    install(CLI, "techdocs-cli")
    config = Config.model_validate({"techdocs": {"publisher": publishing}})
    publisher: Publisher = publisher_from(config)
    async with built(tmp_path / "sources", SOURCES) as site:
        await publisher.publish(SHOP, site.folder)
        page = (site.folder / "guide" / "pay" / "index.html").read_text()
    settings = orjson.dumps({"techdocs": {"publisher": publishing}}).decode()
    command = [str(NODE), "read_site.cjs", settings, "guide/pay/index.html"]
    process = await asyncio.create_subprocess_exec(*command, cwd=CLI, stdout=asyncio.subprocess.PIPE)
    found = orjson.loads((await process.communicate())[0])
    assert found == {"generated": True, "metadata": await publisher.metadata(SHOP), "status": 200, "page": page}
