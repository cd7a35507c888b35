"""Repositories of GitHub: what its URLs name, and reading them from the emulator, signed in by token and by app."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from config.backend import Reading
from config.integrations import GitHubIntegration
from plugins.contract import Head, Place, SourceError, SourceReason, TreeFile
from plugins.github.host import GitHubHost
from plugins.outbound.client import Outbound
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github

GITHUB = GitHubHost(GitHubIntegration(), Outbound(Reading()))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://github.com/acme/shop", Place("github.com", "acme/shop", None, "")),
        ("https://github.com/acme/shop.git", Place("github.com", "acme/shop", None, "")),
        ("https://github.com/acme/shop/", Place("github.com", "acme/shop", None, "")),
        ("https://github.com/acme/shop/tree/main", Place("github.com", "acme/shop", "main", "")),
        ("https://github.com/acme/shop/blob/main/catalog-info.yaml", Place("github.com", "acme/shop", "main", "catalog-info.yaml")),
        ("https://github.com/acme/shop/edit/main/a/b.yaml", Place("github.com", "acme/shop", "main", "a/b.yaml")),
        ("https://GitHub.com/acme/shop/blob/HEAD/a.yaml#L3", Place("github.com", "acme/shop", None, "a.yaml")),
        ("https://github.com/acme/shop/blob/feature%2Fnew/a.yaml", Place("github.com", "acme/shop", "feature/new", "a.yaml")),
        ("https://github.com/acme/shop/blob/main/*/a%20b.yaml", Place("github.com", "acme/shop", "main", "*/a b.yaml")),
        ("https://raw.githubusercontent.com/acme/shop/main/a.yaml", Place("github.com", "acme/shop", "main", "a.yaml")),
        ("https://raw.githubusercontent.com/acme/shop/refs/heads/main/a.yaml", Place("github.com", "acme/shop", "main", "a.yaml")),
        ("https://github.com/acme", None),
        ("https://github.com/acme/shop/issues/3", None),
        ("https://github.com/acme/shop/blob/main/../../../../etc/passwd", None),
        ("https://github.com.evil.example/acme/shop/blob/main/a.yaml", None),
        ("https://gitlab.com/acme/shop/blob/main/a.yaml", None),
    ],
)
def test_a_url_names_a_place(url: str, place: Place | None):
    assert GITHUB.place(url) == place


@pytest.mark.parametrize("path", ["", "a.yaml", "folder/**/catalog-info.yaml", "a b/ü#?%.yaml", "{a,b}/*.yaml"])
@pytest.mark.parametrize("revision", [None, "main", "feature/new"])
def test_the_url_of_a_place_names_it(path: str, revision: str | None):
    place = Place("github.com", "acme/shop", revision, path)
    assert GITHUB.place(GITHUB.url(place)) == place
    assert GITHUB.place(GITHUB.folder_url(place)) == place


def test_pages_to_look_at_and_to_edit():
    place = Place("github.com", "acme/shop", "main", "docs/a.yaml")
    assert GITHUB.url(place) == "https://github.com/acme/shop/blob/main/docs/a.yaml"
    assert GITHUB.edit_url(place) == "https://github.com/acme/shop/edit/main/docs/a.yaml"
    assert GITHUB.folder_url(Place("github.com", "acme/shop", "main", "docs")) == "https://github.com/acme/shop/tree/main/docs/"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving_github(tmp_path) as hub:
        hub.token("reader")
        yield hub


@pytest.fixture
async def outbound(hub: Hub) -> AsyncIterator[Outbound]:
    reading = Reading.model_validate({"allowPrivate": ["127.0.0.1"]})
    outbound = Outbound(reading, [hub.host, hub.codeload_host])
    yield outbound
    await outbound.close()


def github(hub: Hub, outbound: Outbound, **keys: object) -> GitHubHost:
    return GitHubHost(GitHubIntegration.model_validate({"host": hub.host, "apiBaseUrl": hub.api_url, **keys}), outbound)


def at(hub: Hub, repository: str = "acme/shop", revision: str | None = "main", path: str = "") -> Place:
    return Place(hub.host, repository, revision, path)


async def test_a_repository_is_read_and_an_unchanged_one_costs_one_request(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"catalog-info.yaml": "a: 1\n", "docs/ü b.md": "text"}, private=True)
    host = github(hub, outbound, token="reader")
    head = await host.head(at(hub))
    assert (len(head.commit), head.revision, head.moved_to) == (40, "main", None)
    assert sorted(await host.tree(at(hub), head), key=lambda file: file.path) == [
        TreeFile("catalog-info.yaml", 5),
        TreeFile("docs/ü b.md", 4),
    ]
    assert await host.file(at(hub, path="docs/ü b.md"), head, 100) == b"text"
    assert b"".join([chunk async for chunk in host.archive(at(hub), head)])[:2] == b"\x1f\x8b"
    hub.forget()
    assert await host.head(at(hub), head) is head
    assert [seen.status for seen in hub.seen] == [304]
    hub.commit("acme/shop", {"catalog-info.yaml": "a: 2\n"})
    assert (await host.head(at(hub), head)).commit not in {head.commit, ""}


async def test_the_default_branch_has_no_need_of_a_name(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"a.yaml": "a: 1\n"}, default_branch="trunk")
    head = await github(hub, outbound).head(at(hub, revision=None))
    assert await github(hub, outbound).file(at(hub, revision=None, path="a.yaml"), head, 100) == b"a: 1\n"


async def test_what_is_not_there_is_not_found(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"folder/a.yaml": "a: 1\n"})
    hub.repository("acme/empty")
    hub.repository("acme/secret", {"a.yaml": ""}, private=True)
    host = github(hub, outbound)
    head = await host.head(at(hub))
    for place in (
        at(hub, "acme/none"),
        at(hub, "acme/empty"),
        at(hub, "acme/secret"),
        at(hub, revision="gone"),
        at(hub, revision="f" * 40),
    ):
        with pytest.raises(SourceError) as failed:
            await host.head(place)
        assert failed.value.reason is SourceReason.NOT_FOUND, place
    for path in ("b.yaml", "folder", ""):
        with pytest.raises(SourceError) as failed:
            await host.file(at(hub, path=path), head, 100)
        assert failed.value.reason is SourceReason.NOT_FOUND, path
    with pytest.raises(SourceError) as large:
        await host.file(at(hub, path="folder/a.yaml"), head, 3)
    assert large.value.reason is SourceReason.TOO_LARGE


async def test_a_renamed_repository_is_read_under_its_new_name_and_says_so(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"a.yaml": "a: 1\n"})
    host = github(hub, outbound, token="reader")
    before = await host.head(at(hub))
    hub.rename("acme/shop", "acme/store")
    after = await host.head(at(hub), before)
    assert (after.commit, after.moved_to) == (before.commit, "acme/store")
    assert await host.file(at(hub, path="a.yaml"), after, 100) == b"a: 1\n"
    assert (await host.head(at(hub), after)).moved_to == "acme/store"


async def test_an_expired_token_is_named_as_such(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"a.yaml": "a: 1\n"})
    hub.expire("reader")
    with pytest.raises(SourceError) as failed:
        await github(hub, outbound, token="reader").head(at(hub))
    assert (failed.value.reason, "reader" in str(failed.value)) == (SourceReason.UNAUTHORIZED, False)


def app(hub: Hub, **keys: object) -> dict[str, object]:
    """The keys of an app that is installed at acme."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    hub.app(7, public, {"acme": 70})
    return {"appId": 7, "privateKey": private, **keys}


async def test_an_app_signs_in_as_the_installation_of_the_owner_and_keeps_its_token(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"a.yaml": "a: 1\n"}, private=True)
    hub.repository("other/shop", {"a.yaml": "b: 1\n"})
    host = github(hub, outbound, apps=[app(hub)])
    head = await host.head(at(hub))
    assert await host.file(at(hub, path="a.yaml"), head, 100) == b"a: 1\n"
    assert (hub.count("GET .*/app/installations"), hub.count("POST .*/access_tokens")) == (1, 1)
    await host.head(at(hub, "other/shop"))
    assert hub.seen[-1].token is None


async def test_a_token_of_an_installation_that_is_refused_is_renewed(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"a.yaml": "a: 1\n"}, private=True)
    host = github(hub, outbound, apps=[app(hub)])
    await host.head(at(hub))
    for token in list(hub.tokens):
        hub.expire(token)
    assert len((await host.head(at(hub))).commit) == 40
    assert hub.count("POST .*/access_tokens") == 2


async def test_an_app_signs_in_for_the_owners_it_is_allowed_for_alone(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"a.yaml": "a: 1\n"}, private=True)
    host = github(hub, outbound, token="reader", apps=[app(hub, allowedInstallationOwners=["others"])])
    await host.head(at(hub))
    assert (hub.seen[-1].token, hub.count("POST")) == ("reader", 0)


async def test_a_key_that_is_none_is_named_as_such(hub: Hub, outbound: Outbound):
    host = github(hub, outbound, apps=[{"appId": 7, "privateKey": "no key"}])
    with pytest.raises(SourceError, match="GitHub App 7 can't sign in") as failed:
        await host.head(at(hub))
    assert failed.value.reason is SourceReason.UNAUTHORIZED


async def test_a_head_that_is_known_is_asked_for_by_its_tag(hub: Hub, outbound: Outbound):
    hub.repository("acme/shop", {"a.yaml": "a: 1\n"})
    host = github(hub, outbound)
    commit = (await host.head(at(hub))).commit
    assert await host.head(at(hub), Head(commit, "main")) == Head(commit, "main")
