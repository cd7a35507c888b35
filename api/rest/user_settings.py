"""What each user's portal keeps for them, at /api/user-settings: values in buckets by keys, as Backstage's user settings have it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast
from urllib.parse import unquote

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.audit import Audit
from api.auth.admission import access_of
from api.rest.answers import answering, json_answer, json_object
from graph.access import PrincipalKind
from graph.entities import canonical_json, content_hash
from graph.errors import ForbiddenError, InputError, LimitExceededError, NotFoundError, StoreUnavailableError
from graph.store import StateRow, StateWrite, Store

SETTINGS = "user-settings"
"""The collection of states that holds them, by user and a digest of bucket and key."""

MOST_SETTINGS = 300
"""How many settings a user may keep."""

MOST_BYTES = 100_000
"""How long a request may be, and with it a value."""

_LONGEST_NAME = 255
_MOST_ASKED = 1000
_PATH = "/api/user-settings"
_LIMIT = "as long as a setting may be"


def user_settings_routes(store: Store, opened: Callable[[], bool], audit: Audit) -> list[Route]:
    """GET, PUT and DELETE of one setting, and POST of `multiget` for many. `opened` tells whether the store is open.

    Whoever asks reaches their own settings and no others; services and tokens for some actions only have none: 403. 400 for what is too
    long or too much.
    """
    settings = _Settings(_Kept(store, opened), audit)
    one = _PATH + "/buckets/{names:path}"
    return [
        Route(one, answering(settings.shown), methods=["GET"]),
        Route(one, answering(settings.put), methods=["PUT"]),
        Route(one, answering(settings.deleted), methods=["DELETE"]),
        Route(_PATH + "/multiget", answering(settings.many), methods=["POST"]),
    ]


class _Settings:
    """Answers requests."""

    def __init__(self, kept: "_Kept", audit: Audit) -> None:
        self._kept = kept
        self._audit = audit

    async def shown(self, request: Request) -> Response:
        user, bucket, key = _user(request), *_named(request)
        value = (await self._kept.values(user, [(bucket, key)]))[0]
        if value is None:
            raise NotFoundError(f"Unable to find '{key}' in bucket '{bucket}'")
        return json_answer({"bucket": bucket, "key": key, "value": orjson.Fragment(value)})

    async def put(self, request: Request) -> Response:
        user, bucket, key = _user(request), *_named(request)
        body = await json_object(request, MOST_BYTES, _LIMIT)
        if "value" not in body:
            raise InputError('Missing required field "value"')
        value = _text(body["value"])
        with self._changing(request, bucket, key):
            await self._kept.put(user, bucket, key, value)
        return json_answer({"bucket": bucket, "key": key, "value": orjson.Fragment(value)})

    async def deleted(self, request: Request) -> Response:
        user, bucket, key = _user(request), *_named(request)
        with self._changing(request, bucket, key):
            await self._kept.delete(user, bucket, key)
        return Response(status_code=204)

    def _changing(self, request: Request, bucket: str, key: str) -> AbstractContextManager[None]:
        return self._audit.doing(access_of(request), "user-settings.change", f"{bucket}/{key}", cause=request.method)

    async def many(self, request: Request) -> Response:
        user = _user(request)
        asked = _asked(await json_object(request, MOST_BYTES, _LIMIT))
        values = await self._kept.values(user, asked)
        return json_answer({"items": [None if value is None else {"value": orjson.Fragment(value)} for value in values]})


class _Kept:
    """The settings in the store. A value is kept as the text of its JSON: it is nobody's business here what it means."""

    def __init__(self, store: Store, opened: Callable[[], bool]) -> None:
        self._store = store
        self._opened = opened

    async def values(self, user: str, named: Sequence[tuple[str, str]]) -> list[str | None]:
        """The JSON of each value, None where there is none."""
        rows = {row.id: row.value["value"] for row in await self._rows(sorted({_id(user, *name) for name in named}))}
        return [rows.get(_id(user, *name)) for name in named]

    async def put(self, user: str, bucket: str, key: str, value: str) -> None:
        """Keep the value. LimitExceededError if the user has as many as one may have."""
        row_id = _id(user, bucket, key)
        if not await self._rows([row_id]) and await self._are_full(user):
            raise LimitExceededError(f"{user} keeps {MOST_SETTINGS} settings, which is as many as one may; delete some first.")
        row = {"bucket": bucket, "key": key, "value": value}
        await self._store.write_states([StateWrite(SETTINGS, row_id, row)])

    async def delete(self, user: str, bucket: str, key: str) -> None:
        """Forget the value, if there is one."""
        if rows := await self._rows([_id(user, bucket, key)]):
            await self._store.write_states([StateWrite(SETTINGS, row.id, None) for row in rows])

    async def _rows(self, ids: Sequence[str]) -> Sequence[StateRow]:
        if not self._opened():
            raise StoreUnavailableError("the store is not open yet")
        return await self._store.states(SETTINGS, ids=ids) if ids else ()

    async def _are_full(self, user: str) -> bool:
        rows = await self._store.states(SETTINGS, after=f"{user}\n", limit=MOST_SETTINGS)
        return sum(row.id.startswith(f"{user}\n") for row in rows) >= MOST_SETTINGS


def _id(user: str, bucket: str, key: str) -> str:
    return f"{user}\n{content_hash(canonical_json([bucket, key]))}"


def _user(request: Request) -> str:
    principal = access_of(request).principal
    if principal.kind is PrincipalKind.SERVICE:
        raise ForbiddenError("This endpoint does not allow 'service' credentials: settings are those of users.")
    if principal.actions is not None:
        raise ForbiddenError("The token is for some actions only, and settings are none of them.")
    return principal.ref


def _named(request: Request) -> tuple[str, str]:
    """Bucket and key. Either may hold slashes, those of a bucket encoded, which only the path as it was sent tells apart."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    bucket, _, rest = path.decode("latin-1").removeprefix(f"{_PATH}/buckets/").partition("/")
    keys, slash, key = rest.partition("/")
    if keys != "keys" or not slash:
        raise HTTPException(404)
    return _name("bucket", unquote(bucket)), _name("key", unquote(key))


def _name(what: str, text: object) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_NAME:
        raise InputError(f"`{what}` has to be a text of 1 to {_LONGEST_NAME} characters.")
    if "\0" in text:
        raise InputError(f"`{what}` must not hold the character NUL.")
    return text


def _asked(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    items = body.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in cast("list[object]", items)):
        raise InputError("`items` has to be a list of objects with `bucket` and `key`.")
    asked = cast("list[dict[str, object]]", items)
    if len(asked) > _MOST_ASKED:
        raise LimitExceededError(f"`items` names {len(asked):,} settings; {_MOST_ASKED:,} at most are answered at once.")
    return [(_name("bucket", item.get("bucket")), _name("key", item.get("key"))) for item in asked]


def _text(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        raise InputError("`value` is nested too deeply to be kept.") from error
