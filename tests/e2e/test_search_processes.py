"""Search as it runs in production: a server that answers, a worker that indexes, one Meilisearch (ours), one Redis, one Neo4j."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.catalog import component, write_catalog
from tests.e2e.serving import Serving, serving
from tests.e2e.test_worker import working
from tests.servers.meilisearch import MeilisearchEmulator, meilisearch_emulator
from tests.servers.meilisearch_openapi import Api, described_api

FOUND = '{ search(term: "%s", filter: { documentType: ["entity"] }) { totalCount degraded nodes { ref } } }'


@dataclass(frozen=True)
class Processes:
    """The processes; the worker's catalog lies in `folder`."""

    server: Serving
    meilisearch: MeilisearchEmulator
    folder: Path

    def wait_for(self, term: str, *refs: str, degraded: bool = False) -> None:
        """Until these are found of the term, in their order."""
        answer = {"totalCount": len(refs), "degraded": degraded, "nodes": [{"ref": ref} for ref in refs]}
        self.server.wait_for(FOUND % term, {"search": answer}, 60)


@pytest.fixture
def processes(tmp_path: Path, empty_redis_url: str, empty_neo4j_uri: str) -> Iterator[Processes]:
    write_catalog(tmp_path / "catalog")
    config = tmp_path / "app-config.yaml"
    with meilisearch_emulator() as meilisearch:
        config.write_text(
            "backend:\n"
            "  listen: { port: 0 }\n"
            f"  database: {{ client: neo4j, connection: {{ uri: '{empty_neo4j_uri}' }} }}\n"
            f"  queue: {{ url: '{empty_redis_url}' }}\n"
            f"search: {{ meilisearch: {{ url: '{meilisearch.url}', apiKey: '{meilisearch.key}' }} }}\n"
            "catalog:\n"
            "  rules: [{ allow: [Component, API, Resource, Group, Location] }]\n"
            "  locations: [{ type: file, target: catalog/all.yaml }]\n"
        )
        with serving(config) as server, working(config):
            server.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 7}}, 90)
            yield Processes(server, meilisearch, tmp_path / "catalog")
        described = described_api()
        if isinstance(described, Api):
            # Most are the same question, asked over and over.
            distinct = {(each.method, each.path, each.query, repr(each.body), each.status): each for each in meilisearch.exchanges}
            assert [misfit for exchange in distinct.values() for misfit in described.misfits(exchange)] == []


def test_what_changes_is_found_through_the_server_while_the_worker_indexes_it_and_meilisearch_comes_and_goes(processes: Processes):
    processes.wait_for("late")
    (processes.folder / "late.yaml").write_text(component("late", "shop-team"))
    processes.wait_for("late", "component:default/late")
    rebuilt = processes.server.ask("mutation { rebuildSearchIndex { job } }")
    assert rebuilt["data"] == {"rebuildSearchIndex": {"job": "rebuild_search_index"}}
    (processes.folder / "late.yaml").write_text(component("later", "shop-team"))
    processes.wait_for("later", "component:default/later")
    answer = processes.server.get("/api/search/query", params={"term": "later", "filters[kind]": "Component"}).json()
    assert [result["document"]["name"] for result in answer["results"]] == ["later"]
    # While Meilisearch is away the store is searched, and what changed meanwhile is indexed when it is back.
    processes.meilisearch.broken = (503, b"away")
    (processes.folder / "late.yaml").write_text(component("latest", "shop-team"))
    processes.wait_for("latest", "component:default/latest", degraded=True)
    assert processes.server.get("/readyz").status_code == 200
    processes.meilisearch.broken = None
    processes.wait_for("latest", "component:default/latest")
