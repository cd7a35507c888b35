"""Plain git repositories: what their URLs name, and reading them from git's own server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from config.backend import Reading
from config.integrations import GitIntegration
from plugins.contract import Head, Place, SourceError, SourceReason
from plugins.git.host import GitHost
from plugins.outbound.client import Outbound
from tests.servers.git_http import GitHttpServer, serving_git
from tests.servers.github.repositories import GitRepository

SHOP = "https://git.example.com/team/shop.git"
SSH = "ssh://git@git.example.com/team/shop.git"
HOST = GitHost(GitIntegration(host="git.example.com"), Outbound(Reading()), Path("unused"), 1000)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (SHOP, Place("git.example.com", SHOP, None, "")),
        (f"{SHOP}/catalog-info.yaml", Place("git.example.com", SHOP, None, "catalog-info.yaml")),
        (f"{SHOP}//a/b.yaml?ref=main", Place("git.example.com", SHOP, "main", "a/b.yaml")),
        (f"{SHOP}/**/*.yaml?ref=feature/new", Place("git.example.com", SHOP, "feature/new", "**/*.yaml")),
        ("https://git.example.com:443/team/shop.git", Place("git.example.com", SHOP, None, "")),
        (f"{SSH}/a.yaml", Place("git.example.com", SSH, None, "a.yaml")),
        ("git@git.example.com:team/shop.git", Place("git.example.com", SSH, None, "")),
        ("https://git.example.com/team/shop", None),
        ("https://user:secret@git.example.com/team/shop.git", None),
        ("https://other.example.com/team/shop.git", None),
        ("file:///srv/shop.git", None),
        ("ext::sh -c evil/shop.git", None),
        ("ssh://-oProxyCommand=evil@git.example.com/shop.git", None),
        (f"{SHOP}?ref=--upload-pack=evil", None),
        (f"{SHOP}/../../etc/passwd", None),
    ],
)  # fmt: skip
def test_a_url_names_a_place(url: str, place: Place | None):
    assert HOST.place(url) == place
    if place:
        assert HOST.place(HOST.url(place)) == place
        assert HOST.place(HOST.folder_url(place)) == place


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "served" / "shop.git")
    repository.create()
    (repository.folder / "config").write_text((repository.folder / "config").read_text() + "[uploadpack]\n\tallowFilter = true\n")
    repository.commit({"catalog-info.yaml": "a: 1\n", "docs/ü b.md": "text"})
    return repository


@pytest.fixture
def server(repository: GitRepository) -> Iterator[GitHttpServer]:
    with serving_git(repository.folder.parent, "reader:hunter2") as server:
        yield server


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    outbound = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}))
    yield outbound
    await outbound.close()


def git(server: GitHttpServer, outbound: Outbound, folder: Path, most: int = 1000, **keys: object) -> GitHost:
    keys = {"username": "reader", "password": "hunter2", **keys}
    return GitHost(GitIntegration.model_validate({"host": server.host, **keys}), outbound, folder / "cache", most)


def at(server: GitHttpServer, path: str = "", revision: str | None = None, name: str = "shop") -> Place:
    return Place(server.host, f"{server.url}/{name}.git", revision, path)


async def test_a_repository_is_fetched_once_and_an_unchanged_one_only_asked(
    server: GitHttpServer, outbound: Outbound, tmp_path: Path, repository: GitRepository
):
    host = git(server, outbound, tmp_path)
    head = await host.head(at(server))
    assert head.commit == repository.head("main")
    assert sorted(file.path for file in await host.tree(at(server), head)) == ["catalog-info.yaml", "docs/ü b.md"]
    assert await host.file(at(server, "docs/ü b.md"), head, 100) == b"text"
    assert b"".join([chunk async for chunk in host.archive(at(server), head)])[:2] == b"\x1f\x8b"
    server.requests.clear()
    assert await host.head(at(server), head) is head
    assert [path for path in server.requests if "git-upload-pack" in path and "refs" not in path] == ["/shop.git/git-upload-pack"]
    kept = "".join(path.read_text(errors="replace") for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert "hunter2" not in kept


async def test_a_force_push_is_followed_by_name_where_commits_can_not_be_asked_for(
    server: GitHttpServer, outbound: Outbound, tmp_path: Path, repository: GitRepository
):
    host = git(server, outbound, tmp_path)
    before = await host.head(at(server, revision="main"))
    await host.tree(at(server, revision="main"), before)
    repository.commit({"other.yaml": "b: 1\n"}, anew=True)
    after = await host.head(at(server, revision="main"), before)
    assert [file.path for file in await host.tree(at(server, revision="main"), after)] == ["other.yaml"]
    with pytest.raises(SourceError) as gone:
        await host.head(at(server, revision="none"))
    assert gone.value.reason is SourceReason.NOT_FOUND
    with pytest.raises(SourceError) as gone:
        await host.tree(at(server), Head("f" * 40, "HEAD"))
    assert gone.value.reason is SourceReason.NOT_FOUND


async def test_what_is_not_there_is_not_found_and_what_is_too_large_left_behind(
    server: GitHttpServer, outbound: Outbound, tmp_path: Path, repository: GitRepository
):
    repository.commit({"large.yaml": "x" * 5000})
    host = git(server, outbound, tmp_path)
    head = await host.head(at(server))
    for path, reason in (("none.yaml", SourceReason.NOT_FOUND), ("docs", SourceReason.NOT_FOUND), ("large.yaml", SourceReason.TOO_LARGE)):
        with pytest.raises(SourceError) as failed:
            await host.file(at(server, path), head, 1000)
        assert failed.value.reason is reason, path
    with pytest.raises(SourceError) as failed:
        await host.head(at(server, name="none"))
    assert failed.value.reason is SourceReason.NOT_FOUND


async def test_wrong_credentials_are_named_and_not_told(server: GitHttpServer, outbound: Outbound, tmp_path: Path):
    for keys in ({"password": "wr0ng"}, {"password": None}):
        with pytest.raises(SourceError) as failed:
            await git(server, outbound, tmp_path, **keys).head(at(server))
        assert (failed.value.reason, "wr0ng" in repr(failed.value)) == (SourceReason.UNAUTHORIZED, False)


async def test_a_private_address_is_refused_before_git_runs(server: GitHttpServer, tmp_path: Path):
    with pytest.raises(SourceError) as refused:
        await git(server, Outbound(Reading()), tmp_path).head(at(server))
    assert (refused.value.reason, server.requests) == (SourceReason.NOT_ALLOWED, [])


async def test_git_connects_to_the_address_that_was_checked(server: GitHttpServer, tmp_path: Path):
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    outbound = Outbound(Reading.model_validate({"allowPrivate": ["shop.invalid"]}), resolve=resolve)
    host = GitHost(
        GitIntegration.model_validate({"host": f"shop.invalid:{server.server_port}", "username": "reader", "password": "hunter2"}),
        outbound, tmp_path, 1000,
    )  # fmt: skip
    place = Place(host.host, f"http://{host.host}/shop.git", None, "")
    assert len((await host.head(place)).commit) == 40


async def test_ssh_needs_a_key_and_the_keys_of_the_host(outbound: Outbound, server: GitHttpServer, tmp_path: Path):
    place = Place(server.host, f"ssh://git@{server.host}/shop.git", None, "")
    with pytest.raises(SourceError, match="sshPrivateKey and sshKnownHosts") as refused:
        await git(server, outbound, tmp_path).head(place)
    assert refused.value.reason is SourceReason.UNAUTHORIZED
