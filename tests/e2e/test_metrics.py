"""/metrics and `jobs` of a real server: what runs, what failed, what is stored, when locations are read."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.catalog import write_catalog
from tests.e2e.serving import Serving, configuration, serving

JOBS = (
    "{ jobs { jobs { name done failed retried meanSeconds } failures { name } }"
    " locations { nodes { id lastReadAt nextReadAt lastError } } }"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder: Path = tmp_path_factory.mktemp("metrics")
    with serving(configuration(folder, write_catalog(folder / "catalog"))) as server:
        server.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 7}})
        server.wait_for(
            "{ locations { nodes { lastError } } jobs { failures { name } } }",
            {"locations": {"nodes": [{"lastError": None}]}, "jobs": {"failures": []}},
        )
        yield server


def figures(server: Serving) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = server.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = text_string_to_metric_families(answer.text)
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families for sample in family.samples}


def test_the_store_the_queue_and_the_locations_have_figures(server: Serving):
    found = figures(server)
    assert found["callboard_store_up", ()] == found["callboard_queue_up", ()] == 1
    assert found["callboard_stored", (("what", "entities"),)] == 7
    assert found["callboard_log_head", ()] == 7
    assert found["callboard_locations", (("state", "ok"),)] == 1
    assert found["callboard_locations_overdue", ()] == 0
    assert found["callboard_job_runs_total", (("job", "synchronise_catalog"), ("outcome", "done"))] >= 1
    location = server.ask("{ locations { nodes { id } } }")["data"]["locations"]["nodes"][0]["id"]
    read, due = (
        found[f"callboard_location_{what}_timestamp_seconds", (("location", location), ("type", "file"))] for what in ("read", "due")
    )
    assert due > read > 0


def test_the_search_index_has_figures(server: Serving):
    server.wait_for('{ search(term: "shop") { totalCount degraded } }', {"search": {"totalCount": 3, "degraded": False}})

    def shown() -> list[float]:
        return [figures(server)[f"callboard_search_{name}", ()] for name in ("documents", "lag", "degraded")]

    # An index that was built while the catalog was read holds it all a moment before it knows.
    for _ in range(100):
        if shown()[1] == 0:
            break
        time.sleep(0.1)
    assert shown() == [7, 0, 0]


def test_operations_are_timed_by_type(server: Serving):
    def count(type_: str, outcome: str) -> float:
        return figures(server).get(("callboard_graphql_seconds_count", (("outcome", outcome), ("type", type_))), 0)

    before = count("query", "ok"), count("invalid", "error")
    server.ask("{ viewer { ref } }")
    server.ask("{ nothing }")
    assert (count("query", "ok"), count("invalid", "error")) == (before[0] + 1, before[1] + 1)


def test_graphql_tells_the_same_of_jobs_and_locations(server: Serving):
    data = server.ask(JOBS)["data"]
    row = next(row for row in data["jobs"]["jobs"] if row["name"] == "synchronise_catalog")
    assert (row["failed"], row["retried"], data["jobs"]["failures"]) == (0, 0, [])
    assert row["done"] >= 1 and row["meanSeconds"] > 0
    location = data["locations"]["nodes"][0]
    assert location["lastError"] is None
    assert location["nextReadAt"] > location["lastReadAt"]
