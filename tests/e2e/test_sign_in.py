"""People sign in in a real browser, at a real provider of OpenID Connect, and are refused where anything is wrong."""

import re
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browser import chromium
from tests.e2e.serving import Serving, serving
from tests.servers.oidc.serving import CLIENT_ID, CLIENT_SECRET, OpenIdServer, openid_server

USERS = """
apiVersion: backstage.io/v1alpha1
kind: User
metadata: { name: ann }
spec: { memberOf: [], profile: { email: ann@example.com } }
"""
VIOLATIONS = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""
PORTAL = """<!doctype html><title>Portal</title><script>
window.told = [];
window.addEventListener('message', (event) => window.told.push({ origin: event.origin, data: event.data }));
window.popup = (url) => window.open(url);
window.ask = async (method, url) => {
  const answer = await fetch(url, { method, headers: { 'x-requested-with': 'XMLHttpRequest' }, credentials: 'include' });
  const text = await answer.text();
  return { status: answer.status, answer: text && JSON.parse(text) };
};
</script>"""
ASK = """async (query) => {
  const headers = { 'content-type': 'application/json' };
  return (await fetch('graphql', { method: 'POST', headers, body: JSON.stringify({ query }) })).json();
}"""
SUBSCRIBE = """() => new Promise((resolve) => {
  const socket = new WebSocket(location.href.replace('http', 'ws'), 'graphql-transport-ws');
  socket.onopen = () => socket.send(JSON.stringify({ type: 'connection_init' }));
  socket.onmessage = (event) => resolve(JSON.parse(event.data).type);
  socket.onclose = (event) => resolve(`closed by ${event.code}`);
})"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def addresses() -> tuple[str, str]:
    """Where the server and the portal are."""
    return f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def provider(addresses: tuple[str, str]) -> Iterator[OpenIdServer]:
    with openid_server(f"{addresses[0]}/api/auth/oidc/handler/frame") as started:
        yield started


def configuration(folder: Path, addresses: tuple[str, str], provider: OpenIdServer, **session: str) -> Path:
    oidc = {
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "metadataUrl": provider.url,
        "signIn": {"resolvers": [{"resolver": "emailMatchingUserEntityProfileEmail"}]},
    }
    (folder / "users.yaml").write_text(USERS)
    port = int(addresses[0].rpartition(":")[2])
    document = {
        "app": {"baseUrl": addresses[1]},
        "backend": {
            "baseUrl": addresses[0],
            "listen": {"host": "127.0.0.1", "port": port},
            "database": {"client": "sqlite", "connection": {"filename": "catalog.db"}},
            "reading": {"allowPrivate": ["127.0.0.1"]},
            "cors": {"origin": addresses[1], "credentials": True},
        },
        "auth": {"providers": {"oidc": {"development": oidc}}, "session": session},
        "catalog": {"rules": [{"allow": ["User"]}], "locations": [{"type": "file", "target": "users.yaml"}]},
    }
    path = folder / "app-config.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, addresses: tuple[str, str], provider: OpenIdServer) -> Iterator[Serving]:
    with serving(configuration(tmp_path_factory.mktemp("sign-in"), addresses, provider)) as started:
        users_are_read(started)
        yield started


def users_are_read(server: Serving) -> None:
    """Nobody can sign in before."""
    until = time.monotonic() + 60
    while " 1 created" not in server.log.read_text():
        assert time.monotonic() < until, server.log.read_text()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(VIOLATIONS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(autouse=True)
def _sound(provider: OpenIdServer) -> Iterator[None]:
    yield
    provider.breaks("sound")


def sign_in(page: Page, server: Serving, login: str = "ann") -> None:
    """From GraphiQL's address, which nobody is signed in for, to the provider and back."""
    page.goto(f"{server.url}/graphql")
    expect(page).to_have_title("Sign in - Callboard")
    page.get_by_role("link", name="Sign in with OpenID Connect").click()
    at_provider(page, login)


def at_provider(page: Page, login: str = "ann") -> None:
    page.get_by_placeholder("Enter any login").fill(login)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def is_signed_in(page: Page, server: Serving) -> None:
    page.wait_for_url(f"{server.url}/graphql", wait_until="commit")
    assert "callboard-session" in {cookie["name"] for cookie in page.context.cookies()}


def is_refused(page: Page, message: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("You could not be signed in")
    expect(page.get_by_role("alert")).to_contain_text(message)
    assert page.evaluate("window.violations") == []
    assert "callboard-session" not in {cookie["name"] for cookie in page.context.cookies()}


def test_people_sign_in_use_graphiql_and_sign_out(page: Page, server: Serving):
    sign_in(page, server)
    page.wait_for_selector(".graphiql-query-editor .view-line", timeout=20_000)
    assert page.url == f"{server.url}/graphql"
    seen = page.evaluate(ASK, "{ viewer { ref } users { totalCount } }")
    assert seen["data"] == {"viewer": {"ref": "user:default/ann"}, "users": {"totalCount": 1}}
    assert page.evaluate(SUBSCRIBE) == "connection_ack"
    (session,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "callboard-session"]
    assert (session["httpOnly"], session["sameSite"], session["path"]) == (True, "Lax", "/")
    assert "callboard-session" not in page.evaluate("document.cookie")
    page.goto(f"{server.url}/api/auth/sign-out")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    assert page.evaluate("window.violations") == []
    page.goto(f"{server.url}/graphql")
    expect(page).to_have_title("Sign in - Callboard")


def test_the_page_works_by_keyboard_and_says_what_it_is(page: Page, server: Serving):
    page.goto(f"{server.url}/api/auth/sign-in")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Sign in with OpenID Connect"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.evaluate("[document.documentElement.lang, document.querySelectorAll('main h1').length]") == ["en", 1]
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/interaction/"))


@pytest.mark.parametrize("mode", ["none", "audience"])
def test_an_id_token_that_is_not_sound_is_refused(page: Page, server: Serving, provider: OpenIdServer, mode: str):
    provider.breaks(mode)
    sign_in(page, server)
    is_refused(page, "What OpenID Connect says of the sign-in is not valid for it.")


def test_a_changed_state_is_refused(page: Page, server: Serving):
    began = page.context.request.get(f"{server.url}/api/auth/oidc/start", max_redirects=0)
    page.goto(re.sub(r"state=[^&]{4}", "state=AAAA", began.headers["location"]))
    at_provider(page)
    is_refused(page, "was not begun here")


def test_a_replayed_answer_is_refused(page: Page, server: Serving):
    answers: list[str] = []
    page.on("request", lambda request: answers.append(request.url) if "/handler/frame" in request.url else None)
    sign_in(page, server)
    is_signed_in(page, server)
    page.context.clear_cookies(name="callboard-session")
    (answer,) = answers
    page.goto(answer)
    is_refused(page, "was not begun here, has ended already")


def test_keys_that_the_provider_replaced_are_taken(page: Page, server: Serving, provider: OpenIdServer):
    sign_in(page, server)
    is_signed_in(page, server)
    provider.rotates_keys()
    page.context.clear_cookies()
    sign_in(page, server)
    is_signed_in(page, server)


def test_a_stranger_is_told_what_to_do(page: Page, server: Serving):
    sign_in(page, server, "stranger")
    is_refused(page, "Ask whoever looks after the catalog to add you.")


def test_who_revokes_their_sessions_is_signed_out_in_every_browser(page: Page, server: Serving, browser: Browser):
    elsewhere = browser.new_context()
    other = elsewhere.new_page()
    for one in (page, other):
        sign_in(one, server)
        is_signed_in(one, server)
    ended = page.evaluate(ASK, "mutation { endSessions { sessions } }")
    assert ended["data"]["endSessions"]["sessions"] >= 2
    for one in (page, other):
        one.goto(f"{server.url}/graphql")
        expect(one).to_have_title("Sign in - Callboard")
    elsewhere.close()


def test_a_copied_cookie_ends_the_session(page: Page, server: Serving):
    """The session's secret changes as portals renew it; an older one that turns up again ends it for everybody."""
    sign_in(page, server)
    is_signed_in(page, server)
    (copied,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "callboard-session"]
    refresh = "async () => (await fetch('/api/auth/oidc/refresh', { headers: { 'x-requested-with': 'XMLHttpRequest' } })).status"
    assert [page.evaluate(refresh), page.evaluate(refresh)] == [200, 200]
    assert httpx.get(f"{server.url}/graphql?query=%7B__typename%7D", cookies={"callboard-session": copied}).status_code == 401
    page.goto(f"{server.url}/graphql")
    expect(page).to_have_title("Sign in - Callboard")


class PortalPage(BaseHTTPRequestHandler):
    """A portal, as far as signing in goes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(PORTAL.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def portal(addresses: tuple[str, str]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", int(addresses[1].rpartition(":")[2])), PortalPage) as started:
        Thread(target=started.serve_forever, daemon=True).start()
        yield addresses[1]
        started.shutdown()


def test_a_portal_of_another_origin_signs_people_in_and_out(page: Page, server: Serving, portal: str):
    page.goto(portal)
    ask = "([method, url]) => window.ask(method, url)"
    refresh, logout = (
        ["GET", f"{server.url}/api/auth/oidc/refresh?optional&env=development"],
        ["POST", f"{server.url}/api/auth/oidc/logout"],
    )
    assert page.evaluate(ask, refresh)["status"] == 401
    with page.expect_popup() as opened:
        page.evaluate(
            "(url) => { window.popup(url) }", f"{server.url}/api/auth/oidc/start?env=development&flow=popup&origin={quote(portal, safe='')}"
        )
    popup = opened.value
    with popup.expect_event("close", timeout=20_000):
        at_provider(popup)
    told = page.evaluate("window.told")
    assert [one["origin"] for one in told] == [server.url, server.url]
    assert told[0]["data"] == {"type": "config_info", "targetOrigin": portal}
    assert told[1]["data"]["response"]["backstageIdentity"]["identity"]["userEntityRef"] == "user:default/ann"
    refreshed = page.evaluate(ask, refresh)
    assert (refreshed["status"], refreshed["answer"]["profile"]["email"]) == (200, "ann@example.com")
    assert page.evaluate(ask, logout)["status"] == 200
    assert page.evaluate(ask, refresh)["status"] == 401


def test_a_session_that_is_left_alone_ends(page: Page, tmp_path: Path, browser: Browser):
    addresses = (f"http://127.0.0.1:{free_port()}", "http://127.0.0.1:9")
    with (
        openid_server(f"{addresses[0]}/api/auth/oidc/handler/frame") as provider,
        serving(configuration(tmp_path, addresses, provider, idle="PT10S")) as server,
    ):
        users_are_read(server)
        sign_in(page, server)
        is_signed_in(page, server)
        page.wait_for_timeout(10_100)
        page.goto(f"{server.url}/graphql")
        expect(page).to_have_title("Sign in - Callboard")
