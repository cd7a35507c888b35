"""Providers of GitLab, Bitbucket Server and Gitea as the configuration builds them, run by a worker against emulators."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config import Config, ConfigurationError
from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores.sqlite import SqliteStore
from plugins.contract import Touched
from plugins.gitlab.people import GitLabPeople
from plugins.hosts import Hosts, opened_hosts
from plugins.providers import providers_from
from tests.servers.forges.bitbucket_server import serving_bitbucket_server
from tests.servers.forges.gitea import serving_gitea
from tests.servers.forges.gitlab import GitLab, serving_gitlab
from tests.servers.github.hub import Failure
from tests.workers.providing import errors, refs, run_again, until, working_on
from workers.providers.jobs import Providing, all_rows, connection_of
from workers.queue import Queue
from workers.refresh.jobs import Refreshing

TOKEN = "a-reader"
FILE = {"catalog-info.yaml": "kind: Component\n"}
USUAL = {"processingInterval": False, "removalGrace": {"seconds": 0}}


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLab]:
    with serving_gitlab(tmp_path / "gitlab") as gitlab:
        gitlab.token(TOKEN)
        yield gitlab


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield store
    await store.close()


def configured(gitlab: GitLab, **keys: Any) -> Config:
    return Config.model_validate(
        {
            "backend": {"reading": {"allowPrivate": ["127.0.0.1"]}},
            "integrations": {"gitlab": [{"host": gitlab.host, "baseUrl": gitlab.url, "token": TOKEN}]},
            "catalog": {**USUAL, "providers": {"gitlab": {"all": {"host": gitlab.host, **keys}}}},
        }
    )


class Running:
    """A worker with the providers of a configuration."""

    def __init__(self, store: Store, queue: Queue, ctx: dict[str, Any]) -> None:
        self.store, self.queue, self.ctx = store, queue, ctx

    async def again(self, name: str) -> None:
        """One more run of the provider."""
        await run_again(self.store, self.queue, name)

    async def tell(self, host: str, event: str, repository: str | None = None, **more: Any) -> list[bool]:
        """An event, as the receiver of webhooks hands it on; which providers took it."""
        providing: Providing = self.ctx["providing"]
        touched = Touched(host, event, repository, **more)
        return [await each.on_event(touched, connection_of(self.ctx, each.name)) for each in providing.providers]

    async def targets(self) -> list[str]:
        """The paths of all locations."""
        return sorted(location.target.split("/", 3)[3] for location in await self.store.locations() if location.type == "url")


@asynccontextmanager
async def running(store: Store, config: Config) -> AsyncIterator[Running]:
    async with opened_hosts(config) as hosts:
        built = providers_from(config, hosts)
        async with working_on(store, *built, config=config) as queue:

            async def all_ran() -> bool:
                rows = await all_rows(store)
                return len(rows) == len(built) and all("lastRun" in row.value for row in rows.values())

            await until(all_ran)
            ctx = {"queue": queue, "providing": Providing(built, None), "refreshing": Refreshing(config, store, RelationRegistry())}
            yield Running(store, queue, ctx)


async def test_an_event_changes_what_one_repository_provides_and_asks_for_that_alone(gitlab: GitLab, store: Store):
    gitlab.repository("acme/shop", FILE)
    gitlab.repository("acme/cart", {"README.md": "x"})
    async with running(store, configured(gitlab)) as worker:
        shop, cart = "acme/shop/-/blob/main/catalog-info.yaml", "acme/cart/-/blob/main/catalog-info.yaml"
        assert await worker.targets() == [shop]
        gitlab.commit("acme/cart", FILE)
        gitlab.forget()
        assert await worker.tell(gitlab.host, "push", "acme/cart", revision="main") == [True]
        assert gitlab.count("GET /api/v4/projects/acme/cart$") == gitlab.count("HEAD") == 1
        assert gitlab.count("/groups|/projects$") == 0
        assert await worker.targets() == [cart, shop]
        gitlab.forget()
        assert await worker.tell(gitlab.host, "push", "acme/shop", revision="other") == [True]
        assert await worker.tell("gitlab.example.com", "push", "acme/shop", revision="main") == [False]
        assert gitlab.count("HEAD") == 0
        gitlab.rename("acme/shop", "acme/store")
        assert await worker.tell(gitlab.host, "repository.renamed", "acme/store", renamed_from="acme/shop") == [True]
        await worker.again("gitlab:all")
        assert await worker.targets() == [cart, "acme/store/-/blob/main/catalog-info.yaml"]
        gitlab.delete("acme/cart")
        assert await worker.tell(gitlab.host, "repository.deleted", "acme/cart", deleted=True) == [True]
        assert await worker.targets() == ["acme/store/-/blob/main/catalog-info.yaml"]


async def test_a_process_that_has_not_read_yet_follows_a_deletion_all_the_same(gitlab: GitLab, store: Store):
    gitlab.repository("acme/shop", FILE)
    gitlab.repository("acme/cart", FILE)
    config = configured(gitlab)
    async with running(store, config) as worker, opened_hosts(config) as hosts:
        worker.ctx["providing"] = Providing(providers_from(config, hosts), None)
        gitlab.delete("acme/cart")
        assert await worker.tell(gitlab.host, "repository.deleted", "acme/cart", deleted=True) == [True]
        assert await worker.targets() == ["acme/shop/-/blob/main/catalog-info.yaml"]


async def test_what_was_found_stays_while_the_host_fails_and_the_failure_is_named(gitlab: GitLab, store: Store):
    gitlab.repository("acme/shop", FILE)
    async with running(store, configured(gitlab)) as worker:
        found = await worker.targets()
        gitlab.fail("/api/v4/projects$", Failure(500))
        await worker.again("gitlab:all")
        assert await worker.targets() == found
        assert [code for path, code in await errors(store) if "gitlab:all" in path] == ["source-unavailable"]
        gitlab.heal()
        await worker.again("gitlab:all")
        assert [path for path, _ in await errors(store) if "gitlab:all" in path] == []


def company(gitlab: GitLab) -> None:
    """A company with groups within groups, and people of all sorts."""
    for name in ("ada", "bob", "eve"):
        gitlab.user(name, email=f"{name}@example.com")
    gitlab.user("gone", state="blocked")
    gitlab.user("project_1_bot_2")
    gitlab.group("acme", "Acme")
    gitlab.group("acme/web", "Web", description="The web", members=("ada", "gone"))
    gitlab.group("acme/web/cart", "Cart", members=("bob", "project_1_bot_2"))
    gitlab.group("acme/idle", "Idle")
    gitlab.group("other", "Other", members=("eve",))


async def documents(store: Store, kind: str) -> dict[str, dict[str, Any]]:
    """Documents by name."""
    named = [Ref(f"{kind}:default/{name}") for name in await refs(store)]
    found = await store.entities_by_ref(named, visible=EVERYTHING)
    return {entity.document["metadata"]["name"]: entity.document for entity in found.values()}


async def test_groups_and_users_are_taken_over_with_their_hierarchy(gitlab: GitLab, store: Store):
    company(gitlab)
    async with running(store, configured(gitlab, orgEnabled=True)):
        groups, users = await documents(store, "group"), await documents(store, "user")
        assert {name: group["spec"].get("parent") for name, group in groups.items()} == {
            "acme": None,
            "acme-web": "acme",
            "acme-web-cart": "acme-web",
            "other": None,
        }
        assert {name: user["spec"]["memberOf"] for name, user in users.items()} == {
            "ada": ["acme-web"],
            "bob": ["acme-web-cart"],
            "eve": ["other"],
        }
        web = groups["acme-web"]
        assert (web["spec"]["profile"], web["metadata"]["description"]) == ({"displayName": "Web"}, "The web")
        assert web["metadata"]["annotations"]["127.0.0.1/team-path"] == "acme/web"
        assert users["ada"]["spec"]["profile"]["email"] == "ada@example.com"
        assert await errors(store) == []


async def test_names_leave_the_configured_group_out_and_members_inherit_if_asked_for(gitlab: GitLab, store: Store):
    company(gitlab)
    keys = {"orgEnabled": True, "group": "acme", "restrictUsersToGroup": True, "allowInherited": True, "userPattern": "ada|bob|eve"}
    async with running(store, configured(gitlab, **keys)):
        # Nobody is a member of acme itself, and only its members are asked for.
        assert await documents(store, "user") == {}
        gitlab.group("acme", "Acme", members=("ada", "bob"))
    async with running(store, configured(gitlab, **keys)) as worker:
        await worker.again("gitlabOrg:all")
        users = await documents(store, "user")
        assert {name: user["spec"]["memberOf"] for name, user in users.items()} == {
            "ada": ["acme", "web", "web-cart", "idle"],
            "bob": ["acme", "web", "web-cart", "idle"],
        }
        assert set(await documents(store, "group")) == {"acme", "web", "web-cart", "idle"}


async def test_a_change_of_members_is_followed_and_an_unchanged_cycle_writes_nothing(gitlab: GitLab, store: Store):
    company(gitlab)
    async with running(store, configured(gitlab, orgEnabled=True)) as worker:
        before = await store.head()
        await worker.again("gitlabOrg:all")
        assert await store.head() == before
        gitlab.group("acme/idle", "Idle", members=("eve",))
        assert await worker.tell("", "user_add_to_group") == [False, True]
        assert (await documents(store, "user"))["eve"]["spec"]["memberOf"] == ["acme-idle", "other"]


async def test_on_gitlab_com_only_who_takes_a_seat_is_taken_over(gitlab: GitLab, store: Store):
    company(gitlab)
    gitlab.user("guest", using_seat=False)
    gitlab.group("acme/web", "Web", members=("ada", "guest"))
    config = configured(gitlab, orgEnabled=True, group="acme")
    async with opened_hosts(config) as hosts:
        provider = GitLabPeople("all", config.catalog.providers.gitlab["all"], _only(hosts), is_saas=True)
        async with working_on(store, provider, config=config):

            async def ran() -> bool:
                return any("lastRun" in row.value for row in (await all_rows(store)).values())

            await until(ran)
            assert set(await documents(store, "user")) == {"ada", "bob"}


def _only(hosts: Hosts) -> Any:
    return hosts.all[0]


async def test_gitea_and_bitbucket_server_are_discovered_as_configured(store: Store, tmp_path: Path):
    with serving_gitea(tmp_path / "gitea") as gitea, serving_bitbucket_server(tmp_path / "bitbucket") as server:
        gitea.repository("acme/shop", FILE)
        server.repository("ACME/shop", FILE)
        config = Config.model_validate(
            {
                "backend": {"reading": {"allowPrivate": ["127.0.0.1"]}},
                "integrations": {
                    "gitea": [{"host": gitea.host, "baseUrl": gitea.url}],
                    "bitbucketServer": [{"host": server.host, "apiBaseUrl": server.api_url}],
                },
                "catalog": {
                    **USUAL,
                    "providers": {
                        "gitea": {"one": {"host": gitea.host, "organization": "acme"}},
                        "bitbucketServer": {"host": server.host, "filters": {"projectKey": "ACME"}},
                    },
                },
            }
        )
        async with running(store, config) as worker:
            assert await worker.targets() == [
                "acme/shop/src/branch/main/catalog-info.yaml",
                "projects/ACME/repos/shop/browse/catalog-info.yaml",
            ]
            assert sorted(await all_rows(store)) == ["bitbucketServer:default", "gitea:one"]


@pytest.mark.parametrize(
    ("section", "keys", "integration"),
    [
        ("gitlab", {"host": "gitlab.example.com"}, "gitlab"),
        ("gitea", {"host": "gitea.example.com", "organization": "acme"}, "gitea"),
        ("bitbucketCloud", {"workspace": "acme"}, "bitbucketCloud"),
        ("bitbucketServer", {"host": "bitbucket.example.com"}, "bitbucketServer"),
        ("azureDevOps", {"organization": "acme", "project": "web"}, "azure"),
    ],
)
async def test_a_provider_without_its_integration_is_refused_at_start(section: str, keys: dict[str, str], integration: str):
    config = Config.model_validate({"catalog": {"providers": {section: {"one": keys}}}})
    async with opened_hosts(config) as hosts:
        with pytest.raises(ConfigurationError, match=f"none of integrations.{integration};"):
            providers_from(config, hosts)
