"""Every prefix that is served is in the table of docs/backstage.md."""

import re
from pathlib import Path

from starlette.routing import Mount, Route

from api.app import create_app
from config.model import Config
from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore

_ROW = re.compile(r"^\| (`/[^|]*?) \|", re.MULTILINE)


def prefix_of(path: str) -> str:
    """`/api/<plugin>`, or the first part of the path."""
    parts = path.strip("/").split("/")
    return "/" + "/".join(parts[: 2 if parts[0] == "api" else 1])


def test_the_table_of_prefixes_is_what_is_served(tmp_path: Path):
    config = Config.model_validate({"proxy": {"endpoints": {"/a": "https://example.com"}}})
    app = create_app(config, SqliteStore(tmp_path / "catalog.db", RelationRegistry()), RelationRegistry())
    served = {prefix_of(route.path) for route in app.routes if isinstance(route, Route | Mount)}
    page = (Path(__file__).parents[2] / "docs/backstage.md").read_text()
    table = page.partition("## What is served where")[2].partition("\n## ")[0]
    told = {prefix for row in _ROW.findall(table) for prefix in re.findall(r"`([^`]+)`", row)}
    assert served <= told
    assert told - served <= {"/api/auth"}
