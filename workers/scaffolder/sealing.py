"""Encryption of what tasks must not leave in the store in clear: secrets, values that only later steps read, and workspaces."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config import Config
from config.backend import SqliteDatabase
from graph.errors import ConflictError

_NONCE_BYTES = 12
_PURPOSE = b"callboard scaffolder tasks"


class UnsealableError(ConflictError):
    """What was encrypted can't be read, because the key is another one now."""


class Seal:
    """Encrypts and authenticates. What is sealed is bound to a name, under which alone it opens: rows can't be exchanged."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, None, _PURPOSE).derive(secret))

    def close(self, content: bytes, name: str) -> bytes:
        """The content encrypted."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """The content. UnsealableError if it was encrypted by another key, for another name, or changed since."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag as error:
            raise UnsealableError("it was encrypted with another key; was scaffolder.encryptionKey changed?") from error

    def close_json(self, value: Any, name: str) -> str:
        """The value encrypted, as text for a row."""
        return self.close(orjson.dumps(value), name).hex()

    def open_json(self, text: str, name: str) -> Any:
        """As `open`, for what `close_json` gave."""
        return orjson.loads(self.open(bytes.fromhex(text), name))


def seal_from(config: Config) -> Seal:
    """The seal of a configuration; with an embedded store the file of its key is made if there is none.

    ConflictError where a key has to be configured, because several processes need the same one.
    """
    key = config.scaffolder.encryption_key
    if key is not None:
        return Seal(key.get_secret_value().encode())
    database = config.backend.database
    if not isinstance(database, SqliteDatabase):
        raise ConflictError("templates can't be run: without the embedded store they need scaffolder.encryptionKey to be configured")
    return Seal(_kept_key(database.connection.filename))


def _kept_key(database: Path) -> bytes:
    """The key in the file beside the database, made there if there is none."""
    path = database.with_name(f"{database.name}.key")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Written elsewhere first, so that nobody finds half a key. mkstemp's files are their owner's alone.
        handle, made = mkstemp(dir=path.parent, prefix=f"{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(made, path)
        Path(made).unlink()
    return path.read_bytes()
