"""People of Microsoft Entra, against an emulator of Microsoft Graph."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import ErrorFilter, Store, Window
from graph.stores.sqlite import SqliteStore
from plugins.hosts import opened_hosts
from plugins.providers import providers_from
from tests.servers.entra import CLIENT, SECRET, TENANT, Tenant, serving_entra
from tests.workers.providing import errors, refs, run_again, until, working_on
from workers.providers.jobs import all_rows
from workers.queue import Queue

NAME = "microsoftGraphOrg:default"


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with serving_entra() as tenant:
        yield tenant


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield store
    await store.close()


@asynccontextmanager
async def running(tenant: Tenant, store: Store, **more: Any) -> AsyncIterator[Queue]:
    section = {
        "target": f"{tenant.url}/v1.0",
        "authority": tenant.url,
        "tenantId": TENANT,
        "clientId": CLIENT,
        "clientSecret": SECRET,
        **more,
    }
    reading = {"allowPrivate": ["127.0.0.1"]}
    config = Config.model_validate({"backend": {"reading": reading}, "catalog": {"providers": {"microsoftGraphOrg": section}}})
    async with opened_hosts(config) as hosts, working_on(store, *providers_from(config, hosts), config=config) as queue:

        async def ran() -> bool:
            return ["lastRun" in row.value for row in (await all_rows(store)).values()] == [True]

        await until(ran)
        yield queue


async def entity(store: Store, ref: str) -> dict[str, Any]:
    document = (await store.entities_by_ref([Ref(ref)], visible=EVERYTHING))[Ref(ref)].document
    return {**document["metadata"], **document["spec"]}


async def test_users_and_groups_are_what_backstage_makes_of_them(tenant: Tenant, store: Store):
    tenant.user("ann", displayName="Ann Example", mail="Ann.Example+x@example.com")
    tenant.user("bob", userPrincipalName="bob_example.com#EXT#@acme.com")
    tenant.user("gone", accountEnabled=False)
    tenant.group("shop", "ann", displayName="Shop & Basket")
    more = {"mailNickname": "Engineering", "description": "All", "mail": "eng@example.com"}
    tenant.group("eng", "shop", "bob", "gone", securityEnabled=False, **more)
    async with running(tenant, store) as queue:
        assert await refs(store) == [
            "engineering",
            "example_inc",
            "shop_basket",
            "ann.example_x_example.com",
            "bob_example.com_ext_acme.com",
        ]
        head = await store.head()
        await run_again(store, queue, NAME)
        assert (await store.head(), tenant.tokens) == (head, 1)
    ann, bob = (
        await entity(store, "user:default/ann.example_x_example.com"),
        await entity(store, "user:default/bob_example.com_ext_acme.com"),
    )
    assert (ann["profile"], ann["memberOf"]) == (
        {"displayName": "Ann Example", "email": "Ann.Example+x@example.com"},
        ["group:default/shop_basket"],
    )
    assert ann["annotations"] == {
        "graph.microsoft.com/user-id": "ann",
        "microsoft.com/email": "Ann.Example+x@example.com",
        "backstage.io/managed-by-location": "msgraph:default/ann",
        "backstage.io/managed-by-origin-location": f"provider:{NAME}",
    }
    assert bob["memberOf"] == ["group:default/engineering"]
    shop, engineering = await entity(store, "group:default/shop_basket"), await entity(store, "group:default/engineering")
    root = await entity(store, "group:default/example_inc")
    assert (shop["type"], shop["parent"], shop["annotations"]["graph.microsoft.com/group-id"]) == (
        "team",
        "group:default/engineering",
        "shop",
    )
    assert (engineering["parent"], engineering["children"]) == ("group:default/example_inc", ["group:default/shop_basket"])
    assert (engineering["description"], engineering["profile"]["email"]) == ("All", "eng@example.com")
    assert (root["type"], root["children"], root["annotations"]["graph.microsoft.com/tenant-id"]) == (
        "root",
        ["group:default/engineering"],
        TENANT,
    )


async def test_every_page_is_read_and_only_needed_fields_are_asked_for(tenant: Tenant, store: Store):
    for number in range(250):
        tenant.user(f"user{number:03}")
    async with running(tenant, store):
        assert len(await refs(store)) == 251
    listings = [query for path, query in tenant.seen if path == "users"]
    assert len(listings) == 3
    assert listings[0] == "$select=accountEnabled,displayName,id,mail,userPrincipalName&$top=999"


async def test_filters_and_searches_reach_entra(tenant: Tenant, store: Store):
    tenant.user("ann")
    tenant.user("guest", userType="Guest")
    tenant.group("shop", "ann", "guest")
    tenant.group("other", "guest")
    more = {"user": {"filter": "userType eq 'Member'"}, "group": {"search": '"displayName:shop"'}}
    async with running(tenant, store, **more):
        assert await refs(store) == ["example_inc", "shop", "ann_example.com"]
    assert any("$filter=userType%20eq%20%27Member%27" in query for path, query in tenant.seen if path == "users")


async def test_users_may_be_the_members_of_some_groups_and_groups_bring_those_in_them(tenant: Tenant, store: Store):
    tenant.user("ann")
    tenant.user("bob")
    tenant.group("top", "below", "ann")
    tenant.group("below", "bob", displayName="Under")
    search = {"search": '"displayName:top"'}
    async with running(tenant, store, userGroupMember=search, group={**search, "includeSubGroups": True}):
        assert await refs(store) == ["example_inc", "top", "under", "ann_example.com"]
    assert (await entity(store, "group:default/top"))["children"] == ["group:default/under"]


async def test_what_goes_wrong_is_named_and_loses_nobody(tenant: Tenant, store: Store):
    tenant.user("ann")
    async with running(tenant, store) as queue:
        for status, code in ((503, "source-unavailable"), (403, "source-unauthorized"), (429, "source-rate-limited")):
            tenant.status = status
            await run_again(store, queue, NAME)
            assert await errors(store) == [(f"provider:{NAME}", code)]
        assert await refs(store) == ["example_inc", "ann_example.com"]
    async with running(tenant, store, clientSecret="another secret") as queue:
        tenant.status = None
        await run_again(store, queue, NAME)
        [error] = (await store.errors(ErrorFilter(), Window(9), visible=EVERYTHING)).rows
        assert (error.code, "another secret" in error.message, "clientSecret" in error.remedy) == ("source-unauthorized", False, True)


async def test_a_next_page_on_another_host_is_not_asked_for(tenant: Tenant, store: Store):
    tenant.next_elsewhere = "http://127.0.0.1:1/v1.0/users"
    for number in range(101):
        tenant.user(f"user{number:03}")
    async with running(tenant, store):
        assert await errors(store) == [(f"provider:{NAME}", "source-malformed")]
