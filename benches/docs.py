"""Measure documentation: `python -m benches.docs`. Builds of a site of 100 pages, and first reads of pages out of date among 500 sites."""

import argparse
import asyncio
import statistics
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import yaml

from benches.processes import Running, ask, first_answer, free_port, serving
from benches.report import Figure, show, write
from benches.searches import await_settled
from config import Config
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore
from workers.techdocs.publishing import Site
from workers.techdocs.references import LocalFolder
from workers.techdocs.results import BuiltSite, UnchangedSite
from workers.techdocs.site_builds import SiteBuilds, Wanted
from workers.techdocs.states import SiteState, write_state
from workers.techdocs.storing import publisher_from

SITES, PAGES, READS = 500, 100, 50
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benches.docs")
    parser.add_argument("--output", type=Path, default=Path("benches/results") / f"docs-{datetime.now(UTC).date()}.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = asyncio.run(_measured(Path(scratch)))
        figures += _reads(Path(scratch))
    show(figures)
    write(figures, given.output)


async def _measured(scratch: Path) -> list[Figure]:
    """The builds; the site is stored for every one of the components that `_reads` asks for, all of them long out of date."""
    sources = scratch / "catalog" / "docs-of-all"
    (sources / "docs").mkdir(parents=True)
    for page in range(PAGES):
        text = "".join(
            f"## Section {n}\n\nSome words of page {page}, with `code` and a [link](page-{(page + n) % PAGES}.md).\n\n" for n in range(8)
        )
        (sources / "docs" / ("index.md" if page == 0 else f"page-{page}.md")).write_text(
            f"# Page {page}\n\n{text}".replace("page-0.md", "index.md")
        )
    config = Config.model_validate({"backend": {"storage": {"url": f"file:{scratch}/blobs"}}})
    builds, wanted = SiteBuilds(config), Wanted(Ref("component:default/one"), "One", LocalFolder(str(sources), str(sources)))
    await builds.isolation()
    began = time.perf_counter()
    async with builds.build(wanted) as built:
        seconds = time.perf_counter() - began
        assert isinstance(built, BuiltSite), built
        await _store(scratch, config, built)
    times: list[float] = []
    for _ in range(10):
        began = time.perf_counter()
        async with builds.build(wanted, built.etag) as unchanged:
            times.append(1000 * (time.perf_counter() - began))
            assert isinstance(unchanged, UnchangedSite), unchanged
    return [
        Figure("build of a site of 100 pages", "embedded", PAGES, seconds, "s"),
        Figure("the same unchanged, median of 10", "embedded", PAGES, statistics.median(times), "ms", "≤ 100 ms"),
    ]


async def _store(scratch: Path, config: Config, built: BuiltSite) -> None:
    publisher, store = publisher_from(config), SqliteStore(scratch / "catalog.db", RelationRegistry())
    await store.open()
    # The first page, and what it can't do without: the rest of a hundred pages is not what 500 sites differ in.
    kept = scratch / "kept"
    for name in ("index.html", "techdocs_metadata.json", "search/search_index.json"):
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_bytes((built.folder / name).read_bytes())
    for number in range(SITES):
        site = Site("Component", "default", f"service-{number}")
        await publisher.publish(site, kept)
        await write_state(store, site.id, SiteState("old", built_at=_LONG_AGO, checked_at=_LONG_AGO))
    await store.close()


def _reads(scratch: Path) -> list[Figure]:
    port = free_port()
    catalog = scratch / "catalog" / "all.yaml"
    documents = [
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": f"service-{number}", "annotations": {"backstage.io/techdocs-ref": "dir:./docs-of-all"}},
            "spec": {"type": "service", "lifecycle": "production", "owner": "team"},
        }
        for number in range(SITES)
    ]
    catalog.write_text(yaml.safe_dump_all(documents))
    config = scratch / "app-config.yaml"
    backend = {
        "baseUrl": f"http://127.0.0.1:{port}",
        "listen": {"host": "127.0.0.1", "port": port},
        "database": {"client": "sqlite", "connection": {"filename": str(scratch / "catalog.db")}},
        "storage": {"url": f"file:{scratch}/blobs"},
    }
    config.write_text(yaml.safe_dump({"backend": backend, "catalog": {"locations": [{"type": "file", "target": str(catalog)}]}}))
    with serving(config, port, scratch / "serve.log") as server:
        first_answer(server, "{ entities { totalCount } }")
        # Else all the sections of all the sites are being put into the search index meanwhile.
        await_settled(server.url, "section")
        times = [_read(server, number) for number in range(READS + 1)]
    # The first starts what reads pages, once for a process.
    return [
        Figure("first read of a stale page, the very first", "sqlite", SITES, times[0], "ms"),
        Figure("first read of a stale page, median of 50", "sqlite", SITES, statistics.median(times[1:]), "ms", "≤ 50 ms"),
        Figure("first read of a stale page, slowest of 50", "sqlite", SITES, max(times[1:]), "ms"),
    ]


def _read(server: Running, number: int) -> float:
    """Milliseconds until the page is there, as it was, while a build of the entity is asked for."""
    address = server.url.replace("/graphql", f"/docs/default/component/service-{number}/")
    while ask(server.url, f'{{ entity(ref: "component:service-{number}") {{ ref }} }}')["entity"] is None:
        time.sleep(0.1)
    began = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as response:
        content = response.read()
        assert response.status == 200
    taken = 1000 * (time.perf_counter() - began)
    assert b"Page 0" in content
    return taken


if __name__ == "__main__":
    main()
