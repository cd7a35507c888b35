"""Discovery of GitHub's repositories and people, against the emulator of its interface."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Location, Store
from graph.stores.sqlite import SqliteStore
from plugins.contract import Touched
from plugins.hosts import opened_hosts
from plugins.providers import providers_from
from tests.servers.github import answers
from tests.servers.github.description import description
from tests.servers.github.hub import Failure, Hub
from tests.servers.github.serving import serving_github
from tests.workers.providing import errors, refs, run_again, until, working_on
from workers.providers.jobs import Providing, all_rows, connection_of
from workers.queue import Queue
from workers.refresh.jobs import Refreshing


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    description()
    with serving_github(tmp_path / "github") as hub:
        hub.token("secret-token")
        yield hub


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield store
    await store.close()


class Running:
    """A worker whose providers are those of the section, on the emulator."""

    def __init__(self, hub: Hub, store: Store, queue: Queue, ctx: dict[str, Any], names: list[str]) -> None:
        self.hub, self.store, self.queue, self.ctx, self.names = hub, store, queue, ctx, names

    async def again(self) -> None:
        """One more cycle of every provider."""
        for name in self.names:
            await run_again(self.store, self.queue, name)

    async def tell(self, event: str, repository: dict[str, Any] | None = None, **more: Any) -> None:
        """An event as the receiver of webhooks hands it on."""
        payload = {"repository": repository} if repository else more.pop("payload", {})
        name = repository["full_name"] if repository else None
        providing: Providing = self.ctx["providing"]
        for provider in providing.providers:
            await provider.on_event(Touched(self.hub.host, event, name, payload=payload, **more), connection_of(self.ctx, provider.name))

    async def targets(self) -> list[str]:
        """The locations, relative to the emulator."""
        found: list[Location] = [location for location in await self.store.locations() if location.type == "url"]
        return sorted(location.target.removeprefix(f"{self.hub.url}/") for location in found)


@asynccontextmanager
async def running(hub: Hub, store: Store, **providers: Any) -> AsyncIterator[Running]:
    config = Config.model_validate(
        {
            "backend": {"reading": {"allowPrivate": ["127.0.0.1"]}},
            "integrations": {"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "secret-token"}]},
            "catalog": {"processingInterval": False, "removalGrace": {"seconds": 0}, "providers": providers},
        }
    )
    async with opened_hosts(config) as hosts:
        built = providers_from(config, hosts)
        async with working_on(store, *built, config=config) as queue:
            ctx = {"queue": queue, "providing": Providing(built, None), "refreshing": Refreshing(config, store, RelationRegistry())}

            async def all_ran() -> bool:
                rows = await all_rows(store)
                return len(rows) == len(built) and all("lastRun" in row.value for row in rows.values())

            await until(all_ran)
            yield Running(hub, store, queue, ctx, [provider.name for provider in built])


def discovery(hub: Hub, **more: Any) -> dict[str, Any]:
    return {"acme": {"host": hub.host, "organization": "acme", **more}}


async def test_each_repository_that_the_filters_let_through_is_a_location(hub: Hub, store: Store):
    files = {"catalog-info.yaml": "kind: x"}
    hub.repository("acme/shop", files, topics=["catalog"])
    hub.repository("acme/shop-old", files, topics=["catalog"], archived=True)
    hub.repository("acme/shop-fork", files, topics=["catalog"], fork=True)
    hub.repository("acme/shop-secret", files, topics=["catalog"], private=True)
    hub.repository("acme/shop-draft", files, topics=["catalog", "draft"])
    hub.repository("acme/shop-plain", files)
    hub.repository("acme/other", files, topics=["catalog"])
    hub.repository("acme/shop-trunk", files, topics=["catalog"], default_branch="trunk")
    hub.repository("elsewhere/shop", files, topics=["catalog"])
    filters = {
        "repository": "shop.*",
        "topic": {"include": ["catalog"], "exclude": ["draft"]},
        "visibility": ["public"],
        "allowForks": False,
    }
    async with running(hub, store, github=discovery(hub, filters=filters, catalogPath="/**/catalog-info.yaml")) as worker:
        assert await worker.targets() == ["acme/shop-trunk/blob/trunk/**/catalog-info.yaml", "acme/shop/blob/main/**/catalog-info.yaml"]


async def test_an_unchanged_cycle_over_250_repositories_costs_three_requests_and_writes_nothing(hub: Hub, store: Store):
    for number in range(250):
        hub.repository(f"acme/r{number:03}")
    async with running(hub, store, github=discovery(hub)) as worker:
        assert len(await worker.targets()) == 250
        stored = await store.locations()
        hub.forget()
        await worker.again()
        listings = [seen.status for seen in hub.seen if seen.path.endswith("/orgs/acme/repos")]
        assert listings == [304, 304, 304]
        assert [location.id for location in await store.locations()] == [location.id for location in stored]


async def test_only_repositories_with_the_file_are_locations_where_that_is_asked_for(hub: Hub, store: Store):
    hub.repository("acme/with", {"catalog-info.yaml": "kind: x"})
    hub.repository("acme/without", {"readme.md": ""})
    async with running(hub, store, github=discovery(hub, validateLocationsExist=True)) as worker:
        assert await worker.targets() == ["acme/with/blob/main/catalog-info.yaml"]
        hub.forget()
        await worker.again()
        assert hub.count("/contents/") == 0
        hub.commit("acme/without", {"catalog-info.yaml": "kind: x"})
        await worker.again()
        assert (len(await worker.targets()), hub.count("/contents/")) == (2, 1)


async def test_what_happens_to_a_repository_is_followed_at_once(hub: Hub, store: Store):
    shop = hub.repository("acme/shop", {"catalog-info.yaml": "kind: x"})
    async with running(hub, store, github=discovery(hub)) as worker:
        new = hub.repository("acme/new", {"catalog-info.yaml": "kind: x"})
        hub.forget()
        await worker.tell("push", answers.repository(hub, new), revision="main", paths=["catalog-info.yaml"])
        both = ["acme/new/blob/main/catalog-info.yaml", "acme/shop/blob/main/catalog-info.yaml"]
        assert await worker.targets() == both
        await worker.tell("push", answers.repository(hub, hub.repository("acme/side", {"a": ""})), revision="feature")
        assert await worker.targets() == both
        new.archived = True
        await worker.tell("repository.archived", answers.repository(hub, new))
        assert await worker.targets() == both[1:]
        hub.rename("acme/shop", "acme/store")
        await worker.tell("repository.renamed", answers.repository(hub, shop), renamed_from="acme/shop")
        await worker.tell("repository.created", answers.repository(hub, hub.repository("elsewhere/x", {"a": ""})))
        assert "acme/store/blob/main/catalog-info.yaml" in await worker.targets()
        await worker.tell("repository.deleted", answers.repository(hub, shop), deleted=True)
        assert "acme/store/blob/main/catalog-info.yaml" not in await worker.targets()
        assert hub.count("/repos$") == 0


async def test_a_listing_that_fails_loses_no_location(hub: Hub, store: Store):
    for number in range(5):
        hub.repository(f"acme/r{number}", {"a": ""})
    async with running(hub, store, github=discovery(hub)) as worker:
        hub.repository("acme/zzz", {"a": ""})
        hub.fail("/orgs/acme/repos", Failure(500))
        await worker.again()
        assert len(await worker.targets()) == 5
        assert ("provider:github:acme", "source-unavailable") in await errors(store)
        hub.heal()
        await worker.again()
        assert len(await worker.targets()) == 6
        hub.expire("secret-token")
        await worker.again()
        assert ("provider:github:acme", "source-unauthorized") in await errors(store)
        assert len(await worker.targets()) == 6


async def test_the_repositories_of_a_user_are_found_as_well(hub: Hub, store: Store):
    hub.person("ann")
    hub.repository("ann/tool", {"catalog-info.yaml": "kind: x"})
    async with running(hub, store, github={"ann": {"host": hub.host, "organization": "ann"}}) as worker:
        assert await worker.targets() == ["ann/tool/blob/main/catalog-info.yaml"]


async def entity(store: Store, ref: str) -> dict[str, Any]:
    document = (await store.entities_by_ref([Ref(ref)], visible=EVERYTHING))[Ref(ref)].document
    return {**document["metadata"], **document["spec"]}


def people(hub: Hub, *orgs: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": "people", "githubUrl": hub.url, "orgs": list(orgs), **more}]


async def test_members_and_teams_are_users_and_groups_as_in_backstage(hub: Hub, store: Store):
    hub.person("Ann", "Ann Example", "ann@example.com")
    hub.organisation("acme", ["Ann", "bob"])
    hub.team("acme", "engineering", ["Ann", "bob"], description="All engineers")
    hub.team("acme", "shop", ["Ann"], parent="engineering", name="Shop Team")
    async with running(hub, store, githubOrg=people(hub, "acme")):
        assert await refs(store) == ["engineering", "shop", "ann", "bob"]
    ann = await entity(store, "user:default/ann")
    assert ann["annotations"] == {
        "github.com/user-login": "Ann",
        "github.com/user-id": f"U_{hub.people['Ann'].id}",
        "backstage.io/managed-by-location": f"url:{hub.url}/Ann",
        "backstage.io/managed-by-origin-location": "provider:githubOrg:people",
    }
    assert (ann["profile"]["displayName"], ann["profile"]["email"], ann["memberOf"]) == ("Ann Example", "ann@example.com", ["shop"])
    assert (await entity(store, "user:default/bob"))["memberOf"] == ["engineering"]
    shop, engineering = await entity(store, "group:default/shop"), await entity(store, "group:default/engineering")
    assert shop["annotations"]["github.com/team-slug"] == "acme/shop"
    assert shop["annotations"]["backstage.io/edit-url"] == f"{hub.url}/orgs/acme/teams/shop/edit"
    assert (shop["type"], shop["parent"], shop["children"], shop["members"]) == ("team", "engineering", [], ["default/Ann"])
    assert (engineering["children"], engineering["members"], engineering["description"]) == (["shop"], ["default/bob"], "All engineers")


async def test_several_organisations_have_a_namespace_each(hub: Hub, store: Store):
    hub.organisation("Acme", ["ann"])
    hub.organisation("beta", ["ann"])
    hub.team("Acme", "devs", ["ann"])
    hub.team("beta", "devs", ["ann"])
    async with running(hub, store, githubOrg=people(hub, "Acme", "beta")):
        assert await refs(store) == ["devs", "devs", "ann"]
    assert (await entity(store, "user:default/ann"))["memberOf"] == ["acme/devs", "beta/devs"]


async def test_an_organisation_of_1000_is_taken_over_and_an_unchanged_cycle_writes_nothing(hub: Hub, store: Store):
    logins = [f"user{number:04}" for number in range(1000)]
    hub.organisation("acme", logins)
    for team in range(10):
        hub.team("acme", f"team{team}", logins[team * 100 : (team + 1) * 100])
    async with running(hub, store, githubOrg=people(hub, "acme")) as worker:
        head = await store.head()
        assert head == 1010
        hub.forget()
        await worker.again()
        assert (await store.head(), {seen.status for seen in hub.seen}) == (head, {304})


async def test_changes_of_teams_and_members_are_followed_without_asking_for_everybody(hub: Hub, store: Store):
    acme = hub.organisation("acme", ["ann", "bob"])
    team = hub.team("acme", "shop", ["ann"])
    async with running(hub, store, githubOrg=people(hub, "acme")) as worker:
        payload = {"organization": {"login": "acme"}}
        hub.forget()
        team.members.append("bob")
        await worker.tell("membership.added", payload=payload)
        assert (await entity(store, "user:default/bob"))["memberOf"] == ["shop"]
        assert hub.count("/users/") == 0
        hub.person("cyd", "Cyd")
        acme.members.append("cyd")
        acme.members.remove("ann")
        await worker.tell("organization.member_added", payload=payload)
        assert await refs(store) == ["shop", "bob", "cyd"]
        assert hub.count("/users/") == 1
        await worker.tell("team.created", payload={"organization": {"login": "another"}})
        del acme.teams["shop"]
        await worker.tell("team.deleted", payload=payload)
        assert await refs(store) == ["bob", "cyd"]
