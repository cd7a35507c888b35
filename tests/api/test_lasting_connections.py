"""WebSockets and server-sent events of who has signed in: how they say who they are, and when they end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.auth.personal import PersonalTokens
from graph.access import Principal, PrincipalKind
from graph.store import Batch, Cause, Store
from tests.api.catalog import ORGANISATION, write_of
from tests.api.signed_in import ANN, BASE, Office, application, bearer, listening

CHANGES = "subscription { entityChanges { change { ref } } }"


@pytest.fixture
def office(organisation: Store) -> Office:
    return Office(organisation)


@asynccontextmanager
async def served(store: Store) -> AsyncIterator[str]:
    """The address of a real server of the application."""
    async with application(store) as app, listening(app) as address:
        yield address


@asynccontextmanager
async def socket(address: str, payload: dict[str, Any] | None = None, **headers: str) -> AsyncIterator[ClientConnection]:
    async with connect(f"ws://{address}/graphql", subprotocols=["graphql-transport-ws"], additional_headers=headers) as one:  # type: ignore[list-item]
        await one.send(json.dumps({"type": "connection_init", **({} if payload is None else {"payload": payload})}))
        yield one


async def receive(one: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(one.recv(), 10))


async def closed(one: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as error:
        async with asyncio.timeout(10):
            while True:
                await one.recv()
    assert error.value.rcvd is not None
    return error.value.rcvd.code, error.value.rcvd.reason


async def viewer(one: ClientConnection) -> Any:
    assert await receive(one) == {"type": "connection_ack"}
    await one.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": "{ viewer { ref } }"}}))
    return (await receive(one))["payload"]["data"]["viewer"]["ref"]


async def test_a_socket_says_who_asks_by_its_header_its_cookie_or_its_first_message(organisation: Store, office: Office):
    token, session = await office.token(), await office.session()
    async with served(organisation) as address:
        async with socket(address, **bearer(token)) as one:
            assert await viewer(one) == ANN
        async with socket(address, cookie=f"callboard-session={session.secret}", origin=BASE) as one:
            assert await viewer(one) == ANN
        async with socket(address, {"Authorization": f"Bearer {token}"}) as one:
            assert await viewer(one) == ANN


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"Authorization": "Bearer nonsense"},
        {"authorization": "Basic YTpi"},
        {"Authorization": 1},
        {"Authorization": "Bearer cbp_a_b"},
    ],
)
async def test_a_socket_that_does_not_say_who_asks_is_closed(organisation: Store, payload: dict[str, Any] | None):
    async with served(organisation) as address, socket(address, payload) as one:
        assert (await closed(one))[0] == 4401


async def test_a_socket_with_credentials_that_are_not_valid_is_not_accepted(organisation: Store, office: Office):
    session = await office.session()
    async with served(organisation) as address:
        for headers in (bearer("nonsense"), {"cookie": f"callboard-session={session.secret}", "origin": "http://elsewhere.example"}):
            with pytest.raises(InvalidStatus) as refused:
                async with socket(address, **headers):
                    pass
            assert refused.value.response.status_code in {401, 403}


async def test_a_socket_with_credentials_of_two_is_closed(organisation: Store, office: Office):
    session = await office.session()
    async with served(organisation) as address:
        payload = {"Authorization": f"Bearer {await office.token('user:default/bob')}"}  # type: ignore[arg-type]
        async with socket(address, payload, cookie=f"callboard-session={session.secret}", origin=BASE) as one:
            assert await closed(one) == (4403, "The connection has credentials of different principals")


async def test_a_socket_ends_when_its_token_expires(organisation: Store, office: Office):
    session = await office.session()
    until = datetime.now(UTC) + timedelta(seconds=2)
    token = await office.tokens.issue(ANN, [ANN], session=session.id, until=until)
    async with served(organisation) as address, socket(address, {"Authorization": f"Bearer {token.token}"}) as one:
        assert await receive(one) == {"type": "connection_ack"}
        await one.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": CHANGES}}))
        assert await closed(one) == (4401, "The sign-in has ended. Sign in again.")


@pytest.mark.parametrize("by", ["session", "personal token"])
async def test_a_socket_ends_soon_after_what_it_was_opened_by_was_revoked(
    organisation: Store, office: Office, by: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api.auth.expiry.LOOK_SECONDS", 0.1)
    session, personal = await office.session(), PersonalTokens(organisation)
    new = await personal.create(Principal(ANN, PrincipalKind.USER, ()), "script", ["*"], timedelta(days=1))
    headers = {"cookie": f"callboard-session={session.secret}", "origin": BASE} if by == "session" else bearer(new.secret)
    async with served(organisation) as address, socket(address, **headers) as one:
        assert await viewer(one) == ANN
        await asyncio.sleep(0.5)
        assert one.close_code is None
        await (office.sessions.revoke(session.id) if by == "session" else personal.revoke(ANN, new.token.id))
        assert await closed(one) == (4401, "The sign-in has ended. Sign in again.")


async def test_a_socket_is_opened_anew_when_its_user_leaves_a_group(organisation: Store, office: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.auth.expiry.LOOK_SECONDS", 0.1)
    async with served(organisation) as address, socket(address, **bearer(await office.token())) as one:
        assert await viewer(one) == ANN
        ann = next(entity for entity in ORGANISATION if entity["kind"] == "User" and entity["metadata"]["name"] == "ann")
        left = {**ann, "spec": {**ann["spec"], "memberOf": []}}
        await organisation.apply(Batch(Cause("user", ANN), [write_of(left, previous=ann)]))
        assert await closed(one) == (1001, "What you may see has changed. Connect again.")


async def test_events_end_without_being_complete_when_the_session_was_revoked(
    organisation: Store, office: Office, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api.auth.expiry.LOOK_SECONDS", 0.1)
    session = await office.session()
    async with served(organisation) as address:
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(
            f"GET /graphql?query={CHANGES.replace(' ', '%20')} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n"
            f"connection: close\r\ncookie: callboard-session={session.secret}\r\n\r\n".encode()
        )
        assert await asyncio.wait_for(reader.readline(), 10) == b"HTTP/1.1 200 OK\r\n"
        await office.sessions.revoke(session.id)
        rest = await asyncio.wait_for(reader.read(), 10)
        assert rest.endswith(b"0\r\n\r\n")
        assert b"complete" not in rest
        writer.close()
        await writer.wait_closed()
