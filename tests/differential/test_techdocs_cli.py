"""Sites of Backstage's own builder beside ours: the same files, and served alike, wherever they come from."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from graph.store import Store
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CONFIGURED, store_organisation
from tests.api.test_docs import answers, configured
from tests.npm import NODE, install
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
