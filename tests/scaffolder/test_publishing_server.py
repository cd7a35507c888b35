"""From a template to the catalog by way of a host: a real server, a real push, and one repository even if the server is killed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.serving import Serving, serving
from tests.scaffolder.killing import V2, events
from tests.scaffolder.publishing import TOKEN, files, github_integration, history
from tests.scaffolder.publishing_server import registered, start, wait, write_publishing
from tests.servers.forges.gitlab import serving_gitlab
from tests.servers.github.hub import Failure, Hub
from tests.servers.github.serving import serving_github

EXPECTED = {"catalog-info.yaml", "src/main.txt"}


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


def _after(hub: Hub, pattern: str, count: int = 1) -> Callable[[], bool]:
    return lambda: hub.count(pattern) >= count


# Each is where a request is held back, and whether the server is killed before it arrives or once it has been answered.
@pytest.mark.parametrize(
    ("held", "seen"),
    [
        (None, None),
        ("POST .*/orgs/acme/repos", "GET .*/users/acme"),
        ("PUT .*/protection", "POST .*/orgs/acme/repos"),
        ("POST .*/git-receive-pack", "GET .*/info/refs"),
    ],
)
def test_one_repository_and_one_registration_whenever_the_server_is_killed(tmp_path: Path, held: str | None, seen: str | None):
    (tmp_path / "github").mkdir()
    with serving_github(tmp_path / "github") as hub:
        hub.organisation("acme", ["ada"])
        config = write_publishing(tmp_path, github_integration(hub), "publish:github", f"{hub.host}?owner=acme")
        with serving(config) as server:
            if held and seen:
                hub.fail(held, Failure(delay_seconds=1))
            task_id = start(server, "shop")
            if held and seen:
                _kill(server, _after(hub, seen))
                hub.heal()
            else:
                _check(server, hub, task_id)
        if held:
            time.sleep(1.2)
            with serving(config) as server:
                _check(server, hub, task_id)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(50))
def test_one_repository_whatever_the_moment_of_the_kill(tmp_path: Path, seed: int):
    (tmp_path / "github").mkdir()
    with serving_github(tmp_path / "github") as hub:
        hub.organisation("acme", ["ada"])
        config = write_publishing(tmp_path, github_integration(hub), "publish:github", f"{hub.host}?owner=acme")
        hub.fail("(POST|PUT) ", Failure(delay_seconds=0.05))
        with serving(config) as server:
            task_id = start(server, "shop")
            time.sleep(seed * 0.04)
            _kill(server, lambda: True)
        with serving(config) as server:
            _check(server, hub, task_id)


def _kill(server: Serving, is_time: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not is_time():
        assert time.monotonic() - began < 60, server.log.read_text()
        time.sleep(0.002)
    server.process.kill()
    server.process.wait()


def _check(server: Serving, hub: Hub, task_id: str) -> None:
    done = wait(server, task_id)
    told: list[dict[str, Any]] = events(server, task_id)
    assert done["status"] == "completed", told
    assert told[-1]["body"]["output"]["entityRef"] == "component:default/shop"
    assert [event["type"] for event in told].count("completion") == 1
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    made = hub.repositories["acme/shop"]
    assert (set(files(made)), len(history(made))) == (EXPECTED, 1)
    assert [each.status for each in hub.seen if each.method == "POST" and each.path.endswith("/orgs/acme/repos")].count(201) == 1
    registered(server, "shop")
    query = "query ($id: ID!) { scaffolderTask(id: $id) { effects { kind url } } }"
    effects = server.ask(query, {"id": task_id})["data"]["scaffolderTask"]["effects"]
    assert sorted(effect["kind"] for effect in effects) == ["entity", "location", "repository"]
    assert TOKEN not in server.log.read_text()
    assert TOKEN not in server.get(f"{V2}/tasks/{task_id}").text
