"""People of an LDAP directory, read from a real one."""

import os
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
from tests.servers.neo4j import MissingServerError
from tests.servers.slapd import ADMIN, PASSWORD, SUFFIX, Slapd
from tests.workers.providing import errors, refs, run_again, until, working_on
from workers.providers.jobs import all_rows
from workers.queue import Queue

PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"


def user(uid: str, **more: str) -> str:
    lines = [f"dn: uid={uid},{PEOPLE}", "objectClass: inetOrgPerson", f"uid: {uid}", f"cn: {uid.title()}", "sn: Example"]
    return "\n".join([*lines, *(f"{name}: {value}" for name, value in more.items())]) + "\n\n"


def group(cn: str, *members: str) -> str:
    lines = [f"dn: cn={cn},{GROUPS}", "objectClass: groupOfNames", f"cn: {cn}", f"description: The {cn}"]
    return "\n".join([*lines, *(f"member: {member}" for member in members)]) + "\n\n"


def unit(dn: str) -> str:
    return f"dn: {dn}\nobjectClass: organizationalUnit\nou: {dn.partition('=')[2].partition(',')[0]}\n\n"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Slapd]:
    server = Slapd(tmp_path / "ldap")
    (tmp_path / "ldap").mkdir()
    many = "".join(user(f"user{number:04}") for number in range(600))
    people = user("ann", mail="ann@example.com", employeeType="staff") + user("bob", employeeType="left") + many
    groups = group("shop", f"uid=ann,{PEOPLE}") + group("engineering", f"CN=Shop,{GROUPS}", f"uid=bob,{PEOPLE}")
    try:
        server.start(unit(PEOPLE) + unit(GROUPS) + people + groups)
    except MissingServerError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    yield server
    server.kill()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield store
    await store.close()


@asynccontextmanager
async def running(store: Store, target: str, *, allowed: bool = True, **more: Any) -> AsyncIterator[Queue]:
    section = {
        "target": target,
        "bind": {"dn": ADMIN, "secret": PASSWORD},
        "users": {"dn": PEOPLE, "options": {"filter": "(|(uid=ann)(uid=bob))"}, "map": {"description": "employeeType"}},
        "groups": {"dn": GROUPS, "set": {"metadata.namespace": "ldap", "spec.type": "team"}},
        **more,
    }
    reading = {"allowPrivate": ["127.0.0.1"]} if allowed else {}
    config = Config.model_validate({"backend": {"reading": reading}, "catalog": {"providers": {"ldapOrg": {"example": section}}}})
    async with opened_hosts(config) as hosts, working_on(store, *providers_from(config, hosts), config=config) as queue:

        async def ran() -> bool:
            return ["lastRun" in row.value for row in (await all_rows(store)).values()] == [True]

        await until(ran)
        yield queue


async def entity(store: Store, ref: str) -> dict[str, Any]:
    document = (await store.entities_by_ref([Ref(ref)], visible=EVERYTHING))[Ref(ref)].document
    return {**document["metadata"], **document["spec"]}


async def test_users_and_groups_are_what_backstage_makes_of_them(directory: Slapd, store: Store):
    async with running(store, directory.url) as queue:
        assert await refs(store) == ["engineering", "shop", "ann", "bob"]
        head = await store.head()
        await run_again(store, queue, "ldapOrg:example")
        assert await store.head() == head
    ann, shop = await entity(store, "user:default/ann"), await entity(store, "group:ldap/shop")
    engineering = await entity(store, "group:ldap/engineering")
    assert (ann["description"], ann["profile"], ann["memberOf"]) == (
        "staff",
        {"displayName": "Ann", "email": "ann@example.com"},
        ["group:ldap/shop"],
    )
    assert len(ann["annotations"].pop("backstage.io/ldap-uuid")) == 36
    assert ann["annotations"] == {
        "backstage.io/ldap-dn": f"uid=ann,{PEOPLE}",
        "backstage.io/ldap-rdn": "ann",
        "backstage.io/managed-by-location": "ldap://example/uid%3Dann%2Cou%3Dpeople%2Cdc%3Dexample%2Cdc%3Dcom",
        "backstage.io/managed-by-origin-location": "provider:ldapOrg:example",
    }
    assert (shop["type"], shop["parent"], shop["children"]) == ("team", "group:ldap/engineering", [])
    assert (engineering["children"], engineering["description"]) == (["group:ldap/shop"], "The engineering")
    assert (await entity(store, "user:default/bob"))["memberOf"] == ["group:ldap/engineering"]


async def test_more_entries_than_a_page_are_all_read(directory: Slapd, store: Store):
    async with running(store, directory.url, users={"dn": PEOPLE}):
        assert len(await refs(store)) == 604


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"bind": {"dn": ADMIN, "secret": "wrong secret"}}, "source-unauthorized"),
        ({"users": {"dn": f"ou=nobody,{SUFFIX}"}}, "source-not-found"),
        ({"users": {"dn": PEOPLE, "options": {"filter": "(uid=ann"}}}, "source-malformed"),
        # The server gives no more than a hundred entries at once: a part of them is no result.
        ({"users": {"dn": PEOPLE, "options": {"paged": False}}, "bind": {"dn": f"uid=ann,{PEOPLE}", "secret": "x"}}, "source-unauthorized"),
    ],
)
async def test_what_goes_wrong_is_named_without_secrets_and_loses_nothing(directory: Slapd, store: Store, more: dict[str, Any], code: str):
    async with running(store, directory.url):
        assert len(await refs(store)) == 4
    async with running(store, directory.url, **more) as queue:
        await run_again(store, queue, "ldapOrg:example")
        assert await errors(store) == [("provider:ldapOrg:example", code)]
    [error] = (await store.errors(ErrorFilter(), Window(9), visible=EVERYTHING)).rows
    assert "secret" not in error.message and directory.url in error.message
    assert len(await refs(store)) == 4


async def test_a_directory_that_is_down_loses_nobody(directory: Slapd, store: Store):
    async with running(store, directory.url) as queue:
        directory.kill()
        await run_again(store, queue, "ldapOrg:example")
        assert await errors(store) == [("provider:ldapOrg:example", "source-unavailable")]
        assert len(await refs(store)) == 4
        directory.start()
        await run_again(store, queue, "ldapOrg:example")
        assert await errors(store) == []


async def test_a_private_address_that_is_not_allowed_is_not_connected_to(directory: Slapd, store: Store):
    async with running(store, directory.url, allowed=False):
        assert await errors(store) == [("provider:ldapOrg:example", "source-not-allowed")]
