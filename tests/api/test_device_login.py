"""Signing in from a command line: a code on one machine, allowed in a browser on another, comes to a token."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from api.auth.clock import utc_now
from api.auth.device import DeviceError, DeviceLogins
from api.auth.personal import PersonalTokens
from graph.access import Principal, PrincipalKind
from graph.errors import NotFoundError
from graph.store import Store
from tests.api.signed_in import ANN, BASE, Office, answer, application, bearer, client_of, cookie

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
VIEWER = "{ viewer { ref } }"


@pytest.fixture
def office(organisation: Store) -> Office:
    return Office(organisation)


@asynccontextmanager
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with application(store) as app, client_of(app) as one:
        yield one


async def begun(one: httpx.AsyncClient, name: str = "laptop") -> dict[str, str]:
    response = await one.post("/api/auth/device/authorize", data={"device_name": name})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    return response.json()


async def asked(one: httpx.AsyncClient, device_code: str) -> tuple[int, dict[str, str]]:
    response = await one.post("/api/auth/device/token", data={"grant_type": GRANT, "device_code": device_code})
    return response.status_code, response.json()


async def test_a_device_that_is_let_in_gets_one_token_of_its_user(organisation: Store, office: Office):
    session = await office.session()
    async with client(organisation) as one:
        codes = await begun(one)
        assert codes["verification_uri"] == f"{BASE}/api/auth/device"
        assert re.fullmatch("[B-Z]{4}-[B-Z]{4}", codes["user_code"])
        assert (await asked(one, codes["device_code"]))[1]["error"] == "authorization_pending"
        assert (await asked(one, codes["device_code"]))[1]["error"] == "slow_down"
        page = await one.get("/api/auth/device", params={"user_code": codes["user_code"].lower()}, headers=cookie(session))
        assert "laptop" in page.text
        assert codes["user_code"] in page.text
        assert ANN in page.text
        form = {"user_code": codes["user_code"].lower().replace("-", " "), "decision": "allow"}
        assert (await one.post("/api/auth/device", data=form, headers=cookie(session))).status_code == 200
        status, told = await asked(one, codes["device_code"])
        assert (status, told["token_type"], told["expires_in"]) == (200, "Bearer", 30 * 86400)
        assert (await asked(one, codes["device_code"]))[1]["error"] == "invalid_grant"
        assert (await answer(one, VIEWER, bearer(told["access_token"])))["data"] == {"viewer": {"ref": ANN}}
        names = await answer(one, "{ viewer { personalTokens { name scopes } } }", cookie(session))
        assert names["data"]["viewer"]["personalTokens"] == [{"name": "callboard login (laptop)", "scopes": ["*"]}]


async def test_a_device_that_is_refused_gets_nothing(organisation: Store, office: Office):
    session = await office.session()
    async with client(organisation) as one:
        codes = await begun(one)
        form = {"user_code": codes["user_code"], "decision": "refuse"}
        assert (await one.post("/api/auth/device", data=form, headers=cookie(session))).status_code == 200
        assert (await asked(one, codes["device_code"]))[1]["error"] == "access_denied"
        assert (await one.post("/api/auth/device", data={**form, "decision": "allow"}, headers=cookie(session))).status_code == 404
        assert (await asked(one, codes["device_code"]))[1]["error"] == "invalid_grant"
        assert await PersonalTokens(organisation).of_user(ANN) == []


@pytest.mark.parametrize("code", ["", "nonsense", "a.b", "code-a.b", "é.b"])
async def test_a_device_without_a_login_gets_nothing(organisation: Store, code: str):
    async with client(organisation) as one:
        status, told = await asked(one, code)
        assert (status, told["error"]) == (400, "invalid_grant")


async def test_only_a_page_of_this_server_and_who_is_signed_in_lets_a_device_in(organisation: Store, office: Office):
    session = await office.session()
    token = await PersonalTokens(organisation).create(Principal(ANN, PrincipalKind.USER, ()), "script", ["*"], timedelta(days=1))
    async with client(organisation) as one:
        codes = await begun(one)
        form = {"user_code": codes["user_code"], "decision": "allow"}
        elsewhere = {**cookie(session), "origin": "http://elsewhere.example"}
        assert (await one.post("/api/auth/device", data=form, headers=elsewhere)).status_code == 403
        assert (await one.post("/api/auth/device", data=form)).status_code == 401
        assert (await one.post("/api/auth/device", data=form, headers=bearer(token.secret))).status_code == 403
        assert (await asked(one, codes["device_code"]))[1]["error"] == "authorization_pending"


async def test_a_browser_without_a_session_is_sent_to_sign_in_and_back_to_the_code(organisation: Store):
    async with client(organisation) as one:
        response = await one.get("/api/auth/device?user_code=BCDF-GHJK", headers={"accept": "text/html"})
        assert response.status_code == 302
        assert response.headers["location"] == "/api/auth/sign-in?redirectTo=%2Fapi%2Fauth%2Fdevice%3Fuser_code%3DBCDF-GHJK"


async def test_what_a_device_calls_itself_is_only_text(organisation: Store, office: Office):
    session = await office.session()
    async with client(organisation) as one:
        codes = await begun(one, "<script>\u202e\n" + "x" * 500)
        page = await one.get("/api/auth/device", params={"user_code": codes["user_code"]}, headers=cookie(session))
        assert "<script>" not in page.text
        assert "\u202e" not in page.text
        assert "x" * 70 not in page.text


async def test_a_login_that_takes_too_long_has_expired(organisation: Store):
    moment = [utc_now()]
    logins = DeviceLogins(organisation, PersonalTokens(organisation), clock=lambda: moment[0])
    codes = await logins.begin("laptop")
    moment[0] += timedelta(minutes=10)
    with pytest.raises(DeviceError, match="too long"):
        await logins.token(codes.device_code)
    with pytest.raises(NotFoundError):
        await logins.device_of(codes.user_code)
    await logins.begin("another")
    assert len(await organisation.states("deviceLogins")) == 2
