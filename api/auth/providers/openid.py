"""Sign-in by OpenID Connect: the provider's description, its keys, and ID tokens that are checked before anything in them is believed.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
"""

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from api.auth.providers.client import ProviderClient
from api.auth.providers.people import Person, Secrets, SignInError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Those with a public key. `none` is none of them, nor is any with a secret that both sides know."""

_WELL_KNOWN = "/.well-known/openid-configuration"
_KNOWN_SECONDS = 3600.0
_LEEWAY_SECONDS = 60
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_FROM_USERINFO = ("email", "email_verified", "preferred_username", "name", "picture")


@dataclass(frozen=True, slots=True)
class OpenId:
    """What is particular to a provider. `description` is where it describes itself.

    `issuer` says whether the issuer that the description names is one that may stand there. `id_claim` names people for good. With
    `trusts_email` the emails it tells need no `email_verified`, for they are given out by whoever runs the tenant.
    `required` are claims that an ID token has to have beside the protocol's.
    """

    description: str
    is_issuer: Callable[[str], bool]
    algorithms: Sequence[str] = ALGORITHMS
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    id_claim: str = "sub"
    trusts_email: bool = False
    farewell: str | None = None
    required: Mapping[str, str] = field(default_factory=dict[str, str])


def described_at(url: str) -> str:
    """The address of the description, of which `url` may leave the well-known part out."""
    return url if _WELL_KNOWN in url else f"{url}{_WELL_KNOWN}"


def is_issuer_of(description: str) -> Callable[[str], bool]:
    """Whether an issuer is the one that is described at the address, whatever stands for the slash at its end."""
    expected = description.removesuffix(_WELL_KNOWN)
    return lambda issuer: issuer.rstrip("/") == expected.rstrip("/")


class OpenIdProvider:
    """A provider that speaks OpenID Connect."""

    def __init__(self, name: str, client: ProviderClient, openid: OpenId, clock: Callable[[], float] = time.time) -> None:
        self.name, self.title = name, client.registration.title
        self._client = client
        self._openid = openid
        self._clock = clock
        self._metadata: Mapping[str, Any] = {}
        self._keys: KeySet | None = None
        self._known_until = 0.0

    async def address(self, secrets: Secrets) -> str:
        metadata = await self._described()
        return self._client.address(metadata["authorization_endpoint"], secrets, {**self._openid.parameters, "nonce": secrets.nonce})

    async def person(self, code: str, secrets: Secrets, issuer: str | None) -> Person:
        metadata = await self._described()
        self._check_issuer(metadata, issuer)
        granted = await self._client.tokens(metadata["token_endpoint"], code, secrets)
        token = granted.get("id_token")
        if not isinstance(token, str):
            raise self._client.unreadable("the provider gave no ID token; it may not take this client for one of OpenID Connect")
        claims = await self._checked(token, granted["access_token"], secrets)
        more = await self._userinfo(claims, granted["access_token"])
        told = {**more, **claims} | (_email_of(claims) or _email_of(more))
        return self._person(told, str(granted.get("scope") or " ".join(self._client.registration.scopes)))

    def farewell(self, home: str) -> str | None:
        if self._openid.farewell is None:
            return None
        joint = "&" if "?" in self._openid.farewell else "?"
        return f"{self._openid.farewell}{joint}{urlencode({'client_id': self._client.registration.client_id, 'returnTo': home})}"

    def _check_issuer(self, metadata: Mapping[str, Any], issuer: str | None) -> None:
        """An answer of another issuer than was asked is somebody's mix-up. https://www.rfc-editor.org/rfc/rfc9207#section-2.4"""
        needed = metadata.get("authorization_response_iss_parameter_supported") is True
        if issuer != metadata["issuer"] and (needed or issuer is not None):
            raise SignInError(f"The answer is not from {self.title}. Sign in again.", f"the answer names the issuer {str(issuer)[:200]!r}")

    async def _described(self) -> Mapping[str, Any]:
        """The provider's description, of which an hour old one will do."""
        if self._clock() >= self._known_until:
            url = self._openid.description
            found = await self._client.get(url)
            metadata = self._metadata_of(found)
            self._keys, self._metadata, self._known_until = None, metadata, self._clock() + _KNOWN_SECONDS
        return self._metadata

    def _metadata_of(self, found: Any) -> Mapping[str, Any]:
        url = self._openid.description
        if not isinstance(found, dict):
            raise self._client.unreadable(f"{url} is no description of a provider")
        metadata = cast("dict[str, Any]", found)
        issuer = metadata.get("issuer")
        if not isinstance(issuer, str) or not self._openid.is_issuer(issuer):
            raise self._client.unreadable(f"{url} describes the issuer {str(issuer)[:200]!r}, which is another one")
        userinfo = ("userinfo_endpoint",) if "userinfo_endpoint" in metadata else ()
        for endpoint in (*_ENDPOINTS, *userinfo):
            address = metadata.get(endpoint)
            if not isinstance(address, str) or urlsplit(address).scheme not in {"https", urlsplit(url).scheme}:
                raise self._client.unreadable(f"{url} has no {endpoint} that is as safe as itself")
        return metadata

    async def _checked(self, token: str, access_token: str, secrets: Secrets) -> Mapping[str, Any]:
        """What the ID token says, once it is known to be signed by the provider, for us, and for this sign-in."""
        try:
            decoded = await self._decoded(token)
            issuer, audience = self._metadata["issuer"], self._client.registration.client_id
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                self._expected(issuer, audience),
                {"nonce": secrets.nonce, "client_id": audience, "access_token": access_token},
            )
            cast("Any", claims).validate(now=int(self._clock()), leeway=_LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            message = f"What {self.title} says of the sign-in is not valid for it. Sign in again; the log says what is wrong."
            raise SignInError(message, f"the ID token was refused: {type(error).__name__}: {error}") from error
        if not isinstance(decoded.claims.get(self._openid.id_claim), str) or not decoded.claims["sub"]:
            raise self._client.unreadable(f"the ID token has no {self._openid.id_claim}")
        return decoded.claims

    def _expected(self, issuer: str, audience: str) -> Any:
        values = {"iss": issuer, "aud": audience, **self._openid.required}
        return {claim: {"essential": True, "value": value} for claim, value in values.items()}

    async def _decoded(self, token: str) -> jwt.Token:
        algorithm = jws.extract_compact(token.encode()).headers().get("alg")
        if algorithm not in self._openid.algorithms:
            raise ValueError(f"it is signed by {str(algorithm)[:20]!r}, which is not among {', '.join(self._openid.algorithms)}")
        fresh = self._keys is None
        try:
            return jwt.decode(token, self._keys or await self._read_keys(), algorithms=list(self._openid.algorithms))
        except (InvalidKeyIdError, BadSignatureError):
            if fresh:
                raise
            # The provider has replaced its keys since they were read.
            return jwt.decode(token, await self._read_keys(), algorithms=list(self._openid.algorithms))

    async def _read_keys(self) -> KeySet:
        found = await self._client.get(self._metadata["jwks_uri"])
        if not isinstance(found, dict) or not isinstance(cast("dict[str, Any]", found).get("keys"), list):
            raise ValueError("the provider publishes no keys")
        self._keys = KeySet.import_key_set(cast("Any", found))
        return self._keys

    async def _userinfo(self, claims: Mapping[str, Any], access_token: str) -> Mapping[str, Any]:
        """What the provider tells beside the ID token, if that leaves something out."""
        address = self._metadata.get("userinfo_endpoint")
        if address is None or all(claim in claims for claim in ("email", "name")):
            return {}
        found = await self._client.get(address, access_token)
        if not isinstance(found, dict):
            raise self._client.unreadable(f"{address} did not tell of anybody")
        told = cast("dict[str, Any]", found)
        if not hmac.compare_digest(str(told.get("sub")).encode(), str(claims["sub"]).encode()):
            raise self._client.unreadable(f"{address} told of somebody else")
        return {claim: told[claim] for claim in _FROM_USERINFO if claim in told}

    def _person(self, claims: Mapping[str, Any], scope: str) -> Person:
        email, verified = _text(claims, "email"), claims.get("email_verified") in (True, "true") or self._openid.trusts_email
        problem = "the provider tells no email" if email is None else "the provider has not verified the email"
        return Person(
            id=str(claims[self._openid.id_claim]),
            username=_text(claims, "preferred_username"),
            email=email if verified else None,
            email_problem=problem,
            display_name=_text(claims, "name"),
            picture=_text(claims, "picture"),
            scope=scope,
        )


def _email_of(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The email and whether it is verified, which have to be said in one place; nothing where there is no email."""
    return {"email": claims["email"], "email_verified": claims.get("email_verified")} if "email" in claims else {}


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None
