"""The client of search in Backstage's frontend gets from a real server what the API of Backstage's backend is described to answer."""

import json
import subprocess
from typing import Any

import jsonschema_rs
import pytest

from tests.e2e.catalog import write_catalog
from tests.e2e.serving import ROOT, configuration, serving
from tests.npm import NODE, install

FOLDER = ROOT / "tests" / "search_client"
PAGE = {"term": "shop", "types": ["software-catalog"], "filters": {"kind": ["Component", "API"]}, "pageLimit": 1}
QUERIES = {
    "first": PAGE,
    "second": {**PAGE, "pageCursor": "nextPageCursor"},
    "first again": {**PAGE, "pageCursor": "previousPageCursor"},
    "all": {"term": "", "types": [], "filters": {}},
    "filtered": {"term": "", "filters": {"owner": "shop-team", "lifecycle": ["production", "experimental"], "componentType": "service"}},
    "typo": {"term": "databse"},
    "nothing": {"term": "zebra"},
    "other type": {"term": "", "types": ["techdocs"]},
    "many": {"term": "", "pageLimit": 101},
    "long": {"term": "x" * 501},
    "foreign cursor": {"term": "", "pageCursor": "unheard of"},
    "filter": {"term": "", "filters": {"color": "red"}},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The description, what the server answered, and what the client made of it, by query."""
    install(FOLDER, "the client of search in Backstage's frontend")
    folder = tmp_path_factory.mktemp("search")
    write_catalog(folder / "catalog")
    with serving(configuration(folder, "catalog/all.yaml")) as server:
        server.wait_for(
            '{ entities { totalCount } search(term: "") { totalCount degraded } }',
            {"entities": {"totalCount": 7}, "search": {"totalCount": 7, "degraded": False}},
        )
        asked = json.dumps([*QUERIES.values()])
        done = subprocess.run(
            [NODE, "calls.mjs", server.url], cwd=FOLDER, input=asked, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def answer_to(told: dict[str, Any], query: str) -> dict[str, Any]:
    return told["answers"][[*QUERIES].index(query)]


@pytest.mark.parametrize("query", QUERIES)
def test_every_answer_is_as_described(told: dict[str, Any], query: str):
    answer, components = told["received"][[*QUERIES].index(query)], told["spec"]["components"]
    succeeded = told["spec"]["paths"]["/query"]["get"]["responses"]["200"]
    (described,) = (succeeded if answer["status"] == 200 else components["responses"]["ErrorResponse"])["content"].values()
    validator = jsonschema_rs.validator_for({**described["schema"], "components": components})
    assert [error.message for error in validator.iter_errors(answer["body"])] == []
    assert answer["type"].partition(";")[0] == "application/json"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("first", ["shop"]),
        ("second", ["orders"]),
        ("first again", ["shop"]),
        ("all", ["all", "database", "orders", "shop", "shop-team", "web", "web-team"]),
        ("filtered", ["shop"]),
        ("typo", ["database"]),
        ("nothing", []),
        ("other type", []),
    ],
)
def test_the_client_gets_what_it_asks_for(told: dict[str, Any], query: str, names: list[str]):
    assert sorted(each["document"]["name"] for each in answer_to(told, query)["results"]["results"]) == names


def test_results_of_further_pages_keep_their_ranks(told: dict[str, Any]):
    pages = [answer_to(told, query)["results"] for query in ("first", "second", "first again")]
    assert [page["results"][0]["rank"] for page in pages] == [1, 2, 1]
    assert [page["numberOfResults"] for page in pages] == [2, 2, 2]
    assert [sorted(key for key in page if key.endswith("Cursor")) for page in pages] == [
        ["nextPageCursor"],
        ["previousPageCursor"],
        ["nextPageCursor"],
    ]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("many", 'The page limit "101" is greater than "100"'),
        ("long", "a search term has at most 500 characters"),
        ("foreign cursor", "the cursor is malformed"),
        ("filter", "Invalid query string: 'filters[color]' is not known here"),
    ],
)
def test_the_client_is_told_what_is_wrong(told: dict[str, Any], query: str, reason: str):
    refused = answer_to(told, query)["refused"]
    assert (refused["name"], refused["message"], refused["cause"]) == ("ResponseError", "Request failed with 400 Bad Request", "InputError")
    assert refused["body"]["error"]["message"].partition(";")[0] == reason
