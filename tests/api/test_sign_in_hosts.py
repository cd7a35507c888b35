"""Sign-in at hosts of repositories, whose OAuth and accounts are answered here as their documentation shows them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from api.auth.providers.client import ProviderClient, Registration
from api.auth.providers.hosts import Host, HostProvider, bitbucket, github, gitlab
from api.auth.providers.people import Person, Secrets, SignInError
from config.backend import Reading
from plugins.outbound.client import Outbound
from tests.servers.http import HttpServer, http_server, response
from tests.servers.oidc.browser import parameters

SECRETS = Secrets("a-state", "a-nonce", "v" * 43)
BACK = "http://localhost:7007/api/auth/x/handler/frame"
USER: dict[str, dict[str, Any]] = {
    "github": {"login": "octocat", "id": 1, "node_id": "MDQ6VXNlcjE=", "avatar_url": "https://github.com/images/o.gif", "name": "Mona"},
    "gitlab": {"id": 7, "username": "john_smith", "name": "John", "email": "john@example.com", "confirmed_at": "2012-05-23T09:05:22.838Z"},
    "bitbucket": {"uuid": "{a-uuid}", "username": "tutorials", "display_name": "Tutorials", "links": {"avatar": {"href": "https://a/b"}}},
}
EMAILS: dict[str, Any] = {
    "github": [
        {"email": "other@example.com", "verified": True, "primary": False, "visibility": None},
        {"email": "mona@example.com", "verified": True, "primary": True, "visibility": "public"},
    ],
    "bitbucket": {"values": [{"email": "t@example.com", "is_primary": True, "is_confirmed": True, "type": "email"}]},
}
API = {"github": "/api/v3", "gitlab": "/api/v4", "bitbucket": "/2.0"}
TOKEN = {"github": "/login/oauth/access_token", "gitlab": "/oauth/token", "bitbucket": "/site/oauth2/access_token"}
PEOPLE = {
    "github": Person("MDQ6VXNlcjE=", "octocat", "mona@example.com", display_name="Mona", picture="https://github.com/images/o.gif"),
    "gitlab": Person("7", "john_smith", "john@example.com", display_name="John"),
    "bitbucket": Person("{a-uuid}", "tutorials", "t@example.com", display_name="Tutorials", picture="https://a/b"),
}
NAMES = sorted(PEOPLE)


def json(value: object) -> bytes:
    return response(200, orjson.dumps(value), content_type="application/json")


def host_of(name: str, url: str) -> Host:
    match name:
        case "github":
            return github(url, asks_email=True)
        case "gitlab":
            return gitlab(url)
        case _:
            return bitbucket(url, f"{url}/2.0", asks_email=True)


@dataclass
class Hosts:
    """A server that answers as each host does, and a way there."""

    server: HttpServer
    outbound: Outbound
    granted: dict[str, Any] = field(default_factory=lambda: {"access_token": "granted-token", "token_type": "bearer", "scope": "read"})

    def provider(self, name: str) -> HostProvider:
        self.server.answers |= {
            TOKEN[name]: json(self.granted),
            f"{API[name]}/user": json(USER[name]),
            f"{API[name]}/user/emails": json(EMAILS.get(name)),
        }
        registration = Registration("The host", "an-id", "a-secret", BACK, ("read",))
        return HostProvider(name, ProviderClient(self.outbound, registration), host_of(name, self.server.url))


@pytest.fixture
async def hosts() -> AsyncIterator[Hosts]:
    async with http_server() as server:
        outbound = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}))
        yield Hosts(server, outbound)
        await outbound.close()


@pytest.mark.parametrize("name", NAMES)
async def test_people_are_sent_to_the_host_with_what_ties_the_answer_to_them(hosts: Hosts, name: str):
    asked = parameters(await hosts.provider(name).address(SECRETS))
    assert (asked["client_id"], asked["redirect_uri"], asked["response_type"], asked["state"]) == ("an-id", BACK, "code", "a-state")
    assert asked["code_challenge_method"] == "S256"
    assert "a-secret" not in str(asked)


@pytest.mark.parametrize("name", NAMES)
async def test_the_code_is_exchanged_and_the_account_read(hosts: Hosts, name: str):
    person = await hosts.provider(name).person("a-code", SECRETS, None)
    expected = PEOPLE[name]
    assert (person.id, person.username, person.email) == (expected.id, expected.username, expected.email)
    assert (person.display_name, person.picture, person.scope) == (expected.display_name, expected.picture, "read")
    exchange, *reads = hosts.server.received
    form = dict(parse_qsl(exchange.body.decode()))
    assert (exchange.method, form["code"], form["code_verifier"], form["redirect_uri"]) == ("POST", "a-code", "v" * 43, BACK)
    assert form["client_secret"] == "a-secret"
    assert {read.headers["authorization"] for read in reads} == {"Bearer granted-token"}


@pytest.mark.parametrize("name", NAMES)
async def test_a_code_that_the_host_refuses_signs_nobody_in(hosts: Hosts, name: str):
    # GitHub answers 200 to a wrong code.
    refusal = {"error": "bad_verification_code", "error_description": "The code passed is incorrect or \u201cexpired\u201d."}
    hosts.granted = refusal
    with pytest.raises(SignInError, match="does not accept the sign-in"):
        await hosts.provider(name).person("a-code", SECRETS, None)
    assert len(hosts.server.received) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("account", [{}, [], None, {"id": None, "node_id": None, "uuid": None, "login": "x", "username": "x"}])
async def test_an_answer_that_is_no_account_signs_nobody_in(hosts: Hosts, name: str, account: object):
    provider = hosts.provider(name)
    hosts.server.answers[f"{API[name]}/user"] = json(account)
    with pytest.raises(SignInError, match="gave an answer that is not valid"):
        await provider.person("a-code", SECRETS, None)


@pytest.mark.parametrize(
    ("name", "path", "answer"),
    [
        ("github", "/user/emails", [{"email": "mona@example.com", "verified": False, "primary": True}]),
        ("gitlab", "/user", {**USER["gitlab"], "confirmed_at": None}),
        ("bitbucket", "/user/emails", {"values": [{"email": "t@example.com", "is_primary": True, "is_confirmed": False}]}),
    ],
)
async def test_an_email_that_the_host_has_not_verified_is_none(hosts: Hosts, name: str, path: str, answer: object):
    provider = hosts.provider(name)
    hosts.server.answers[API[name] + path] = json(answer)
    person = await provider.person("a-code", SECRETS, None)
    assert (person.email, person.email_problem) == (None, "the provider has not verified the email")


async def test_a_host_at_a_private_address_is_not_asked(hosts: Hosts):
    outbound = Outbound(Reading())
    provider = HostProvider("gitlab", ProviderClient(outbound, Registration("GitLab", "i", "s", BACK, ())), gitlab(hosts.server.url))
    with pytest.raises(SignInError, match="can't be asked at the moment"):
        await provider.person("a-code", SECRETS, None)
    assert hosts.server.received == []
    await outbound.close()
