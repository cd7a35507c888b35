"""From a template to the catalog by way of a host: a real server, a real push, and one repository even if the server is killed."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.serving import Serving, serving
from tests.scaffolder.killing import V2, events
from tests.scaffolder.publishing import TOKEN, files, github_integration, history
from tests.scaffolder.publishing_server import registered, start, wait, write_proposing, write_publishing
from tests.servers.forges.gitlab import serving_gitlab
from tests.servers.github.hub import Failure, Hub
from tests.servers.github.serving import serving_github

EXPECTED = {"catalog-info.yaml", "src/main.txt"}


@dataclass(frozen=True)
class Proposing:
    """A host, and how something is proposed to its repository acme/shop: by which action; the file's URL and the proposal's."""

    hub: Hub
    integrations: Mapping[str, Any]
    action: str
    file: str
    proposal: str


def test_a_template_publishes_to_gitlab_and_registers_what_it_made(tmp_path: Path):
    (tmp_path / "gitlab").mkdir()
    with serving_gitlab(tmp_path / "gitlab") as gitlab:
        gitlab.token(TOKEN)
        gitlab.group("acme")
        integrations = {"gitlab": [{"host": gitlab.host, "baseUrl": gitlab.url, "token": TOKEN}]}
        config = write_publishing(tmp_path, integrations, "publish:gitlab", f"{gitlab.host}?owner=acme")
        with serving(config) as server:
            done = wait(server, start(server, "shop"))
            assert done["status"] == "completed", events(server, done["id"])
            registered(server, "shop")
            assert set(files(gitlab.repositories["acme/shop"])) == EXPECTED


@contextmanager
def _github(folder: Path) -> Generator[Proposing]:
    with serving_github(folder) as hub:
        hub.organisation("acme", ["ada"])
        file = f"{hub.url}/acme/shop/blob/scaffolded/catalog-info.yaml"
        yield Proposing(hub, github_integration(hub), "publish:github:pull-request", file, f"{hub.url}/acme/shop/pull/1")


@contextmanager
def _gitlab(folder: Path) -> Generator[Proposing]:
    with serving_gitlab(folder) as gitlab:
        gitlab.token(TOKEN)
        integrations = {"gitlab": [{"host": gitlab.host, "baseUrl": gitlab.url, "token": TOKEN}]}
        project = f"{gitlab.url}/acme/shop/-"
        file = f"{project}/blob/scaffolded/catalog-info.yaml"
        yield Proposing(gitlab, integrations, "publish:gitlab:merge-request", file, f"{project}/merge_requests/1")


@pytest.mark.parametrize("host", [_github, _gitlab], ids=["github", "gitlab"])
def test_a_template_proposes_what_it_made_and_registers_it(tmp_path: Path, host: Callable[[Path], AbstractContextManager[Proposing]]):
    (tmp_path / "host").mkdir()
    with host(tmp_path / "host") as at:
        shop = at.hub.repository("acme/shop", {"README.md": "# Shop\n"})
        config = write_proposing(tmp_path, at.integrations, at.action, f"{at.hub.host}?owner=acme&repo=shop", at.file)
        with serving(config) as server:
            done = wait(server, start(server, "shop"))
            assert done["status"] == "completed", events(server, done["id"])
            assert (set(files(shop, "scaffolded")), set(files(shop))) == ({"README.md", *EXPECTED}, {"README.md"})
            assert [(pull.title, pull.head, pull.base) for pull in shop.pulls] == [("Add shop", "scaffolded", "main")]
            query = '{ entity(ref: "component:default/shop") { ref scaffoldedBy { taskId effects { kind url } } } }'
            ref = "component:default/shop"
            made = [("pull-request", at.proposal), ("location", at.file), ("entity", f"{at.file}#{ref}")]
            effects = [{"kind": kind, "url": url} for kind, url in made]
            server.wait_for(query, {"entity": {"ref": ref, "scaffoldedBy": {"taskId": done["id"], "effects": effects}}})


def test_one_repository_and_one_registration_of_each_task_whose_server_was_killed(tmp_path: Path):
    (tmp_path / "github").mkdir()
    with serving_github(tmp_path / "github") as hub:
        hub.organisation("acme", ["ada"])
        config = write_publishing(tmp_path, github_integration(hub), "publish:github", f"{hub.host}?owner=acme")
        with serving(config) as server:
            # One is in its push, one behind it, and one sends the request that makes its repository, when the server dies.
            hub.fail("POST /acme/pushing.git/git-receive-pack", Failure(delay_seconds=6))
            hub.fail("PUT .*/acme/pushed/branches/main/protection", Failure(delay_seconds=6))
            ids = {name: start(server, name) for name in ("pushing", "pushed")}
            _wait_for(server, lambda: len(hub.held) == 2)
            hub.fail("POST .*/orgs/acme/repos", Failure(delay_seconds=4))
            ids["making"] = start(server, "making")
            _wait_for(server, lambda: len(hub.held) == 3)
            server.process.kill()
            server.process.wait()
        _wait_for(server, lambda: "acme/making" in hub.repositories)
        hub.heal()
        with serving(config) as server:
            for name, task_id in ids.items():
                _check(server, hub, name, task_id)


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(5))
def test_one_repository_whatever_the_moment_of_the_kill(tmp_path: Path, batch: int):
    """Ten kills, and only then ten new servers, so that nobody waits for the leases of the dead."""
    with ExitStack() as stack:
        killed: list[tuple[Path, Hub, str]] = []
        for seed in range(10 * batch, 10 * batch + 10):
            (folder := tmp_path / str(seed) / "github").mkdir(parents=True)
            hub = stack.enter_context(serving_github(folder))
            hub.organisation("acme", ["ada"])
            config = write_publishing(folder.parent, github_integration(hub), "publish:github", f"{hub.host}?owner=acme")
            hub.fail("(POST|PUT) ", Failure(delay_seconds=0.05))
            with serving(config) as server:
                task_id = start(server, "shop")
                time.sleep(seed * 0.04)
                server.process.kill()
                server.process.wait()
            killed.append((config, hub, task_id))
        for config, hub, task_id in killed:
            with serving(config) as server:
                _check(server, hub, "shop", task_id)


def _wait_for(server: Serving, is_so: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < 60, server.log.read_text()
        time.sleep(0.002)


def _check(server: Serving, hub: Hub, name: str, task_id: str) -> None:
    done = wait(server, task_id)
    told: list[dict[str, Any]] = events(server, task_id)
    assert done["status"] == "completed", told
    assert told[-1]["body"]["output"]["entityRef"] == f"component:default/{name}"
    assert [event["type"] for event in told].count("completion") == 1
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    made = hub.repositories[f"acme/{name}"]
    assert (set(files(made)), len(history(made))) == (EXPECTED, 1)
    created = [each.status for each in hub.seen if each.method == "POST" and each.path.endswith("/orgs/acme/repos")]
    assert created == [201] * len(hub.repositories)
    registered(server, name)
    query = "query ($id: ID!) { scaffolderTask(id: $id) { effects { kind url } } }"
    effects = server.ask(query, {"id": task_id})["data"]["scaffolderTask"]["effects"]
    assert sorted(effect["kind"] for effect in effects) == ["entity", "location", "repository"]
    assert TOKEN not in server.log.read_text()
    assert TOKEN not in server.get(f"{V2}/tasks/{task_id}").text
