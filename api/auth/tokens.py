"""The tokens that users get, as Backstage's backends issue and verify them: JSON Web Tokens with the user and the refs they own by.

https://backstage.io/docs/backend-system/core-services/auth
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from api.auth.clock import Clock, utc_now
from api.auth.keys import ALGORITHM, Keys, SigningKey
from graph.errors import UnauthenticatedError
from graph.refs import Ref

AUDIENCE = "backstage"
TYPE = "vnd.backstage.user"

_LIMITED_TYPE = "vnd.backstage.limited-user"
_LONGEST = 32_768
"""Characters that Backstage lets a token have."""

_LEEWAY_SECONDS = 5
_log = logging.getLogger("callboard.auth")
INVALID = "The token is not valid here, or not any more. Sign in again."


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token for `expires_in_seconds` from now on. It never shows itself."""

    token: str
    expires_in_seconds: int

    def __repr__(self) -> str:
        return f"IssuedToken(expires_in_seconds={self.expires_in_seconds})"


@dataclass(frozen=True, slots=True)
class UserClaims:
    """What a verified token says: whose it is, the session that it is valid with, and until when."""

    user: Ref
    ownership: tuple[Ref, ...]
    session: str
    expires_at: datetime


class UserTokens:
    """Issues and verifies tokens of `issuer`, each valid for `lifetime` at most."""

    def __init__(self, keys: Keys, issuer: str, lifetime: timedelta, clock: Clock = utc_now) -> None:
        self._keys = keys
        self._issuer = issuer
        self._lifetime = lifetime
        self._clock = clock

    async def issue(self, user: Ref, ownership: Sequence[Ref], *, session: str, until: datetime) -> IssuedToken:
        """A token of the user for a session that ends at `until`. StoreUnavailableError.

        Refs beyond what fits into a token are left out of it; Callboard itself never goes by them.
        """
        now, signing = self._clock(), await self._keys.signing()
        issued = int(now.timestamp())
        expires = int(min(now + self._lifetime, until).timestamp())
        subject: dict[str, Any] = {"sub": user, "iat": issued, "exp": expires}
        claims: dict[str, Any] = {
            "iss": self._issuer,
            **subject,
            "ent": list(ownership),
            "aud": AUDIENCE,
            "jti": str(uuid4()),
            "sid": session,
            "uip": _proof(signing, subject),
        }
        token = _signed(signing, claims)
        while len(token) > _LONGEST and claims["ent"]:
            claims["ent"] = claims["ent"][: len(claims["ent"]) * _LONGEST * 9 // (len(token) * 10)]
            token = _signed(signing, claims)
            _log.warning("%s has more groups than a token may name; it names the first %d", user, len(claims["ent"]))
        return IssuedToken(token, max(0, expires - issued))

    async def verify(self, token: str) -> UserClaims:
        """What the token says. UnauthenticatedError for one that is not ours, not for us, or no longer valid; StoreUnavailableError."""
        try:
            kid = _kid(token)
            key = await self._keys.verifying(kid) if kid else None
            if key is None:
                raise UnauthenticatedError(INVALID)
            return self._checked(token, key)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise UnauthenticatedError(INVALID) from error

    def _checked(self, token: str, key: ECKey) -> UserClaims:
        decoded = jwt.decode(token, key, algorithms=[ALGORITHM])
        if decoded.header.get("typ") != TYPE:
            raise UnauthenticatedError(INVALID)
        claims = decoded.claims
        jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock().timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            sid={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        ).validate(claims)
        ownership = tuple(Ref(str(ref)) for ref in claims.get("ent", ()))
        return UserClaims(Ref(claims["sub"]), ownership, str(claims["sid"]), datetime.fromtimestamp(claims["exp"], UTC))


def _signed(signing: SigningKey, claims: dict[str, Any]) -> str:
    return jwt.encode({"typ": TYPE, "alg": ALGORITHM, "kid": signing.id}, claims, signing.key, algorithms=[ALGORITHM])


def _proof(signing: SigningKey, subject: dict[str, Any]) -> str:
    """The signature of a token that says nothing but whose it is, from which Backstage's backends make one for cookies."""
    header = {"typ": _LIMITED_TYPE, "alg": ALGORITHM, "kid": signing.id}
    content = json.dumps(subject, separators=(",", ":"))
    return jws.serialize_compact(header, content, signing.key, algorithms=[ALGORITHM]).rpartition(".")[2]


def _kid(token: str) -> str | None:
    kid = jws.extract_compact(token.encode()).headers().get("kid")
    return kid if isinstance(kid, str) and kid else None
