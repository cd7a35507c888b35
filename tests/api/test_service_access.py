"""Services: known by fixed tokens and by those of issuers whose keys are read over the network, for some APIs only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from hmac import new as hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.auth.service import ServiceAccess, actions_within
from config.backend import Reading
from config.service_access import AccessRestriction, ExternalAccess
from graph.access import Action, Principal, PrincipalKind
from graph.errors import UnauthenticatedError
from plugins.outbound.client import Outbound
from tests.api.signed_in import listening
from tests.api.test_tokens import encoded

NOW = int(datetime.now(UTC).timestamp())


class Issuer:
    """A server of keys, which counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: list[Mapping[str, Any]] = []
        self.asked = 0
        self.status = 200
        self.url = ""

    async def publish(self, _: Request) -> Response:
        self.asked += 1
        return JSONResponse({"keys": self.keys}, self.status)

    def add(self, key: ECKey | RSAKey | OKPKey, **more: Any) -> None:
        self.keys.append({**key.as_dict(private=False), **more})


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    app = Starlette(routes=[Route("/keys", issuer.publish)])
    app.state.feed = _Nothing()
    async with listening(app) as address:
        issuer.url = f"http://{address}/keys"
        yield issuer


class _Nothing:
    def close(self) -> None:
        return


@asynccontextmanager
async def services(*entries: Mapping[str, Any]) -> AsyncIterator[ServiceAccess]:
    outbound = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}))
    yield ServiceAccess([ExternalAccess.model_validate(entry) for entry in entries], outbound)
    await outbound.close()


def of(server: Issuer, **options: Any) -> dict[str, Any]:
    return {"type": "jwks", "options": {"url": server.url, **options}}


def token(key: Any, alg: str, kid: str | None, **changed: Any) -> str:
    told = {"sub": "robot", "iss": "https://issuer.example", "aud": "callboard", "exp": NOW + 600, **changed}
    claims = {name: value for name, value in told.items() if value is not None}
    return jwt.encode({"alg": alg, **({"kid": kid} if kid else {})}, claims, key, algorithms=[alg])


async def test_a_fixed_token_is_that_of_its_service():
    entries = [{"type": "static", "options": {"token": f"token-of-{name}", "subject": name}} for name in ("ci", "portal")]
    async with services(*entries) as access:
        found = await access.principal_of("token-of-portal")
        assert found == Principal("service:default/portal", PrincipalKind.SERVICE, ("service:default/portal",))  # type: ignore[arg-type]
        for wrong in ("token-of-portals", "token-of-porta", "", "TOKEN-OF-PORTAL"):
            assert await access.principal_of(wrong) is None


KEYS: Mapping[str, Callable[[], Any]] = {
    "RS256": lambda: RSAKey.generate_key(2048),
    "PS512": lambda: RSAKey.generate_key(2048),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
}


@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_a_token_of_an_issuer_is_checked_by_its_keys(issuer: Issuer, alg: str):
    key = KEYS[alg]()
    issuer.add(key, kid="one")
    async with services(of(issuer, issuer="https://issuer.example", audience=["other", "callboard"], subjectPrefix="robots")) as access:
        found = await access.principal_of(token(key, alg, "one"))
    assert found is not None
    assert (found.ref, found.kind, found.actions) == ("service:default/external:robots:robot", PrincipalKind.SERVICE, None)
    assert found.expires_at == datetime.fromtimestamp(NOW + 600, UTC)


async def test_what_is_not_of_the_issuer_or_not_for_us_is_refused(issuer: Issuer):
    key, other = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    issuer.add(key, kid="one")
    pem = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    shared = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded({'sub': 'robot', 'exp': NOW + 600})}"
    refused = {
        "of another issuer": token(key, "ES256", "one", iss="https://elsewhere.example"),
        "for another audience": token(key, "ES256", "one", aud="elsewhere"),
        "expired": token(key, "ES256", "one", exp=NOW - 600),
        "without an end": token(key, "ES256", "one", exp=None),
        "of nobody": token(key, "ES256", "one", sub=None),
        "too early": token(key, "ES256", "one", nbf=NOW + 600),
        "signed by another key": token(other, "ES256", "one"),
        "of an unknown key": token(other, "ES256", "two"),
        "unsigned": f"{encoded({'alg': 'none', 'kid': 'one'})}.{encoded({'sub': 'robot', 'exp': NOW + 600})}.",
        "signed by the public key": f"{shared}.{encoded(hmac(pem, shared.encode(), sha256).digest())}",
        "no token": "a.b.c",
    }
    async with services(of(issuer, issuer="https://issuer.example", audience="callboard")) as access:
        assert await access.principal_of(token(key, "ES256", "one")) is not None
        assert {name: await access.principal_of(text) for name, text in refused.items()} == dict.fromkeys(refused)


async def test_an_issuer_that_publishes_a_shared_secret_lets_nobody_sign_with_it(issuer: Issuer):
    issuer.keys = [{"kty": "oct", "kid": "one", "k": encoded(b"0" * 32)}]
    content = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded({'sub': 'robot', 'exp': NOW + 600})}"
    async with services(of(issuer)) as access:
        assert await access.principal_of(f"{content}.{encoded(hmac(b'0' * 32, content.encode(), sha256).digest())}") is None


async def test_only_the_configured_algorithms_count(issuer: Issuer):
    key = RSAKey.generate_key(2048)
    issuer.add(key, kid="one")
    async with services(of(issuer, algorithm="RS512, PS256")) as access:
        assert await access.principal_of(token(key, "PS256", "one")) is not None
        assert await access.principal_of(token(key, "RS256", "one")) is None


async def test_keys_are_read_once_and_again_when_an_unknown_one_turns_up_but_not_for_every_guess(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
):
    key, new = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    issuer.add(key, kid="one")
    async with services(of(issuer)) as access:
        await asyncio.gather(*(access.principal_of(token(key, "ES256", "one")) for _ in range(20)))
        assert issuer.asked == 1
        issuer.add(new, kid="two")
        for guess in range(20):
            assert await access.principal_of(token(new, "ES256", f"guess-{guess}")) is None
        assert issuer.asked == 1
        monkeypatch.setattr("api.auth.service._ASKED_AGAIN_SECONDS", -1.0)
        async with services(of(issuer)) as fresh:
            assert await fresh.principal_of(token(key, "ES256", "one")) is not None
            issuer.keys = []
            issuer.add(ECKey.generate_key("P-256"), kid="three")
            issuer.add(new, kid="four")
            assert await fresh.principal_of(token(new, "ES256", "four")) is not None
            assert await fresh.principal_of(token(key, "ES256", "one")) is None


async def test_while_an_issuer_is_out_of_reach_what_was_read_before_counts(issuer: Issuer, monkeypatch: pytest.MonkeyPatch):
    key = ECKey.generate_key("P-256")
    issuer.add(key, kid="one")
    async with services(of(issuer)) as before, services(of(issuer)) as never:
        monkeypatch.setattr("api.auth.service._ASKED_AGAIN_SECONDS", -1.0)
        monkeypatch.setattr("api.auth.service._KEPT_SECONDS", -1.0)
        assert await before.principal_of(token(key, "ES256", "one")) is not None
        issuer.status = 500
        assert await before.principal_of(token(key, "ES256", "one")) is not None
        with pytest.raises(UnauthenticatedError):
            await never.principal_of(token(key, "ES256", "one"))


async def test_an_issuer_at_a_private_address_is_not_asked(issuer: Issuer):
    key = ECKey.generate_key("P-256")
    issuer.add(key, kid="one")
    outbound = Outbound(Reading())
    access = ServiceAccess([ExternalAccess.model_validate(of(issuer))], outbound)
    with pytest.raises(UnauthenticatedError):
        await access.principal_of(token(key, "ES256", "one"))
    assert issuer.asked == 0
    await outbound.close()


@pytest.mark.parametrize(
    ("restrictions", "actions"),
    [
        ([], None),
        ([{"plugin": "search"}], {Action.SEARCH}),
        ([{"plugin": "events"}], set()),
        ([{"plugin": "catalog", "permission": "catalog.entity.read, catalog.entity.refresh"}], {Action.ENTITY_READ, Action.ENTITY_REFRESH}),
        (
            [{"plugin": "catalog", "permissionAttribute": {"action": ["read", "update"]}}, {"plugin": "search"}],
            {Action.ENTITY_READ, Action.LOCATION_READ, Action.ENTITY_REFRESH, Action.SEARCH},
        ),
        ([{"plugin": "catalog", "permission": ["search.query", "catalog.entity.delete"]}], {Action.ENTITY_DELETE}),
    ],
)
def test_access_restrictions_are_actions(restrictions: list[dict[str, Any]], actions: set[Action] | None):
    assert actions_within([AccessRestriction.model_validate(one) for one in restrictions]) == actions


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "legacy", "options": {}},
        {"type": "static", "options": {"token": "long-enough"}},
        {"type": "static", "options": {"token": "short", "subject": "ci"}},
        {"type": "static", "options": {"token": "with a space", "subject": "ci"}},
        {"type": "static", "options": {"token": "long-enough", "subject": "c i"}},
        {"type": "static", "options": {"token": "long-enough", "subject": "ci", "url": "https://issuer.example"}},
        {"type": "jwks", "options": {"issuer": "https://issuer.example"}},
        {"type": "jwks", "options": {"url": "file:///keys"}},
        {"type": "jwks", "options": {"url": "https://issuer.example/keys", "algorithm": "HS256"}},
        {"type": "jwks", "options": {"url": "https://issuer.example/keys", "algorithm": "none"}},
        {"type": "static", "options": {"token": "long-enough", "subject": "ci"}, "accessRestrictions": [{"plugin": "a"}, {"plugin": "a"}]},
    ],
)
def test_a_service_that_makes_no_sense_is_refused_by_the_configuration(entry: dict[str, Any]):
    with pytest.raises(ValueError) as refused:
        ExternalAccess.model_validate(entry)
    assert "long-enough" not in str(refused.value)
