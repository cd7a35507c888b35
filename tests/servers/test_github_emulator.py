"""The emulator of GitHub answers what GitHub describes, and fails when told to."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers.github.hub import Failure, Hub, rate_limited, secondary_limit
from tests.servers.github.serving import serving_github

FILES = {"catalog-info.yaml": "kind: Component\n", "docs/index.md": "# Shop\n"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving_github(tmp_path) as hub:
        hub.organisation("acme", ["ada", "bob"])
        hub.team("acme", "shop", ["ada"])
        hub.team("acme", "till", ["bob"], parent="shop")
        hub.token("t")
        hub.repository("acme/shop", FILES, topics=["java"])
        hub.repository("acme/secret", FILES, private=True)
        yield hub


@pytest.fixture
def api(hub: Hub) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub.api_url, headers={"Authorization": "Bearer t"}) as client:
        yield client


EVERYTHING = [
    "/orgs/acme",
    "/orgs/acme/repos?per_page=100&page=1",
    "/orgs/acme/members",
    "/orgs/acme/teams",
    "/orgs/acme/teams/shop",
    "/orgs/acme/teams/shop/members",
    "/orgs/acme/teams/shop/teams",
    "/users/ada",
    "/users/acme/repos",
    "/repos/acme/shop",
    "/repos/acme/shop/commits/main",
    "/repos/acme/shop/commits/HEAD",
    "/repos/acme/shop/branches/main",
    "/repos/acme/shop/git/ref/heads/main",
    "/repos/acme/shop/git/trees/main?recursive=1",
    "/repos/acme/shop/contents/catalog-info.yaml?ref=main",
    "/repos/acme/shop/contents/docs",
    "/rate_limit",
]


@pytest.mark.parametrize("path", EVERYTHING)
def test_an_answer_is_as_described_and_known_again_by_its_etag(hub: Hub, api: httpx.Client, path: str):
    answer = api.get(path)
    again = api.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (answer.status_code, again.status_code, again.content, hub.problems) == (200, 304, b"", [])
    assert answer.headers["x-ratelimit-remaining"] == again.headers["x-ratelimit-remaining"]


def test_an_undocumented_request_is_noticed(hub: Hub, api: httpx.Client):
    api.get("/orgs/acme/repos?per_page=many")
    api.get("/orgs/acme/members?colour=red")
    api.get("/nothing")
    assert [problem.split(":")[0] for problem in hub.problems] == [
        "query parameter per_page at /",
        "GET /orgs/{org}/members has no query parameter colour",
        "GET /nothing is no operation of GitHub's",
    ]
    hub.problems.clear()


def test_lists_come_in_pages_that_lead_to_each_other(hub: Hub, api: httpx.Client):
    for number in range(3):
        hub.repository(f"acme/more-{number}")
    names: list[str] = []
    url = "/orgs/acme/repos?per_page=2"
    while url:
        answer = api.get(url)
        names += [each["name"] for each in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
    assert names == ["shop", "secret", "more-0", "more-1", "more-2"]
    assert hub.count("GET .*/orgs/acme/repos") == 3


def test_a_commit_moves_the_head_and_a_force_push_forgets_what_was(hub: Hub, api: httpx.Client):
    def head() -> str:
        return api.get("/repos/acme/shop/commits/main", headers={"Accept": "application/vnd.github.sha"}).text

    first = head()
    second = hub.commit("acme/shop", {"new.txt": "new"}, removed=["docs/index.md"])
    assert head() == second != first
    third = hub.commit("acme/shop", {"only.txt": "only"}, anew=True)
    tree = api.get(f"/repos/acme/shop/git/trees/{third}?recursive=1").json()
    assert [entry["path"] for entry in tree["tree"]] == ["only.txt"]


def test_an_archive_comes_from_another_host_and_without_credentials(hub: Hub, api: httpx.Client):
    moved = api.get("/repos/acme/secret/tarball/main")
    assert moved.status_code == 302
    with tarfile.open(fileobj=io.BytesIO(httpx.get(moved.headers["location"]).content)) as archive:
        names = archive.getnames()
    assert [name.partition("/")[2] for name in names] == ["", "catalog-info.yaml", "docs", "docs/index.md"]
    httpx.get(moved.headers["location"], headers={"Authorization": "Bearer t"})
    assert hub.problems == ["credentials were sent to another host than GitHub's API"]
    hub.problems.clear()


def test_what_a_token_may_not_read_is_not_found(hub: Hub, api: httpx.Client):
    hub.token("small", repositories=["acme/shop"])
    small = {"Authorization": "token small"}
    statuses = [api.get(f"/repos/acme/{name}", headers=small).status_code for name in ("shop", "secret")]
    hub.expire("small")
    assert (statuses, api.get("/repos/acme/shop", headers=small).status_code) == ([200, 404], 401)


def test_a_renamed_repository_leads_on_and_a_deleted_one_is_gone(hub: Hub, api: httpx.Client):
    hub.rename("acme/shop", "acme/store")
    moved = api.get("/repos/acme/shop/commits/main")
    assert (moved.status_code, api.get(moved.headers["location"]).status_code) == (301, 200)
    hub.delete("acme/store")
    assert api.get("/repos/acme/store").status_code == 404


def test_it_fails_as_told_and_so_often(hub: Hub, api: httpx.Client):
    hub.fail("/repos/acme/shop$", Failure(503), times=1)
    hub.fail("/repos/acme/secret$", secondary_limit(7))
    hub.fail("/orgs/acme/repos", rate_limited())
    hub.fail("/users/ada", Failure(keep=5))
    limited = api.get("/orgs/acme/repos")
    assert [api.get("/repos/acme/shop").status_code for _ in range(2)] == [503, 200]
    assert api.get("/repos/acme/secret").headers["retry-after"] == "7"
    assert (limited.status_code, limited.headers["x-ratelimit-remaining"]) == (403, "0")
    with pytest.raises(httpx.RemoteProtocolError):
        api.get("/users/ada")
    hub.heal()
    assert api.get("/users/ada").json()["login"] == "ada"


def test_git_itself_clones_a_repository_and_what_it_pushes_is_what_the_api_shows(hub: Hub, api: httpx.Client, tmp_path: Path):
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@acme.example"]
        return subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("clone", "--quiet", api.get("/repos/acme/shop").json()["clone_url"], "clone")
    (tmp_path / "clone" / "catalog-info.yaml").write_text("kind: API\n")
    git("-C", "clone", "commit", "--quiet", "--all", "--message", "Become an API")
    git("-C", "clone", "push", "--quiet")
    head = api.get("/repos/acme/shop/commits/main", headers={"Accept": "application/vnd.github.sha"}).text
    raw = api.get("/repos/acme/shop/contents/catalog-info.yaml", headers={"Accept": "application/vnd.github.raw+json"}).text
    assert (head, raw) == (git("-C", "clone", "rev-parse", "HEAD"), "kind: API\n")
