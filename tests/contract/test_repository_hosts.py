"""What every host of repositories does alike, held against an emulator of each that reads real repositories with git."""

import io
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from config.backend import Reading
from plugins.archives import Limits, unpacked
from plugins.contract import Place, RepositoryHost, SourceError, SourceReason
from plugins.outbound.client import Outbound
from tests.contract.hosts import KINDS, Kind
from tests.servers.forges.forge import link, tag
from tests.servers.github.hub import Failure, Hub

TOKEN = "secret-token-of-a-reader"
CATALOG = "kind: Component\n"
FILES = {"catalog-info.yaml": CATALOG, "docs/a b/ü#1.yaml": "a: 1\n", "services/cart/catalog-info.yaml": CATALOG}
MOST = 1_000_000


@pytest.fixture(params=KINDS, scope="module")
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def emulator(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with kind.serving(tmp_path_factory.mktemp("repositories")) as hub:
        yield hub


@pytest.fixture
def hub(kind: Kind, emulator: Hub) -> Hub:
    for kept in (emulator.repositories, emulator.moved, emulator.tokens):
        kept.clear()
    emulator.heal()
    emulator.token(TOKEN)
    emulator.repository(kind.repository, FILES, private=True)
    emulator.forget()
    return emulator


@pytest.fixture
async def outbound(kind: Kind, hub: Hub) -> AsyncIterator[Outbound]:
    outbound = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}), kind.hosts(hub))
    yield outbound
    await outbound.close()


@pytest.fixture
def host(kind: Kind, hub: Hub, outbound: Outbound) -> RepositoryHost:
    return kind.build(hub, outbound, TOKEN)


@pytest.fixture
def main(kind: Kind, hub: Hub) -> Place:
    return Place(hub.host, kind.named, "main", "")


async def refused(reading: Awaitable[object]) -> SourceError:
    """The error that reading ends with. It never shows the token."""
    with pytest.raises(SourceError) as caught:
        await reading
    error = caught.value
    assert TOKEN not in f"{error.url}{error.message}{error.remedy}{error!r}"
    assert error.remedy.endswith(".")
    return error


async def archive_of(host: RepositoryHost, place: Place) -> dict[str, bytes]:
    """The regular files of the archive at the place's head."""
    data = b"".join([chunk async for chunk in host.archive(place, await host.head(place))])
    with closing(unpacked(io.BytesIO(data), host.url(place), Limits(MOST, MOST), lambda _: True)) as files:
        return {path: files.read(path) or b"" for path in files.sizes}


@pytest.mark.parametrize("revision", [None, "main", "feature/one"])
@pytest.mark.parametrize("path", ["", "catalog-info.yaml", "docs/a b/ü#1.yaml", "**/catalog-*.yaml"])
def test_a_place_is_read_back_from_its_urls(host: RepositoryHost, main: Place, revision: str | None, path: str):
    place = replace(main, revision=revision, path=path)
    assert host.place(host.url(place)) == place
    assert host.place(host.folder_url(place)) == place


async def test_the_head_is_the_commit_of_the_branch_by_one_request(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    commit = hub.commit(kind.repository, {"new.yaml": "a: 2\n"})
    head = await host.head(main)
    assert (head.commit, head.revision, head.moved_to, hub.count()) == (commit, "main", None, 1)


async def test_the_default_branch_needs_no_name(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    commit = hub.commit(kind.repository, {"new.yaml": "a: 2\n"})
    hub.commit(kind.repository, {"catalog-info.yaml": "kind: API\n"}, branch="other", anew=True)
    head = await host.head(replace(main, revision=None))
    assert (head.commit, hub.count()) == (commit, 1)
    assert (head.revision == "main") == kind.tells_branch


async def test_an_unchanged_head_is_the_known_one_by_one_request(host: RepositoryHost, hub: Hub, main: Place):
    for place in (main, replace(main, revision=None)):
        known = await host.head(place)
        hub.forget()
        assert await host.head(place, known) is known
        assert hub.count() == 1


async def test_a_head_that_moved_by_a_push_or_a_forced_one_is_another(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    first = await host.head(main)
    pushed = hub.commit(kind.repository, {"catalog-info.yaml": "kind: API\n"})
    second = await host.head(main, first)
    forced = hub.commit(kind.repository, {"catalog-info.yaml": "kind: System\n"}, anew=True)
    third = await host.head(main, second)
    assert [second.commit, third.commit] == [pushed, forced]
    assert await host.file(replace(main, path="catalog-info.yaml"), third, MOST) == b"kind: System\n"
    assert hub.count() == 4


async def test_a_commit_and_a_branch_with_slashes_are_revisions_too(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    commit = hub.commit(kind.repository, {"catalog-info.yaml": "kind: API\n"}, branch="feature/one", anew=True)
    assert [(await host.head(replace(main, revision=each))).commit for each in ("feature/one", commit)] == [commit, commit]


async def test_a_tag_is_a_revision_too(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    repository = hub.repositories[kind.repository.lower()]
    tag(repository, "v1")
    tagged = repository.git.head("main")
    hub.commit(kind.repository, {"catalog-info.yaml": "kind: API\n"})
    name = (
        "refs/tags/v1" if host.place(host.url(replace(main, revision="refs/tags/v1"))) == replace(main, revision="refs/tags/v1") else "v1"
    )
    assert (await host.head(replace(main, revision=name))).commit == tagged


async def test_the_tree_lists_regular_files_by_one_request(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    head = await host.head(main)
    hub.forget()
    assert sorted(file.path for file in await host.tree(main, head)) == sorted(FILES)
    assert hub.count() == 1
    sizes = {file.path: file.size for file in await host.tree(main, head) if file.size is not None}
    assert sizes == {} or sizes == {path: len(content.encode()) for path, content in FILES.items()}


async def test_a_tree_of_many_files_is_listed_whole(
    host: RepositoryHost, hub: Hub, kind: Kind, main: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub, "most", 100, raising=False)
    many = {f"services/{number}/catalog-info.yaml": CATALOG for number in range(230)}
    hub.commit(kind.repository, many)
    assert {file.path for file in await host.tree(main, await host.head(main))} == {*FILES, *many}


async def test_a_file_is_read_as_it_is_by_one_request(host: RepositoryHost, hub: Hub, main: Place):
    head = await host.head(main)
    hub.forget()
    assert await host.file(replace(main, path="docs/a b/ü#1.yaml"), head, MOST) == b"a: 1\n"
    assert hub.count() == 1


async def test_a_file_stays_that_of_the_head_when_the_branch_moves_on(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    head = await host.head(main)
    hub.commit(kind.repository, {"catalog-info.yaml": "kind: API\n"})
    assert await host.file(replace(main, path="catalog-info.yaml"), head, MOST) == CATALOG.encode()


@pytest.mark.parametrize("path", ["none.yaml", "services/none/catalog-info.yaml", "../catalog-info.yaml"])
async def test_a_missing_file_is_not_found(host: RepositoryHost, main: Place, path: str):
    head = await host.head(main)
    place = replace(main, path=path)
    error = await refused(host.file(place, head, MOST))
    assert (error.reason, error.url) == (SourceReason.NOT_FOUND, host.url(place))


async def test_a_file_that_is_too_large_is_refused(host: RepositoryHost, main: Place):
    head = await host.head(main)
    error = await refused(host.file(replace(main, path="catalog-info.yaml"), head, len(CATALOG) - 1))
    assert error.reason is SourceReason.TOO_LARGE


async def test_the_archive_holds_what_the_tree_lists(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    listed = {file.path for file in await host.tree(main, await host.head(main))}
    hub.forget()
    archive = await archive_of(host, main)
    assert hub.count() == 1 + kind.archive_requests
    assert archive == {path: content.encode() for path, content in FILES.items()}
    assert set(archive) == listed


async def test_a_deleted_repository_and_a_deleted_branch_are_not_found(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    known = await host.head(main)
    gone = await refused(host.head(replace(main, revision="gone")))
    hub.delete(kind.repository)
    deleted = await refused(host.head(main, known))
    assert [gone.reason, deleted.reason] == [SourceReason.NOT_FOUND, SourceReason.NOT_FOUND]


async def test_an_empty_repository_is_not_found(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    name = kind.repository.replace("shop", "site")
    hub.repository(name, None)
    for revision in (None, "main"):
        place = replace(main, repository=main.repository.replace("shop", "site"), revision=revision)
        assert (await refused(host.head(place))).reason is SourceReason.NOT_FOUND


async def test_a_renamed_repository_tells_its_name_or_is_not_found(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    known = await host.head(main)
    hub.rename(kind.repository, kind.repository.replace("shop", "store"))
    if not kind.keeps_names:
        assert (await refused(host.head(main, known))).reason is SourceReason.NOT_FOUND
        return
    moved = await host.head(main, known)
    assert (moved.commit, moved.moved_to) == (known.commit, kind.named.replace("shop", "store"))
    assert await host.head(main, moved) is moved
    assert await host.file(replace(main, path="catalog-info.yaml"), moved, MOST) == CATALOG.encode()


async def test_a_wrong_or_expired_token_is_unauthorized(kind: Kind, host: RepositoryHost, hub: Hub, outbound: Outbound, main: Place):
    wrong = await refused(kind.build(hub, outbound, "secret-token-of-nobody").head(main))
    hub.expire(TOKEN)
    expired = await refused(host.head(main))
    assert [wrong.reason, expired.reason] == [SourceReason.UNAUTHORIZED, SourceReason.UNAUTHORIZED]
    assert "integrations" in wrong.remedy


async def test_without_a_token_public_repositories_alone_are_read(kind: Kind, hub: Hub, outbound: Outbound, main: Place):
    anonymous = kind.build(hub, outbound, None)
    hidden = await refused(anonymous.head(main))
    public = hub.repository(kind.repository.replace("shop", "site"), FILES)
    head = await anonymous.head(replace(main, repository=main.repository.replace("shop", "site")))
    assert hidden.reason is SourceReason.NOT_FOUND
    assert head.commit == public.git.head("main")
    assert [seen.token for seen in hub.seen] == [None, None]


async def test_a_rate_limit_is_honoured_for_as_long_as_the_host_asks(host: RepositoryHost, hub: Hub, main: Place):
    hub.fail("GET", Failure(429, b"Retry later\n", {"retry-after": "120"}))
    first = await refused(host.head(main))
    second = await refused(host.head(main))
    assert [first.reason, second.reason] == [SourceReason.RATE_LIMITED, SourceReason.RATE_LIMITED]
    assert first.retry_after_seconds == 120
    assert hub.count() == 1


@pytest.mark.parametrize("failure", [Failure(500), Failure(502, b"<html>Bad Gateway</html>"), Failure(503, headers={"retry-after": "30"})])
async def test_a_host_out_of_order_is_unavailable(host: RepositoryHost, hub: Hub, main: Place, failure: Failure):
    hub.fail("GET", failure)
    error = await refused(host.head(main))
    assert error.reason is SourceReason.UNAVAILABLE
    assert error.retry_after_seconds == (30 if failure.status == 503 else None)


async def test_a_truncated_answer_is_no_answer(host: RepositoryHost, hub: Hub, main: Place):
    head = await host.head(main)
    hub.fail("GET", Failure(keep=5))
    errors = [
        await refused(host.head(main)),
        await refused(host.tree(main, head)),
        await refused(host.file(replace(main, path="catalog-info.yaml"), head, MOST)),
        await refused(archive_of(host, main)),
    ]
    assert {error.reason for error in errors} == {SourceReason.UNAVAILABLE}


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"[]", b"{}", b'{"values": 3, "value": null}', b"null"])
async def test_an_answer_of_another_form_is_malformed(host: RepositoryHost, hub: Hub, main: Place, body: bytes):
    hub.fail("GET", Failure(200, body))
    error = await refused(host.head(main))
    assert error.reason is SourceReason.MALFORMED


async def test_a_redirect_to_another_host_takes_no_credentials_along(kind: Kind, hub: Hub, main: Place, tmp_path: Path):
    with kind.serving(tmp_path) as other:
        outbound = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}), [*kind.hosts(hub), other.host])
        try:
            host = kind.build(hub, outbound, TOKEN)
            head = await host.head(main)
            hub.fail("GET", Failure(redirect=f"{other.url}/elsewhere"))
            await refused(host.file(replace(main, path="catalog-info.yaml"), head, MOST))
            assert {seen.token for seen in hub.seen} == {TOKEN}
            assert all(seen.token is None for seen in other.seen)
        finally:
            await outbound.close()


async def test_a_redirect_to_a_host_that_is_not_allowed_is_refused(host: RepositoryHost, hub: Hub, main: Place):
    hub.fail("GET", Failure(redirect="http://internal.example/"))
    error = await refused(host.head(main))
    assert error.reason in {SourceReason.NOT_ALLOWED, SourceReason.UNAUTHORIZED}


async def test_links_are_no_files(host: RepositoryHost, hub: Hub, kind: Kind, main: Place):
    link(hub.repositories[kind.repository.lower()], "link.yaml", "catalog-info.yaml")
    assert set(await archive_of(host, main)) == set(FILES)
    # Bitbucket Server's listing says of nothing what it is.
    listed = {file.path for file in await host.tree(main, await host.head(main))}
    assert listed - {"link.yaml"} == set(FILES)
    assert ("link.yaml" in listed) == (type(host).__name__ == "BitbucketServerHost")
