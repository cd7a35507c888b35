"""What a provider of OpenID Connect may say of itself and of people, and what of it is not believed."""

import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from api.auth.providers.client import ProviderClient, Registration
from api.auth.providers.openid import OpenId, OpenIdProvider, is_issuer_of
from api.auth.providers.people import Secrets, SignInError
from config.backend import Reading
from plugins.outbound.client import Outbound
from tests.servers.http import HttpServer, http_server, response

SECRETS = Secrets("a-state", "a-nonce", "v" * 43)
WELL_KNOWN = "/.well-known/openid-configuration"
KEY = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256", "use": "sig"})


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    async with http_server() as started:
        yield started


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    made = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}))
    yield made
    await made.close()


def json(value: object) -> bytes:
    return response(200, orjson.dumps(value), content_type="application/json")


def described(server: HttpServer, **changed: Any) -> dict[str, Any]:
    paths = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys", "userinfo_endpoint": "/userinfo"}
    return {"issuer": server.url, **{name: server.url + path for name, path in paths.items()}} | changed


def provider(server: HttpServer, outbound: Outbound, **openid: Any) -> OpenIdProvider:
    client = ProviderClient(outbound, Registration("The provider", "an-id", "a-secret", "http://localhost/cb", ("openid",)))
    server.answers.setdefault(WELL_KNOWN, json(described(server)))
    server.answers.setdefault("/keys", json({"keys": [KEY.as_dict(private=False), {"kty": "unheard-of", "kid": "two"}]}))
    description = server.url + WELL_KNOWN
    return OpenIdProvider("oidc", client, OpenId(description, is_issuer_of(description), **openid))


def grants(server: HttpServer, claims: dict[str, Any]) -> None:
    now = int(time.time())
    usual = {"iss": server.url, "sub": "ann", "aud": "an-id", "nonce": "a-nonce", "iat": now, "exp": now + 60}
    token = jwt.encode({"alg": "ES256", "kid": "one"}, usual | claims, KEY, algorithms=["ES256"])
    server.answers["/token"] = json({"access_token": "granted", "token_type": "Bearer", "id_token": token})


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example.com"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": 7},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_description_that_can_not_be_believed_sends_nobody_anywhere(
    server: HttpServer, outbound: Outbound, changed: dict[str, Any]
):
    server.answers[WELL_KNOWN] = json(described(server, **changed))
    with pytest.raises(SignInError, match="gave an answer that is not valid"):
        await provider(server, outbound).address(SECRETS)


@pytest.mark.parametrize("answer", [response(404), response(500), response(200, b"<html>"), json([]), json(None)])
async def test_what_is_no_description_sends_nobody_anywhere(server: HttpServer, outbound: Outbound, answer: bytes):
    server.answers[WELL_KNOWN] = answer
    with pytest.raises(SignInError):
        await provider(server, outbound).address(SECRETS)


async def test_what_the_id_token_leaves_out_is_asked_for(server: HttpServer, outbound: Outbound):
    grants(server, {"picture": "https://a/b.png"})
    server.answers["/userinfo"] = json({"sub": "ann", "email": "ann@example.com", "email_verified": True, "name": "Ann", "picture": 7})
    person = await provider(server, outbound).person("a-code", SECRETS, None)
    assert (person.id, person.email, person.display_name, person.picture) == ("ann", "ann@example.com", "Ann", "https://a/b.png")
    assert server.received[-1].headers["authorization"] == "Bearer granted"


async def test_nothing_is_asked_for_where_the_id_token_says_it_all(server: HttpServer, outbound: Outbound):
    grants(server, {"email": "ann@example.com", "email_verified": True, "name": "Ann"})
    assert (await provider(server, outbound).person("a-code", SECRETS, None)).email == "ann@example.com"
    assert [one.target for one in server.received] == [WELL_KNOWN, "/token", "/keys"]


async def test_an_email_is_verified_where_it_is_told(server: HttpServer, outbound: Outbound):
    grants(server, {"email": "boss@example.com"})
    server.answers["/userinfo"] = json({"sub": "ann", "email": "ann@example.com", "email_verified": True, "name": "Ann"})
    person = await provider(server, outbound).person("a-code", SECRETS, None)
    assert (person.email, person.email_problem) == (None, "the provider has not verified the email")


async def test_what_is_told_of_somebody_else_is_not_believed(server: HttpServer, outbound: Outbound):
    grants(server, {})
    server.answers["/userinfo"] = json({"sub": "bob", "email": "bob@example.com", "email_verified": True})
    with pytest.raises(SignInError, match="gave an answer that is not valid"):
        await provider(server, outbound).person("a-code", SECRETS, None)


@pytest.mark.parametrize("claims", [{"org_id": "org_2"}, {}])
async def test_another_organisation_is_refused(server: HttpServer, outbound: Outbound, claims: dict[str, Any]):
    grants(server, {"email": "ann@example.com", "name": "Ann", **claims})
    with pytest.raises(SignInError, match="is not valid for it"):
        await provider(server, outbound, required={"org_id": "org_1"}).person("a-code", SECRETS, None)


@pytest.mark.parametrize(
    "claims", [{"sub": ""}, {"sub": None}, {"exp": "soon"}, {"iat": None}, {"nbf": 1 << 40}, {"aud": []}, {"nonce": None}]
)
async def test_claims_that_make_no_sense_are_refused(server: HttpServer, outbound: Outbound, claims: dict[str, Any]):
    grants(server, {"email": "ann@example.com", "name": "Ann", **claims})
    with pytest.raises(SignInError):
        await provider(server, outbound).person("a-code", SECRETS, None)


async def test_another_algorithm_than_the_configured_one_is_refused(server: HttpServer, outbound: Outbound):
    grants(server, {"email": "ann@example.com", "name": "Ann"})
    with pytest.raises(SignInError, match="is not valid for it"):
        await provider(server, outbound, algorithms=("RS256",)).person("a-code", SECRETS, None)
