"""Tokens of users: verified by jose as Backstage's backends do, refused when forged, and good for all processes on one store."""

import json
from asyncio import create_subprocess_exec
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from api.auth.clock import utc_now
from api.auth.keys import Keys
from api.auth.sessions import Session
from api.auth.tokens import UserTokens
from graph.errors import UnauthenticatedError
from graph.refs import Ref
from graph.store import StateWrite, Store
from tests.api.signed_in import ANN, HOUR, ISSUER, Office, answer, application, bearer, client_of, configured, listening
from tests.npm import NODE, install

VERIFYING = Path(__file__).parents[1] / "verifying"
VIEWER = "{ viewer { ref } }"


@pytest.fixture
def office(organisation: Store) -> Office:
    return Office(organisation)


def encoded(part: object) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(content).rstrip(b"=").decode()


async def verified(jwks: str, tokens: list[str]) -> list[Any]:
    process = await create_subprocess_exec(NODE, VERIFYING / "verify.mjs", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    output, errors = await process.communicate(json.dumps({"jwks": jwks, "tokens": tokens}).encode())
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


async def claims(office: Office, **changed: Any) -> dict[str, Any]:
    session = await office.session()
    now = int(datetime.now(UTC).timestamp())
    told = {"iss": ISSUER, "sub": ANN, "ent": [ANN], "aud": "backstage", "iat": now, "exp": now + 600, "sid": session.id}
    return {key: value for key, value in {**told, **changed}.items() if value is not None}


async def signed(office: Office, told: Mapping[str, Any], **header: Any) -> str:
    """A token that is signed by the office's own key, whatever it says."""
    signing = await office.keys.signing()
    merged = {"typ": "vnd.backstage.user", "alg": "ES256", "kid": signing.id, **header}
    return jwt.encode({k: v for k, v in merged.items() if v is not None}, dict(told), signing.key, default_type=None)


Forge = Callable[[Office], Any]


async def unsigned(office: Office) -> str:
    signing = await office.keys.signing()
    header = {"typ": "vnd.backstage.user", "alg": "none", "kid": signing.id}
    return f"{encoded(header)}.{encoded(await claims(office))}."


async def signed_by_the_public_key(office: Office) -> str:
    signing = await office.keys.signing()
    pem = signing.key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    content = f"{encoded({'typ': 'vnd.backstage.user', 'alg': 'HS256', 'kid': signing.id})}.{encoded(await claims(office))}"
    return f"{content}.{encoded(hmac(pem, content.encode(), sha256).digest())}"


async def signed_by_another_key(office: Office) -> str:
    signing, other = await office.keys.signing(), ECKey.generate_key("P-256")
    header = {"typ": "vnd.backstage.user", "alg": "ES256", "kid": signing.id}
    return jwt.encode(header, await claims(office), other)


async def signed_by_a_key_it_brings(office: Office) -> str:
    other = ECKey.generate_key("P-256")
    header = {"typ": "vnd.backstage.user", "alg": "ES256", "kid": "brought", "jwk": other.as_dict(private=False)}
    return jwt.encode(header, await claims(office), other)


async def changed_after_signing(office: Office) -> str:
    header, _, signature = (await signed(office, await claims(office))).split(".")
    return f"{header}.{encoded(await claims(office, sub='user:default/bob'))}.{signature}"


async def for_cookies(office: Office) -> str:
    told = await claims(office)
    return await signed(office, {key: told[key] for key in ("sub", "iat", "exp")}, typ="vnd.backstage.limited-user")


def saying(**changed: Any) -> Forge:
    async def forge(office: Office) -> str:
        return await signed(office, await claims(office, **changed))

    return forge


def headed(**header: Any) -> Forge:
    async def forge(office: Office) -> str:
        return await signed(office, await claims(office), **header)

    return forge


LONG = "eyJhbGciOiJFUzI1NiJ9" + "A" * 20_000 + ".e30.e30"
LONG_AGO = int((datetime.now(UTC) - timedelta(hours=2)).timestamp())
FORGED: Mapping[str, Forge] = {
    "unsigned": unsigned,
    "signed by the public key": signed_by_the_public_key,
    "signed by another key": signed_by_another_key,
    "signed by a key it brings": signed_by_a_key_it_brings,
    "changed after signing": changed_after_signing,
    "for cookies": for_cookies,
    "expired": saying(iat=LONG_AGO, exp=LONG_AGO + 3600),
    "without an end": saying(exp=None),
    "from the future": saying(iat=LONG_AGO + 5 * 3600),
    "for another audience": saying(aud="elsewhere"),
    "without an audience": saying(aud=None),
    "of another issuer": saying(iss="http://elsewhere.example/api/auth"),
    "of nobody": saying(sub=None),
    "of another user than the session's": saying(sub="user:default/bob"),
    "without a session": saying(sid=None),
    "of a session that is none": saying(sid="0" * 48),
    "with an end that is no number": saying(exp="tomorrow"),
    "of an unknown key": headed(kid="00000000-0000-4000-8000-000000000000"),
    "of a key by path": headed(kid="../../etc/passwd"),
    "without a key": headed(kid=None),
    "of another type": headed(typ="vnd.backstage.plugin"),
    "without a type": headed(typ=None),
}


async def test_a_forged_token_is_refused(organisation: Store, office: Office):
    refused: dict[str, tuple[int, str]] = {}
    async with application(organisation) as app, client_of(app) as client:
        for name, forge in FORGED.items():
            token = await forge(office)
            response = await client.post("/graphql", json={"query": VIEWER}, headers=bearer(token))
            assert token not in response.text
            refused[name] = (response.status_code, response.json()["error"]["name"])
        assert (await answer(client, VIEWER, bearer(await office.token())))["data"] == {"viewer": {"ref": ANN}}
    assert refused == dict.fromkeys(FORGED, (401, "AuthenticationError"))


@pytest.mark.parametrize("text", ["", "a", "..", "a.b.c", "e30.e30.e30", "." * 1000, LONG, "cbp_", "é"])
async def test_what_is_no_token_is_refused(office: Office, text: str):
    with pytest.raises(UnauthenticatedError):
        await office.tokens.verify(text)


async def test_tokens_are_verified_as_backstage_does_and_forged_ones_are_not(organisation: Store, office: Office):
    install(VERIFYING, "jose")
    token, hostile = await office.token(), [await FORGED[name](office) for name in list(FORGED)[:5]]
    async with application(organisation) as app, listening(app) as address:
        told = await verified(f"http://{address}/api/auth/.well-known/jwks.json", [token, *hostile])
    assert told[0] == {"sub": ANN, "ent": [ANN], "aud": "backstage", "iss": ISSUER, "cookie": ANN}
    assert [one["error"] for one in told[1:]] == [
        "ERR_JOSE_NOT_SUPPORTED",
        "ERR_JOSE_NOT_SUPPORTED",
        "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
        "ERR_JWKS_NO_MATCHING_KEY",
        "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
    ]


async def test_keys_are_published_under_every_api_to_everybody_without_their_private_part(organisation: Store, office: Office):
    signing = await office.keys.signing()
    async with application(organisation) as app, client_of(app) as client:
        for api in ("auth", "catalog", "permission", "proxy", "search", "scaffolder", "techdocs", "user-settings"):
            keys = (await client.get(f"/api/{api}/.backstage/auth/v1/jwks.json")).json()["keys"]
            assert [(key["kid"], key["alg"], key["use"], key["crv"]) for key in keys] == [(signing.id, "ES256", "sig", "P-256")]
            assert {name for key in keys for name in key} == {"kid", "alg", "use", "kty", "crv", "x", "y"}


async def test_the_issuer_describes_itself(organisation: Store):
    async with application(organisation) as app, client_of(app) as client:
        told = (await client.get("/api/auth/.well-known/openid-configuration")).json()
    assert (told["issuer"], told["jwks_uri"]) == (ISSUER, f"{ISSUER}/.well-known/jwks.json")
    assert told["id_token_signing_alg_values_supported"] == ["ES256"]


async def test_a_backend_is_told_the_claims_of_a_users_token_and_of_no_services(organisation: Store, office: Office):
    service = {"type": "static", "options": {"token": "a-token-of-ci", "subject": "ci"}}
    async with application(organisation, configured(auth={"externalAccess": [service]})) as app, client_of(app) as client:
        told = await client.get("/api/auth/v1/userinfo", headers=bearer(await office.token()))
        assert told.json() == {"claims": {"sub": ANN, "ent": [ANN, "group:default/red"]}}
        assert (await client.get("/api/auth/v1/userinfo", headers=bearer("a-token-of-ci"))).status_code == 400
        assert (await client.get("/api/auth/v1/userinfo")).status_code == 401


async def test_processes_on_one_store_take_each_others_tokens(organisation: Store, office: Office):
    other = Office(organisation)
    token, others = await office.token(), await other.token()
    assert (await office.keys.signing()).id != (await other.keys.signing()).id
    assert len(await office.keys.published()) == 2
    assert (await other.tokens.verify(token)).user == (await office.tokens.verify(others)).user == ANN
    async with application(organisation) as app, client_of(app) as client:
        for one in (token, others):
            assert (await answer(client, VIEWER, bearer(one)))["data"] == {"viewer": {"ref": ANN}}


class Clockwork:
    """A process whose clock is set by hand."""

    def __init__(self, store: Store) -> None:
        self.now = utc_now()
        self.keys = Keys(store, HOUR, HOUR, lambda: self.now)
        self.tokens = UserTokens(self.keys, ISSUER, HOUR, lambda: self.now)

    async def token(self, session: Session) -> str:
        return (await self.tokens.issue(ANN, [ANN], session=session.id, until=session.expires_at)).token


async def test_keys_are_replaced_and_published_for_as_long_as_their_tokens_are_valid(organisation: Store, office: Office):
    process, session = Clockwork(organisation), await office.session()
    first, token = await process.keys.signing(), await process.token(session)
    process.now += timedelta(minutes=59)
    late = await process.token(session)
    assert await process.keys.signing() == first
    process.now += timedelta(minutes=2)
    second = await process.keys.signing()
    assert second.id != first.id
    assert {key["kid"] for key in await process.keys.published()} == {first.id, second.id}
    assert (await process.tokens.verify(late)).user == ANN
    with pytest.raises(UnauthenticatedError):
        await process.tokens.verify(token)
    process.now += timedelta(hours=1)
    with pytest.raises(UnauthenticatedError):
        await process.tokens.verify(late)
    assert await process.keys.verifying(first.id) is None
    third = await process.keys.signing()
    assert {row.id for row in await organisation.states("keys")} == {second.id, third.id}


async def test_a_key_that_was_taken_from_the_store_is_refused_within_half_a_minute(organisation: Store, office: Office):
    process, session = Clockwork(organisation), await office.session()
    token = await process.token(session)
    assert (await process.tokens.verify(token)).user == ANN
    await organisation.write_states([StateWrite("keys", (await process.keys.signing()).id, None)])
    process.now += timedelta(seconds=31)
    with pytest.raises(UnauthenticatedError):
        await process.tokens.verify(token)


async def test_a_token_lasts_no_longer_than_its_session(office: Office):
    session = await office.session()
    issued = await office.tokens.issue(ANN, [ANN], session=session.id, until=utc_now() + timedelta(minutes=5))
    assert issued.expires_in_seconds in {299, 300}


async def test_a_token_of_very_many_groups_stays_as_short_as_backstage_wants_it(office: Office):
    session, groups = await office.session(), [Ref(f"group:default/a-rather-long-name-{i}") for i in range(5_000)]
    issued = await office.tokens.issue(ANN, [ANN, *groups], session=session.id, until=session.expires_at)
    assert len(issued.token) <= 32_768
    told = await office.tokens.verify(issued.token)
    assert told.ownership == (ANN, *groups)[: len(told.ownership)]
    assert len(told.ownership) > 500


async def test_nothing_shows_a_secret(organisation: Store, office: Office):
    session = await office.session()
    issued = await office.tokens.issue(ANN, [ANN], session=session.id, until=session.expires_at)
    signing = await office.keys.signing()
    private = signing.key.as_dict(private=True)["d"]
    shown = f"{issued!r}{signing!r}{session!r}{office.keys!r}"
    stored = str([row.value for name in ("keys", "sessions") for row in await organisation.states(name)])
    for secret in (issued.token, str(private), str(session.secret).partition(".")[2]):
        assert secret not in shown
        assert secret not in stored
