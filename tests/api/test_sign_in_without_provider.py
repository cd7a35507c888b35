"""People whom a proxy in front knows, and guests: believed of nobody else, and nowhere else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.server import with_addresses
from config import Config
from graph.store import Store
from tests.api.signed_in import BASE, application

SECRET = "a secret of proxies alone"
SCRIPT = {"x-requested-with": "XMLHttpRequest"}
RESOLVERS = [{"resolver": "emailMatchingUserEntityProfileEmail"}, {"resolver": "forwardedUserMatchingUserEntityName"}]
ANN = {"x-forwarded-user": "ann", "x-forwarded-email": "ann@example.com"}
VIEWER = "/graphql?query=%7B%20viewer%20%7B%20ref%20kind%20%7D%20%7D"


def behind(**proxy: Any) -> Config:
    return Config.model_validate(
        {"backend": {"baseUrl": BASE}, "auth": {"providers": {"oauth2Proxy": {"signIn": {"resolvers": RESOLVERS}, **proxy}}}}
    )


@asynccontextmanager
async def asking(store: Store, config: Config, address: str = "10.1.2.3") -> AsyncIterator[httpx.AsyncClient]:
    """A client whose connections come from the address."""
    async with application(store, config) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield client


async def viewer(client: httpx.AsyncClient, headers: Any = None) -> str:
    answer = await client.get(VIEWER, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["viewer"]["ref"]


async def refusal(client: httpx.AsyncClient, headers: Any) -> str:
    answer = await client.get(VIEWER, headers=headers)
    assert answer.status_code == 401
    return answer.json()["error"]["message"]


async def test_a_proxy_at_a_trusted_address_says_who_asks(organisation: Store):
    async with asking(organisation, behind(trustedProxies=["10.1.2.0/24"])) as client:
        assert await viewer(client, ANN) == "user:default/ann"
        assert await viewer(client, {"x-forwarded-user": "bob"}) == "user:default/bob"
        assert "Nobody is signed in" in await refusal(client, {})
        assert "could not be" not in await refusal(client, {"x-forwarded-user": "stranger"})


@pytest.mark.parametrize("address", ["10.1.3.3", "192.0.2.1", "::1", "127.0.0.1", "not-an-address"])
async def test_whoever_else_sends_the_headers_is_refused(organisation: Store, address: str):
    async with asking(organisation, behind(trustedProxies=["10.1.2.0/24"]), address) as client:
        assert "not among oauth2Proxy.trustedProxies" in await refusal(client, ANN | {"x-forwarded-for": "10.1.2.3"})
        answer = await client.get("/api/auth/oauth2Proxy/refresh", headers=ANN | SCRIPT)
        assert answer.status_code == 401


async def test_the_address_is_that_of_the_connection_whatever_is_forwarded(organisation: Store):
    """Both where `backend.trustProxy` believes the proxy what it says of its clients, and where a client names the proxy's address."""
    async with application(organisation, behind(trustedProxies=["10.1.2.3"])) as app:
        for address, forwarded, status in (("10.1.2.3", "192.0.2.7", 200), ("192.0.2.7", "10.1.2.3", 401)):
            served = with_addresses(app, ["10.1.2.3", "192.0.2.7"])
            transport = httpx.ASGITransport(served, raise_app_exceptions=False, client=(address, 50_000))
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                answer = await client.get(VIEWER, headers=ANN | {"x-forwarded-for": forwarded})
            assert answer.status_code == status


async def test_a_proxy_proves_itself_by_a_secret(organisation: Store):
    async with asking(organisation, behind(sharedSecret={"header": "x-proxy", "value": SECRET})) as client:
        assert await viewer(client, ANN | {"x-proxy": SECRET}) == "user:default/ann"
        for wrong in ({}, {"x-proxy": ""}, {"x-proxy": SECRET[:-1]}, {"x-proxy": SECRET.upper()}):
            assert "without the secret" in await refusal(client, ANN | wrong)
        twice = [*ANN.items(), ("x-proxy", "wrong"), ("x-proxy", SECRET)]
        assert "without the secret" in await refusal(client, twice)


async def test_address_and_secret_are_both_asked_for_where_both_are_configured(organisation: Store):
    config = behind(trustedProxies=["10.1.2.3"], sharedSecret={"value": SECRET})
    async with asking(organisation, config) as client:
        assert "without the secret" in await refusal(client, ANN)
        assert await viewer(client, ANN | {"x-callboard-proxy-secret": SECRET}) == "user:default/ann"


async def test_headers_that_name_several_people_are_refused(organisation: Store):
    async with asking(organisation, behind(trustedProxies=["10.1.2.3"])) as client:
        assert "name several people" in await refusal(client, [*ANN.items(), ("x-forwarded-user", "bob")])


async def test_a_page_of_another_site_can_not_act_through_the_proxy(organisation: Store):
    async with asking(organisation, behind(trustedProxies=["10.1.2.3"])) as client:
        for page in ({"origin": "https://evil.example.com"}, {"sec-fetch-site": "cross-site"}):
            answer = await client.post("/graphql", json={"query": "{ viewer { ref } }"}, headers=ANN | page)
            assert answer.status_code == 403
        own = await client.post("/graphql", json={"query": "{ viewer { ref } }"}, headers=ANN | {"origin": BASE})
        assert own.status_code == 200


async def test_a_portal_behind_the_proxy_gets_a_token(organisation: Store):
    async with asking(organisation, behind(trustedProxies=["10.1.2.3"])) as client:
        assert (await client.get("/api/auth/oauth2Proxy/refresh", headers=ANN)).status_code == 403
        told = await client.get("/api/auth/oauth2Proxy/refresh", headers=ANN | SCRIPT)
        assert told.status_code == 200
        assert "set-cookie" not in told.headers
        token = told.json()["backstageIdentity"]["token"]
        assert await viewer(client, {"authorization": f"Bearer {token}"}) == "user:default/ann"


GUESTS = Config.model_validate(
    {"backend": {"baseUrl": BASE}, "auth": {"providers": {"guest": {"ownershipEntityRefs": ["red", "user:default/ann"]}}}}
)


async def test_a_guest_says_so_and_is_one(organisation: Store):
    async with asking(organisation, GUESTS, "127.0.0.1") as client:
        page = await client.get("/api/auth/sign-in?redirectTo=/graphql")
        assert 'href="/api/auth/guest/start?redirectTo=%2Fgraphql"' in page.text
        assert "Nobody is signed in" in await refusal(client, {})
        began = await client.get("/api/auth/guest/start?redirectTo=/graphql")
        assert (began.status_code, began.headers["location"]) == (303, "/graphql")
        answer = await client.get(VIEWER)
        assert answer.json()["data"]["viewer"] == {"ref": "user:development/guest", "kind": "GUEST"}


async def test_guests_of_before_are_not_let_in_where_there_are_none_now(organisation: Store):
    async with asking(organisation, GUESTS, "127.0.0.1") as client:
        await client.get("/api/auth/guest/start")
        cookie = {"cookie": f"callboard-session={client.cookies['callboard-session']}"}
    await organisation.open()
    async with asking(organisation, behind(trustedProxies=["10.1.2.3"])) as client:
        assert "Guests are not let in any more" in await refusal(client, cookie)


async def test_a_portal_goes_on_as_a_guest(organisation: Store):
    async with asking(organisation, GUESTS, "127.0.0.1") as client:
        assert (await client.get("/api/auth/guest/refresh")).status_code == 403
        told = (await client.get("/api/auth/guest/refresh", headers=SCRIPT)).json()
        identity = told["backstageIdentity"]["identity"]
        assert identity["userEntityRef"] == "user:development/guest"
        assert set(identity["ownershipEntityRefs"]) >= {"group:default/red", "user:default/ann"}
