"""Who services are: those with a fixed token, and those with tokens of issuers that are trusted, as in Backstage's externalAccess."""

import asyncio
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key, KeySet

from api.auth.clock import Clock, utc_now
from config.service_access import AccessRestriction, ExternalAccess, ExternalAccessOptions
from graph.access import Action, Principal, PrincipalKind
from graph.errors import UnauthenticatedError
from graph.refs import Ref
from plugins.contract import SourceError
from plugins.outbound.client import Outbound

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms that check with a public key. None of the others is ever taken: with them, who can check can sign."""

_KEPT_SECONDS = 600.0
_ASKED_AGAIN_SECONDS = 30.0
_MOST_BYTES = 512 * 1024
_TIMEOUT_SECONDS = 10.0
_LEEWAY_SECONDS = 5
_ATTRIBUTES = {"refresh": "update", "query": "read"}

_log = logging.getLogger("callboard.auth")


class _Algorithms(jws.JWSRegistry):
    """The algorithms that are taken, with room for the headers of other issuers, which may hold certificates."""

    max_header_length = 8 * 1024

    def __init__(self, algorithms: Sequence[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)

    def get_alg(self, name: str) -> JWSAlgModel:
        # The library warns that EdDSA has got other names, which issuers don't use yet.
        return self.algorithms[name] if name == "EdDSA" and name in (self.allowed or ()) else super().get_alg(name)


_ANY = _Algorithms(ASYMMETRIC)


class ServiceAccess:
    """Finds services by their tokens."""

    def __init__(self, entries: Sequence[ExternalAccess], outbound: Outbound | None, clock: Clock = utc_now) -> None:
        """`outbound` reads the keys of issuers; None where none is configured."""
        self._static = [_Static.of(entry) for entry in entries if entry.type == "static"]
        issued = [entry for entry in entries if entry.type == "jwks"]
        self._issuers = [_Issuer(entry, outbound, clock) for entry in issued] if outbound else []

    async def principal_of(self, token: str) -> Principal | None:
        """The service whose token it is; None if it is none of theirs. UnauthenticatedError for one of an issuer that can't be checked."""
        digest = sha256(token.encode()).digest()
        # All are compared, so that the time tells nothing of which is nearly right.
        found = [entry.principal for entry in self._static if hmac.compare_digest(entry.digest, digest)]
        if found:
            return found[0]
        said = _said(token) if self._issuers else None
        if said is None:
            return None
        for issuer in self._issuers:
            principal = await issuer.principal_of(token, said)
            if principal is not None:
                return principal
        return None


@dataclass(frozen=True, slots=True)
class _Static:
    digest: bytes
    principal: Principal

    @staticmethod
    def of(entry: ExternalAccess) -> "_Static":
        token = entry.options.token.get_secret_value() if entry.options.token else ""
        principal = _service(entry.options.subject or "", actions_within(entry.access_restrictions))
        return _Static(sha256(token.encode()).digest(), principal)


class _Issuer:
    """One issuer, whose keys are read when they are needed and kept for ten minutes."""

    def __init__(self, entry: ExternalAccess, outbound: Outbound, clock: Clock) -> None:
        self._options: ExternalAccessOptions = entry.options
        self._actions = actions_within(entry.access_restrictions)
        self._algorithms = _Algorithms(entry.options.algorithm or ASYMMETRIC)
        self._outbound = outbound
        self._clock = clock
        self._keys: Mapping[str | None, Key] = {}
        self._try_at = self._stale_at = float("-inf")
        self._reading = asyncio.Lock()

    async def principal_of(self, token: str, said: Mapping[str, Any]) -> Principal | None:
        """The service; None if the token is not of this issuer, or not valid."""
        if said["alg"] not in (self._algorithms.allowed or ()) or (self._options.issuer and said["iss"] not in self._options.issuer):
            return None
        key = await self._key(said["kid"])
        if key is None:
            return None
        try:
            claims = jwt.decode(token, lambda _: key, registry=self._algorithms).claims
            self._check(claims)
        except (JoseError, ValueError, TypeError, RecursionError):
            return None
        prefix = f"external:{self._options.subject_prefix}:" if self._options.subject_prefix else "external:"
        return _service(f"{prefix}{claims['sub']}", self._actions, datetime.fromtimestamp(claims["exp"], UTC))

    def _check(self, claims: dict[str, Any]) -> None:
        options: dict[str, Any] = {"sub": {"essential": True}, "exp": {"essential": True}}
        if self._options.issuer:
            options["iss"] = {"essential": True, "values": list(self._options.issuer)}
        if self._options.audience:
            options["aud"] = {"essential": True, "values": list(self._options.audience)}
        now = int(self._clock().timestamp())
        jwt.JWTClaimsRegistry(now=now, leeway=_LEEWAY_SECONDS, **options).validate(claims)

    async def _key(self, kid: str | None) -> Key | None:
        """The issuer's key of this id. UnauthenticatedError if its keys can't be read and none are known."""
        now = asyncio.get_running_loop().time()
        async with self._reading:
            if now >= self._try_at and (now >= self._stale_at or kid not in self._keys):
                self._try_at = now + _ASKED_AGAIN_SECONDS
                await self._read()
                self._stale_at = now + _KEPT_SECONDS
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    async def _read(self) -> None:
        url = self._options.url or ""
        try:
            content, _ = await self._outbound.get_json(url, max_bytes=_MOST_BYTES, timeout_seconds=_TIMEOUT_SECONDS, any_host=True)
            self._keys = {key.kid: key for key in KeySet.import_key_set(_asymmetric(content)).keys}
        except (SourceError, JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            # Keys that were read before are still the best that is known; that is tried again soon.
            _log.warning("the keys at %s can't be read: %s", url, error)
            if not self._keys:
                raise UnauthenticatedError("The keys of the token's issuer can't be read at the moment. Try again.") from error


def actions_within(restrictions: Sequence[AccessRestriction]) -> frozenset[Action] | None:
    """The actions that access restrictions allow; None for all, where there are none."""
    if not restrictions:
        return None
    return frozenset(action for restriction in restrictions for action in Action if _is_within(action, restriction))


def _is_within(action: Action, restriction: AccessRestriction) -> bool:
    if action.partition(".")[0] != restriction.plugin:
        return False
    if restriction.permission is not None and action not in restriction.permission:
        return False
    attribute = restriction.permission_attribute.action if restriction.permission_attribute else None
    last = action.rpartition(".")[2]
    return attribute is None or _ATTRIBUTES.get(last, last) in attribute


def _service(subject: str, actions: frozenset[Action] | None, expires_at: datetime | None = None) -> Principal:
    ref = Ref(f"service:default/{subject}".lower())
    return Principal(ref, PrincipalKind.SERVICE, (ref,), actions, expires_at)


def _said(token: str) -> Mapping[str, Any] | None:
    """What an unchecked token says of its key and its issuer; None if it is no JSON Web Token."""
    try:
        parsed = jws.extract_compact(token.encode(), registry=_ANY)
        header, claims = parsed.headers(), orjson.loads(parsed.payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    kid, issuer = header.get("kid"), cast("dict[str, Any]", claims).get("iss") if isinstance(claims, dict) else None
    return {"alg": header.get("alg"), "kid": kid if isinstance(kid, str) else None, "iss": issuer}


def _asymmetric(content: Any) -> Any:
    """The key set without keys by which whoever can check could sign."""
    return {"keys": [key for key in content["keys"] if key.get("kty") != "oct" and key.get("use", "sig") == "sig"]}
