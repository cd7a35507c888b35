"""Whatever goes wrong with a host: nothing is lost, and `catalogErrors` names each failure and what to do about it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hub import SECRET, component, serving_hub
from tests.e2e.serving import Serving
from tests.servers.github import deliveries
from tests.servers.github.hub import Failure, Hub, rate_limited, secondary_limit
from tests.servers.github.serving import serving_github

TITLES = "{ entities(first: 100) { nodes { name title } } }"
ERRORS = "{ catalogErrors(first: 100) { nodes { code path message remedy } } }"

FAILURES: Mapping[str, tuple[Failure, str]] = {
    "server-error": (Failure(500), "source-unavailable"),
    "overloaded": (Failure(503, headers={"retry-after": "1"}), "source-unavailable"),
    "rate-limited": (rate_limited(2), "source-rate-limited"),
    "too-many": (secondary_limit(1), "source-rate-limited"),
    "truncated": (Failure(keep=10), "source-unavailable"),
    "no-token": (Failure(401, b'{"message": "Bad credentials"}'), "source-unauthorized"),
    "metadata": (Failure(redirect="http://127.0.0.2/latest/meta-data/"), "source-not-allowed"),
    "private": (Failure(redirect="http://[::1]:9/"), "source-not-allowed"),
    "elsewhere": (Failure(redirect="http://elsewhere.example/"), "source-not-allowed"),
}
"""How each repository's requests fail, and the code of the error that tells of it."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "hub").mkdir()
    with serving_github(tmp_path / "hub") as hub:
        yield hub


def url(hub: Hub, name: str) -> str:
    return f"{hub.url}/acme/{name}/blob/main/catalog-info.yaml"


def told(server: Serving) -> list[dict[str, str]]:
    return server.ask(ERRORS)["data"]["catalogErrors"]["nodes"]


def titles(*names: str, title: str) -> dict[str, Any]:
    return {"entities": {"nodes": [{"name": name, "title": title} for name in sorted(names)]}}


def change(hub: Hub, server: Serving, name: str, title: str, *, forced: bool = False) -> None:
    hub.commit(f"acme/{name}", {"catalog-info.yaml": component(name, title)}, anew=forced)
    payload = deliveries.push(hub, f"acme/{name}", touched=["catalog-info.yaml"], forced=forced)
    assert deliveries.send(server.url, "push", payload, SECRET, hub).status_code == 202


def wait_for_codes(hub: Hub, server: Serving, codes: Mapping[str, str]) -> list[dict[str, str]]:
    """The errors, once each of these repositories has one with the code."""
    wanted = {url(hub, name): code for name, code in codes.items()}
    paths = {"catalogErrors": {"nodes": [{"path": path, "code": wanted[path]} for path in sorted(wanted)]}}
    server.wait_for("{ catalogErrors(first: 100) { nodes { path code } } }", paths, seconds=40)
    return told(server)


def test_each_failure_of_a_host_is_named_with_what_to_do_and_heals_by_itself(hub: Hub, tmp_path: Path):
    names = [*FAILURES]
    for name in names:
        hub.repository(f"acme/{name}", {"catalog-info.yaml": component(name, "Before")})
    locations = [{"type": "url", "target": url(hub, name)} for name in names]
    with serving_hub(hub, tmp_path, locations=locations) as server:
        server.wait_for(TITLES, titles(*names, title="Before"))
        for name, (failure, _) in FAILURES.items():
            hub.fail(f"/repos/acme/{name}/", failure)
            change(hub, server, name, "After")
        errors = wait_for_codes(hub, server, {name: code for name, (_, code) in FAILURES.items()})
        assert [error for error in errors if not error["remedy"] or not error["message"]] == []
        assert server.ask(TITLES)["data"] == titles(*names, title="Before")
        assert "reader" not in str(errors)
        hub.heal()
        for name in names:
            change(hub, server, name, "Healed")
        server.wait_for(TITLES, titles(*names, title="Healed"))
        assert told(server) == []


def test_renamed_and_deleted_repositories_and_forced_pushes_lose_nothing(hub: Hub, tmp_path: Path):
    names = ["deleted", "forced", "renamed"]
    for name in names:
        hub.repository(f"acme/{name}", {"catalog-info.yaml": component(name, "Before"), "other.txt": "other"})
    locations = [{"type": "url", "target": url(hub, name)} for name in names]
    with serving_hub(hub, tmp_path, locations=locations) as server:
        server.wait_for(TITLES, titles(*names, title="Before"))
        deleted = deliveries.of_repository(hub, "acme/deleted", "deleted")
        hub.delete("acme/deleted")
        deliveries.send(server.url, "repository", deleted, SECRET, hub)
        hub.rename("acme/renamed", "acme/called-otherwise")
        renamed = deliveries.of_repository(hub, "acme/called-otherwise", "renamed", was="renamed")
        deliveries.send(server.url, "repository", renamed, SECRET, hub)
        change(hub, server, "forced", "After", forced=True)
        errors = wait_for_codes(hub, server, {"deleted": "source-not-found", "renamed": "source-renamed"})
        assert "acme/called-otherwise" in errors[1]["remedy"]
        found = {"name": "forced", "title": "After"}, {"name": "deleted", "title": "Before"}, {"name": "renamed", "title": "Before"}
        nodes = sorted(found, key=lambda node: node["name"])
        server.wait_for(TITLES, {"entities": {"nodes": nodes}})


def test_an_expired_token_is_told_and_loses_nothing(hub: Hub, tmp_path: Path):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop", "Before")}, private=True)
    locations = [{"type": "url", "target": url(hub, "shop")}]
    with serving_hub(hub, tmp_path, locations=locations) as server:
        server.wait_for(TITLES, titles("shop", title="Before"))
        hub.expire("reader")
        change(hub, server, "shop", "After")
        (error,) = wait_for_codes(hub, server, {"shop": "source-unauthorized"})
        assert "integrations" in error["remedy"]
        assert server.ask(TITLES)["data"] == titles("shop", title="Before")
        hub.token("reader")
        change(hub, server, "shop", "Later")
        server.wait_for(TITLES, titles("shop", title="Later"))
        assert told(server) == []
