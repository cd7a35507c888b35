"""Signing in of programs without a browser: the device asks, its user allows it in a browser, and the device gets a token.

https://datatracker.ietf.org/doc/html/rfc8628
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from api.auth.clock import Clock, utc_now
from api.auth.personal import NewToken, PersonalTokens
from graph.access import Principal, PrincipalKind
from graph.errors import NotFoundError, StaleWriteError
from graph.refs import Ref
from graph.store import StateRow, StateWrite, Store

LASTS = timedelta(minutes=10)
INTERVAL_SECONDS = 5
TOKEN_LASTS = timedelta(days=30)

_COLLECTION = "deviceLogins"
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""Without vowels and digits, as the specification advises: no words arise, and nothing is taken for something else."""

_CODE_LENGTH = 8
_LONGEST_NAME = 60
_CLEARED_AT_ONCE = 200


class DeviceError(Exception):
    """The device gets no token (yet). `code` is the specification's word for why."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code, self.description = code, description


@dataclass(frozen=True, slots=True)
class DeviceCodes:
    """What a device is told: the secret that it asks with, and the code that its user types in a browser."""

    device_code: str
    user_code: str

    def __repr__(self) -> str:
        return "DeviceCodes()"


class DeviceLogins:
    """Logins of devices that are under way, kept in the store for all processes. A device is asked to wait `interval_seconds` between two
    questions.
    """

    def __init__(
        self, store: Store, personal: PersonalTokens, *, interval_seconds: float = INTERVAL_SECONDS, clock: Clock = utc_now
    ) -> None:
        self._store = store
        self._personal = personal
        self._interval = timedelta(seconds=interval_seconds)
        self._clock = clock

    async def begin(self, device: str) -> DeviceCodes:
        """The codes of a new login. `device` is what the device calls itself. StoreUnavailableError."""
        now = self._clock()
        login, secret = secrets.token_hex(16), secrets.token_urlsafe(32)
        letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        value = {"secret": _digest(secret), "device": _plain(device), "state": "pending", "asked": None, "code": _code_id(letters)}
        gone = await self._store.states(_COLLECTION, due_by=now, limit=_CLEARED_AT_ONCE)
        await self._store.write_states(
            [
                *(StateWrite(_COLLECTION, row.id, None) for row in gone),
                StateWrite(_COLLECTION, login, value, due=now + LASTS),
                StateWrite(_COLLECTION, _code_id(letters), {"login": login}, due=now + LASTS),
            ]
        )
        return DeviceCodes(f"{login}.{secret}", shown_code(letters))

    async def device_of(self, user_code: str) -> str:
        """What the device calls itself whose login waits under this code. NotFoundError if none does; StoreUnavailableError."""
        return (await self._waiting(user_code)).value["device"]

    async def decide(self, user_code: str, principal: Principal, *, allowed: bool) -> str:
        """Allow or refuse the login that waits under this code, and return what the device calls itself. NotFoundError if none does."""
        row = await self._waiting(user_code)
        state = "allowed" if allowed else "refused"
        value: dict[str, Any] = {**row.value, "state": state, "user": principal.ref, "guest": principal.kind is PrincipalKind.GUEST}
        code = StateWrite(_COLLECTION, row.value["code"], None)
        try:
            await self._store.write_states([StateWrite(_COLLECTION, row.id, value, due=row.due, expected=row.version), code])
        except StaleWriteError:
            # The device asked at the same moment, which changes nothing but the time of it.
            return await self.decide(user_code, principal, allowed=allowed)
        return value["device"]

    async def token(self, device_code: str) -> NewToken:
        """The token of a login that was allowed, told once. DeviceError if it was not (yet); StoreUnavailableError."""
        row = await self._row_of(device_code)
        match row.value["state"]:
            case "pending":
                raise await self._told_to_wait(row)
            case "refused":
                await self._drop(row)
                raise DeviceError("access_denied", "The login was refused in the browser.")
            case _:
                await self._drop(row)
        kind = PrincipalKind.GUEST if row.value["guest"] else PrincipalKind.USER
        principal = Principal(Ref(row.value["user"]), kind, ())
        return await self._personal.create(principal, f"callboard login ({row.value['device']})", ["*"], TOKEN_LASTS)

    async def _told_to_wait(self, row: StateRow) -> DeviceError:
        now, asked = self._clock(), row.value["asked"]
        value = {**row.value, "asked": now.isoformat()}
        try:
            await self._store.write_states([StateWrite(_COLLECTION, row.id, value, due=row.due, expected=row.version)])
        except StaleWriteError:
            return DeviceError("authorization_pending", "The login was not allowed yet.")
        if asked is not None and now - datetime.fromisoformat(asked) < self._interval * 0.9:
            return DeviceError("slow_down", "Wait longer between two questions.")
        return DeviceError("authorization_pending", "The login was not allowed yet.")

    async def _drop(self, row: StateRow) -> None:
        try:
            await self._store.write_states([StateWrite(_COLLECTION, row.id, None, expected=row.version)])
        except StaleWriteError as error:
            raise DeviceError("invalid_grant", "The login has ended.") from error

    async def _row_of(self, device_code: str) -> StateRow:
        login, _, secret = device_code.partition(".")
        rows = await self._store.states(_COLLECTION, ids=[login] if login.isascii() and login.isalnum() else [])
        if not rows or not hmac.compare_digest(rows[0].value["secret"], _digest(secret)):
            raise DeviceError("invalid_grant", "There is no such login, or it has ended.")
        if _is_over(rows[0], self._clock()):
            raise DeviceError("expired_token", "The login took too long. Begin again.")
        return rows[0]

    async def _waiting(self, user_code: str) -> StateRow:
        codes = await self._store.states(_COLLECTION, ids=[_code_id(_letters(user_code))])
        rows = await self._store.states(_COLLECTION, ids=[row.value["login"] for row in codes])
        if not rows or _is_over(rows[0], self._clock()) or rows[0].value["state"] != "pending":
            raise NotFoundError("No device waits under this code. It may have expired; start the login on the device again.")
        return rows[0]


def shown_code(user_code: str) -> str:
    """The code as devices show it, however it was typed."""
    letters = _letters(user_code)
    return f"{letters[:4]}-{letters[4:]}"


def _letters(user_code: str) -> str:
    return "".join(letter for letter in user_code.upper() if letter in _ALPHABET)


def _is_over(row: StateRow, now: datetime) -> bool:
    return row.due is not None and row.due <= now


def _plain(device: str) -> str:
    """The device's name as far as it can be shown."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in device).split())
    return text[:_LONGEST_NAME] or "a device"


def _code_id(letters: str) -> str:
    return f"code-{_digest(letters)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def answer_of(codes: DeviceCodes, page: str, interval_seconds: float) -> Mapping[str, Any]:
    """What the specification has a server answer to a device that begins (section 3.2). `page` is where its user types the code."""
    return {
        "device_code": codes.device_code,
        "user_code": codes.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={codes.user_code}",
        "expires_in": int(LASTS.total_seconds()),
        "interval": interval_seconds,
    }
