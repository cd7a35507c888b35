"""Sessions: kept by a secret that is replaced, ended by a copy of an old one, by idleness, by age, and on demand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from api.auth.clock import utc_now
from api.auth.sessions import Session, Sessions, session_cookie
from graph.errors import UnauthenticatedError
from graph.refs import Ref
from graph.store import Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CONFIGURED
from tests.api.signed_in import ANN

BOB = Ref("user:default/bob")


class Office:
    """Sessions of two processes on one store, whose clock is set by hand."""

    def __init__(self, store: Store) -> None:
        self.now = utc_now()
        self.here, self.there = (
            Sessions(store, idle=timedelta(hours=12), lifetime=timedelta(days=7), clock=lambda: self.now) for _ in range(2)
        )

    async def begin(self, user: Ref = ANN) -> Session:
        return await self.here.begin(user, provider="oidc", profile={"displayName": "Ann"}, claims=[Ref("group:default/guests")])


@pytest.fixture(params=["sqlite", "neo4j"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        opened: Store = SqliteStore(tmp_path / "catalog.db", CONFIGURED)
    else:
        opened = Neo4jStore(request.getfixturevalue("empty_neo4j_uri"), registry=CONFIGURED)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


def secret_of(session: Session) -> str:
    assert session.secret is not None
    return session.secret


async def is_over(office: Office, secret: str) -> bool:
    try:
        await office.there.find(secret)
    except UnauthenticatedError:
        return True
    return False


async def test_a_session_is_found_by_its_secret_in_every_process(office: Office):
    begun = await office.begin()
    found = await office.there.find(secret_of(begun))
    assert (found.id, found.user, found.provider, found.profile) == (begun.id, ANN, "oidc", {"displayName": "Ann"})
    assert found.claims == ("group:default/guests",)
    assert found.expires_at == office.now + timedelta(days=7)
    assert found.secret is None


async def test_a_renewed_session_has_another_secret_and_the_old_one_ends_it_once_it_is_old(office: Office):
    begun = await office.begin()
    renewed = await office.there.renew(secret_of(begun))
    assert renewed.id == begun.id
    assert secret_of(renewed) != begun.secret
    office.now += timedelta(seconds=11)
    assert not await is_over(office, secret_of(renewed))
    assert await is_over(office, secret_of(begun))
    assert await is_over(office, secret_of(renewed))


async def test_what_was_under_way_when_a_secret_was_replaced_goes_on_and_gets_no_secret_of_its_own(office: Office):
    begun = await office.begin()
    renewed = await office.here.renew(secret_of(begun))
    office.now += timedelta(seconds=9)
    assert (await office.there.renew(secret_of(begun))).secret is None
    assert not await is_over(office, secret_of(begun))
    assert not await is_over(office, secret_of(renewed))


async def test_of_many_renewals_at_once_one_gives_the_new_secret(office: Office):
    begun = await office.begin()
    renewed = await asyncio.gather(*((office.here, office.there)[i % 2].renew(secret_of(begun)) for i in range(10)))
    given = [session.secret for session in renewed if session.secret is not None]
    assert len(given) == 1
    assert not await is_over(office, given[0])


async def test_a_guessed_secret_ends_nothing(office: Office):
    begun = await office.begin()
    for guess in ("", ".", f"{begun.id}", f"{begun.id}.", f"{begun.id}.guess", "x.y", "\u00e9.y", f"{'0' * 48}.x"):
        assert await is_over(office, guess)
        with pytest.raises(UnauthenticatedError):
            await office.here.renew(guess)
        assert await office.here.end(guess) is None
    assert not await is_over(office, secret_of(begun))


async def test_a_session_ends_when_it_is_idle_and_at_the_latest_after_its_lifetime(office: Office):
    idle, used = await office.begin(), await office.begin()
    for _ in range(14):
        office.now += timedelta(hours=11)
        await office.here.find(secret_of(used))
    assert await is_over(office, secret_of(idle))
    office.now += timedelta(hours=13)
    assert await is_over(office, secret_of(used))
    with pytest.raises(UnauthenticatedError):
        await office.here.by_id(used.id)


async def test_a_provider_may_give_a_shorter_lifetime_but_no_longer_one(office: Office):
    for given, lasts in ((timedelta(hours=1), timedelta(hours=1)), (timedelta(days=70), timedelta(days=7))):
        begun = await office.here.begin(ANN, provider="oidc", profile={}, lifetime=given)
        assert begun.expires_at == office.now + lasts


async def test_sessions_are_ended_one_by_one_or_all_of_a_user(office: Office):
    first, *others, bobs = [await office.begin(user) for user in (*[ANN] * 250, BOB)]
    ended = await office.here.end(secret_of(first))
    assert ended is not None
    assert ended.user == ANN
    assert await is_over(office, secret_of(first))
    assert await office.there.revoke_all(ANN) == 249
    assert [one for one in others if not await is_over(office, secret_of(one))] == []
    assert not await is_over(office, secret_of(bobs))
    assert await office.here.revoke_all(ANN) == 0


async def test_ended_sessions_are_cleared_away(office: Office, store: Store):
    await office.begin()
    office.now += timedelta(days=8)
    begun = await office.begin()
    assert [row.id for row in await store.states("sessions")] == [begun.id]


def test_over_https_the_cookie_can_be_set_by_no_other_host():
    assert session_cookie("https://callboard.example.com") == "__Host-callboard-session"
    assert session_cookie("http://localhost:7007") == "callboard-session"
