"""Sign-in at a real provider of OpenID Connect, and every way in which an answer of it can be wrong."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from config import Config
from graph.conditions import EVERYTHING
from graph.entities import canonical_json, content_hash
from graph.store import Batch, Cause, Removal, Store
from tests.api.signed_in import ANN, BASE, answer, application, client_of
from tests.servers.oidc.browser import parameters, signed_in_at
from tests.servers.oidc.serving import CLIENT_ID, CLIENT_SECRET, OpenIdServer, openid_server

CALLBACK = f"{BASE}/api/auth/oidc/handler/frame"
START = "/api/auth/oidc/start"
PORTAL = "https://portal.example.com"
PAGE = {"accept": "text/html"}
JSON = {"accept": "application/json"}
SCRIPT = {"x-requested-with": "XMLHttpRequest"}
CAUSE = Cause("user", "user:default/bob")
RESOLVERS = [{"resolver": "emailMatchingUserEntityProfileEmail"}]


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdServer]:
    with openid_server(CALLBACK) as started:
        yield started


@pytest.fixture(autouse=True)
def _sound(provider: OpenIdServer) -> Iterator[None]:
    yield
    provider.breaks("sound")


def configured(provider: OpenIdServer, **auth: Any) -> Config:
    oidc = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "metadataUrl": provider.url, "signIn": {"resolvers": RESOLVERS}}
    return Config.model_validate(
        {
            "app": {"baseUrl": PORTAL},
            "backend": {"baseUrl": BASE, "reading": {"allowPrivate": ["127.0.0.1"]}},
            "auth": {"providers": {"oidc": {"development": oidc}}, **auth},
        }
    )


@asynccontextmanager
async def browsing(store: Store, config: Config) -> AsyncIterator[httpx.AsyncClient]:
    async with application(store, config) as app, client_of(app, **PAGE) as client:
        yield client


@pytest.fixture
async def browser(organisation: Store, provider: OpenIdServer) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody is signed in with."""
    async with browsing(organisation, configured(provider)) as client:
        yield client


async def came_back(browser: httpx.AsyncClient, login: str = "ann", query: str = "") -> str:
    """The address at which the provider sends the browser back."""
    began = await browser.get(f"{START}{query}")
    assert began.status_code == 302, began.text
    async with httpx.AsyncClient() as at_provider:
        return await signed_in_at(at_provider, began.headers["location"], login)


async def viewer(browser: httpx.AsyncClient, **headers: str) -> Any:
    return (await answer(browser, "{ viewer { ref } }", {**JSON, "origin": BASE, **headers}))["data"]["viewer"]["ref"]


async def is_refused(browser: httpx.AsyncClient, address: str, message: str, status: int = 401) -> None:
    """The browser is shown why, and nobody is signed in with it."""
    refused = await browser.get(address)
    assert refused.status_code == status
    assert message in refused.text
    assert "callboard-session" not in browser.cookies
    assert (await browser.get("/graphql")).headers["location"] == "/api/auth/sign-in?redirectTo=%2Fgraphql"


async def test_a_browser_signs_in_and_is_led_back_to_the_page_that_it_asked_for(browser: httpx.AsyncClient):
    asked = await browser.get("/graphql?query=%7Bviewer%7Bref%7D%7D")
    assert asked.status_code == 302
    listed = await browser.get(asked.headers["location"])
    link = listed.text.split('class="act" href="')[1].split('"')[0]
    began = await browser.get(link)
    asked_for = parameters(began.headers["location"])
    assert asked_for["redirect_uri"] == CALLBACK
    assert asked_for["code_challenge_method"] == "S256"
    assert len(asked_for["state"]) == len(asked_for["nonce"]) == len(asked_for["code_challenge"]) == 43
    async with httpx.AsyncClient() as at_provider:
        back = await signed_in_at(at_provider, began.headers["location"], "ann")
    ended = await browser.get(back)
    assert (ended.status_code, ended.headers["location"]) == (303, "/graphql?query=%7Bviewer%7Bref%7D%7D")
    flags = {part.strip().lower() for part in ended.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "path=/", "samesite=lax"} <= flags
    assert await viewer(browser) == ANN


async def test_over_https_cookies_are_of_this_host_alone(organisation: Store, provider: OpenIdServer):
    config = configured(provider)
    backend = config.backend.model_copy(update={"base_url": "https://catalog.example.com"})
    async with browsing(organisation, config.model_copy(update={"backend": backend})) as browser:
        began = await browser.get(START)
    assert parameters(began.headers["location"])["redirect_uri"] == "https://catalog.example.com/api/auth/oidc/handler/frame"
    assert began.headers["set-cookie"].startswith("__Host-callboard-sign-in=")
    assert "secure" in began.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("audience", "is not valid for it"),
        ("audiences", "is not valid for it"),
        ("issuer", "is not valid for it"),
        ("expired", "is not valid for it"),
        ("nonce", "is not valid for it"),
        ("foreign-key", "is not valid for it"),
        ("none", "is not valid for it"),
        ("hs256", "is not valid for it"),
        ("unsigned", "is not valid for it"),
        ("missing", "gave an answer that is not valid"),
    ],
)
async def test_an_id_token_that_is_not_sound_is_refused(browser: httpx.AsyncClient, provider: OpenIdServer, mode: str, message: str):
    back = await came_back(browser)
    provider.breaks(mode)
    await is_refused(browser, back, message)


async def test_keys_that_the_provider_replaced_are_read_anew(browser: httpx.AsyncClient, provider: OpenIdServer):
    await browser.get(await came_back(browser))
    provider.rotates_keys()
    await browser.get(await came_back(browser, "ann"))
    provider.rotates_keys()
    ended = await browser.get(await came_back(browser))
    assert ended.status_code == 303
    assert await viewer(browser) == ANN


async def test_a_state_that_was_changed_is_refused(browser: httpx.AsyncClient):
    back = await came_back(browser)
    state = parameters(back)["state"]
    for tampered in (state[:-1] + ("A" if state[-1] != "A" else "B"), "", state.upper(), "x" * 4000):
        await is_refused(browser, back.replace(state, tampered), "was not begun here")
    await is_refused(browser, back.replace(f"state={state}&", ""), "was not begun here")
    await is_refused(browser, f"{back}&state={state}", "may be there once", 400)


async def test_an_answer_counts_once(browser: httpx.AsyncClient):
    back = await came_back(browser)
    assert (await browser.get(back)).status_code == 303
    browser.cookies.delete("callboard-session")
    await is_refused(browser, back, "was not begun here, has ended already")


async def test_a_code_counts_once_whatever_sign_in_it_is_sent_with(browser: httpx.AsyncClient):
    first = await came_back(browser)
    await browser.get(first)
    browser.cookies.delete("callboard-session")
    second = await came_back(browser)
    await is_refused(browser, second.replace(parameters(second)["code"], parameters(first)["code"]), "does not accept the sign-in")


async def test_a_code_of_another_browser_is_of_no_use(organisation: Store, provider: OpenIdServer):
    """The one sign-in's code with the other's state: PKCE ties each to the browser that began it."""
    async with application(organisation, configured(provider)) as app, client_of(app, **PAGE) as mine, client_of(app, **PAGE) as theirs:
        stolen = parameters(await came_back(theirs))["code"]
        back = await came_back(mine)
        await is_refused(mine, back.replace(parameters(back)["code"], stolen), "does not accept the sign-in")


async def test_an_answer_ends_in_the_browser_that_began(organisation: Store, provider: OpenIdServer):
    async with application(organisation, configured(provider)) as app, client_of(app, **PAGE) as mine, client_of(app, **PAGE) as theirs:
        back = await came_back(theirs)
        await is_refused(mine, back, "was begun in another browser")
        assert (await theirs.get(back)).status_code == 303


async def test_an_answer_of_another_issuer_is_refused(browser: httpx.AsyncClient, provider: OpenIdServer):
    back = await came_back(browser)
    issuer = provider.url.replace(":", "%3A").replace("/", "%2F")
    await is_refused(browser, back.replace(f"&iss={issuer}", "&iss=https%3A%2F%2Fanother.example.com"), "is not from OpenID Connect")
    back = await came_back(browser)
    await is_refused(browser, back.replace(f"&iss={issuer}", ""), "is not from OpenID Connect")


async def test_what_the_provider_says_is_wrong_is_shown_as_text(browser: httpx.AsyncClient):
    state = parameters((await browser.get(START)).headers["location"])["state"]
    refused = await browser.get(f"{CALLBACK}?state={state}&error=%3Cscript%3Ealert(1)%3C/script%3E")
    assert refused.status_code == 401
    assert "OpenID Connect did not sign you in." in refused.text
    assert "<script" not in refused.text
    state = parameters((await browser.get(START)).headers["location"])["state"]
    await is_refused(browser, f"{CALLBACK}?state={state}&error=access_denied", "You, or OpenID Connect, refused the sign-in.")


async def test_somebody_whom_the_catalog_does_not_have_is_told_so(browser: httpx.AsyncClient):
    await is_refused(browser, await came_back(browser, "stranger"), "OpenID Connect knows you, but the catalog does not")


async def test_an_email_that_is_not_verified_names_nobody(browser: httpx.AsyncClient):
    await is_refused(browser, await came_back(browser, "unverified"), "the provider has not verified the email")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example.com",
        "/\\evil.example.com",
        "\\\\evil.example.com",
        "https://evil.example.com",
        "javascript:alert(1)",
        "/%0d%0aset-cookie:x=y".replace("%0d%0a", "\r\n"),
        "/\tevil",
        "evil.example.com",
        "",
        "///evil.example.com",
        "http://[",
        "https://portal.example.com@evil.example.com",
        "https://portal.example.com\\@evil.example.com",
    ],
)
async def test_nobody_is_led_elsewhere(browser: httpx.AsyncClient, target: str):
    for path in (START, "/api/auth/sign-in"):
        refused = await browser.get(path, params={"redirectTo": target})
        assert refused.status_code == 400
        assert "location" not in refused.headers
    refused = await browser.get(START, params={"flow": "redirect", "redirectUrl": target})
    assert refused.status_code in {400, 403}


async def test_a_portal_is_led_back_to_where_it_was(browser: httpx.AsyncClient):
    query = f"?env=development&flow=redirect&origin={PORTAL}&redirectUrl={PORTAL}/catalog"
    ended = await browser.get(await came_back(browser, query=query))
    assert ended.headers["location"] == f"{PORTAL}/catalog"


async def told(browser: httpx.AsyncClient, login: str = "ann") -> tuple[str, dict[str, Any], httpx.Response]:
    """Whom the popup tells, and what."""
    page = await browser.get(await came_back(browser, login, f"?env=development&flow=popup&origin={PORTAL}"))
    origin = page.text.split("var origin = decodeURIComponent('")[1].split("'")[0]
    message = page.text.split("JSON.parse(decodeURIComponent('")[1].split("'")[0]
    return unquote(origin), json.loads(unquote(message)), page


async def test_a_popup_tells_the_portal_that_opened_it(browser: httpx.AsyncClient):
    origin, message, page = await told(browser)
    assert origin == PORTAL
    assert message["type"] == "authorization_response"
    assert message["response"]["profile"] == {"email": "ann@example.com", "displayName": "Somebody called ann"}
    assert message["response"]["backstageIdentity"]["identity"] == {
        "type": "user",
        "userEntityRef": "user:default/ann",
        "ownershipEntityRefs": ["user:default/ann", "group:default/red"],
    }
    assert "script-src 'sha256-" in page.headers["content-security-policy"]
    assert page.headers["cross-origin-opener-policy"] == "unsafe-none"


async def test_a_popup_tells_the_portal_what_failed(browser: httpx.AsyncClient):
    origin, message, page = await told(browser, "stranger")
    assert origin == PORTAL
    assert message["error"]["name"] == "AuthenticationError"
    assert "response" not in message
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", f"{PORTAL}.evil.example.com", "null", f"{PORTAL}:8443", "http://[", "http://[::1"]
)
async def test_a_popup_tells_no_other_page(browser: httpx.AsyncClient, origin: str):
    refused = await browser.get(START, params={"env": "development", "flow": "popup", "origin": origin})
    assert refused.status_code == 403
    assert "This origin may not sign people in" in refused.text


async def test_a_portal_learns_who_is_signed_in(browser: httpx.AsyncClient):
    await browser.get(await came_back(browser))
    before = browser.cookies["callboard-session"]
    refreshed = await browser.get("/api/auth/oidc/refresh", headers=SCRIPT | {"origin": PORTAL})
    assert refreshed.status_code == 200
    assert set(refreshed.json()) == {"profile", "providerInfo", "backstageIdentity"}
    token = refreshed.json()["backstageIdentity"]["token"]
    assert await viewer(browser, authorization=f"Bearer {token}") == ANN
    assert browser.cookies["callboard-session"] != before


async def test_nobody_else_learns_it(browser: httpx.AsyncClient):
    await browser.get(await came_back(browser))
    for headers in (
        {},
        {"x-requested-with": "fetch"},
        SCRIPT | {"origin": "https://evil.example.com"},
        SCRIPT | {"sec-fetch-site": "cross-site"},
    ):
        for method, path in (("GET", "refresh"), ("POST", "logout")):
            assert (await browser.request(method, f"/api/auth/oidc/{path}", headers=headers)).status_code == 403
    assert await viewer(browser) == ANN


async def test_an_origin_that_is_no_address_is_refused(browser: httpx.AsyncClient):
    await browser.get(await came_back(browser))
    for path in ("/graphql", "/api/auth/sign-out", "/api/auth/oidc/logout"):
        refused = await browser.post(path, json={"query": "{ viewer { ref } }"}, headers=JSON | SCRIPT | {"origin": "http://["})
        assert refused.status_code == 403


async def test_a_user_who_has_left_the_catalog_is_not_signed_in_any_more(browser: httpx.AsyncClient, organisation: Store):
    await browser.get(await came_back(browser))
    await without_ann(organisation)
    refused = await browser.get("/api/auth/oidc/refresh", headers=SCRIPT | {"accept": "application/json"})
    assert refused.status_code == 401
    assert "no longer has a user" in refused.json()["error"]["message"]
    assert (await browser.get("/graphql")).status_code == 302


async def without_ann(store: Store) -> None:
    ann = (await store.entities_by_ref([ANN], visible=EVERYTHING))[ANN]
    await store.apply(Batch(CAUSE, removals=[Removal(ANN, content_hash(canonical_json(ann.document)))]))


async def test_who_signs_out_is_signed_out_everywhere(browser: httpx.AsyncClient):
    await browser.get(await came_back(browser))
    kept = browser.cookies["callboard-session"]
    asked = await browser.get("/api/auth/sign-out")
    assert "user:default/ann" in asked.text
    assert (await browser.post("/api/auth/sign-out", headers={"origin": "https://evil.example.com"})).status_code == 403
    ended = await browser.post("/api/auth/sign-out", headers={"origin": BASE})
    assert "You are signed out" in ended.text
    assert "callboard-session" not in browser.cookies
    again = await browser.get("/graphql", headers={"cookie": f"callboard-session={kept}"})
    assert again.status_code == 302


async def test_a_portal_signs_out(browser: httpx.AsyncClient):
    await browser.get(await came_back(browser))
    kept = browser.cookies["callboard-session"]
    assert (await browser.post("/api/auth/oidc/logout", headers=SCRIPT | {"origin": PORTAL})).status_code == 200
    again = await browser.get("/graphql", headers={"cookie": f"callboard-session={kept}"})
    assert again.status_code == 302


async def test_signing_in_again_ends_the_session_before(browser: httpx.AsyncClient):
    await browser.get(await came_back(browser))
    before = browser.cookies["callboard-session"]
    await browser.get(await came_back(browser))
    assert browser.cookies["callboard-session"] != before
    assert (await browser.get("/graphql", headers={"cookie": f"callboard-session={before}"})).status_code == 302


async def test_another_environment_is_not_there(browser: httpx.AsyncClient):
    refused = await browser.get(f"{START}?env=production")
    assert refused.status_code == 404


async def test_what_is_kept_of_a_sign_in_is_of_no_use_to_who_reads_it(browser: httpx.AsyncClient, organisation: Store):
    asked = parse_qs(urlsplit((await browser.get(START)).headers["location"]).query)
    kept = str(await organisation.states("sign-ins"))
    for secret in (asked["state"][0], asked["nonce"][0], asked["code_challenge"][0], browser.cookies["callboard-sign-in"]):
        assert secret not in kept


async def test_a_provider_that_is_down_is_said_to_be(organisation: Store, provider: OpenIdServer):
    with openid_server(CALLBACK) as other:
        config = configured(other)
    async with browsing(organisation, config) as browser:
        refused = await browser.get(START)
    assert refused.status_code == 401
    assert "OpenID Connect can&#x27;t be asked at the moment" in refused.text
    assert "127.0.0.1" not in refused.text


async def test_pages_need_no_script_and_load_nothing(browser: httpx.AsyncClient):
    for path in ("/api/auth/sign-in", "/api/auth/sign-out"):
        page = await browser.get(path)
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text
        assert "http" not in page.text


async def test_who_came_by_another_name_begins_at_the_address_that_providers_know(browser: httpx.AsyncClient):
    page = await browser.get("/api/auth/sign-in?redirectTo=/graphql", headers={"host": "127.0.0.1"})
    assert f'href="{BASE}{START}?redirectTo=%2Fgraphql"' in page.text


async def test_any_page_can_be_come_back_to(browser: httpx.AsyncClient):
    asked = await browser.get("/docs/d%C3%A9f%20ault/x?q=a%20b&q=%2F")
    page = await browser.get(asked.headers["location"])
    assert page.status_code == 200
    assert "redirectTo=%2Fdocs%2Fd%25C3%25A9f%2520ault%2Fx%3Fq%3Da%2520b%26q%3D%252F" in page.text


async def test_programs_are_told_by_json(browser: httpx.AsyncClient):
    refused = await browser.post("/graphql", json={"query": "{ viewer { ref } }"})
    assert (refused.status_code, refused.json()["error"]["name"]) == (401, "AuthenticationError")
    with_token = await browser.get("/graphql", headers={"authorization": "Bearer nonsense"})
    assert with_token.status_code == 401
