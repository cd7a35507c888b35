"""Opaque cursors and ids: what a client hands back without looking inside."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import cast

import orjson

from graph.entities import content_hash
from graph.errors import InputError, InvalidCursorError
from graph.refs import Ref
from graph.store import Keyset

_ENTITY_ID = "entity:"


def cursor_of(scope: str, keyset: Keyset) -> str:
    """The cursor of the row at `keyset`; `scope` names the connection and its ordering, and no other accepts it."""
    return _encode(orjson.dumps([_fingerprint(scope), *keyset]))


def keyset_of(scope: str, cursor: str) -> Keyset:
    """The keyset within the cursor. InvalidCursorError if it is malformed or of another scope."""
    try:
        content = orjson.loads(_decode(cursor))
    except ValueError:
        content = None
    if not isinstance(content, list):
        raise InvalidCursorError("the cursor is malformed; hand back a cursor as it was received, or leave it out to start over")
    fingerprint, *keyset = cast("list[object]", content) or [None]
    if fingerprint != _fingerprint(scope) or not all(value is None or isinstance(value, str) for value in keyset):
        raise InvalidCursorError("the cursor is of another connection or ordering; leave it out to start over")
    return tuple(cast("list[str | None]", keyset))


def id_of(ref: Ref) -> str:
    """The entity's global id, the same after every move."""
    return _encode(f"{_ENTITY_ID}{ref}".encode())


def ref_of_id(id: str) -> Ref:
    """The ref within a global id. InputError if it is none."""
    try:
        text = _decode(id).decode()
    except ValueError:
        text = ""
    if not text.startswith(_ENTITY_ID):
        raise InputError(f"{id!r} is no id of this catalog; hand back an id as it was received")
    return Ref(text.removeprefix(_ENTITY_ID))


def _fingerprint(scope: str) -> str:
    return content_hash(scope.encode())[:8]


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (Base64Error, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from error
