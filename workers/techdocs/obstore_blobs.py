"""Blob storage on obstore: a local folder, S3 and what speaks it, Google Cloud Storage, or Azure."""

import asyncio
import re
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store
from pydantic import SecretStr

from config.storage import Storage
from graph.errors import InputError
from workers.techdocs.blobs import Blob, BlobInfo, BlobsUnavailableError

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import AzureConfig, ClientConfig, RetryConfig, S3Config

_Store = LocalStore | S3Store | GCSStore | AzureStore

# Typed in part alone: pyarrow's types are not here.
_LISTING = cast("Any", obstore)
_CONNECT = timedelta(seconds=5)
_WHOLE = timedelta(seconds=120)
_RETRIES: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}
_DELETED_AT_ONCE = 500
_AT_ONCE = 16
_LONGEST_PATH, _LONGEST_NAME = 1000, 240
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\\]")
_STAGED = re.compile(r"#\d+$")


class ObstoreBlobs:
    """The files of one storage. Nothing is asked of it before the first method is called."""

    def __init__(self, storage: Storage) -> None:
        place, self._root = storage.place
        self._store = _opened(storage, place)
        self._named = storage.url

    async def find(self, path: str) -> BlobInfo | None:
        if not _is_path(path):
            return None
        with self._told("read"):
            try:
                return self._info(await obstore.head_async(self._store, self._key(path)))
            except (FileNotFoundError, BaseError) as error:
                return self._missing(error)

    async def read(self, path: str, span: tuple[int, int] | None = None) -> Blob | None:
        if not _is_path(path):
            return None
        if span is not None:
            found = await self.find(path)
            if found is None or span[0] >= found.size:
                return found and Blob(found, b"")
        with self._told("read"):
            try:
                result = await obstore.get_async(self._store, self._key(path), options={"range": span} if span else {})
                return Blob(self._info(result.meta), bytes(await result.bytes_async()))
            except (FileNotFoundError, BaseError) as error:
                return self._missing(error)

    async def write(self, path: str, content: bytes, content_type: str | None = None) -> None:
        if not _is_path(path):
            raise InputError(f"{path!r} can't be the path of a file: names of at most {_LONGEST_NAME} bytes, joined by slashes.")
        keeps_types = content_type is not None and not isinstance(self._store, LocalStore)
        with self._told("write"):
            await obstore.put_async(
                self._store,
                self._key(path),
                content,
                attributes={"Content-Type": content_type} if keeps_types and content_type else None,
                use_multipart=False,
            )

    async def delete(self, paths: Sequence[str]) -> None:
        keys = [self._key(path) for path in paths if _is_path(path)]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            await self._delete(keys[start : start + _DELETED_AT_ONCE])

    async def listed(self, folder: str) -> AsyncIterator[BlobInfo]:
        with self._told("list"):
            async for found in _LISTING.list(self._store, self._key(folder) or None, chunk_size=1000):
                for meta in found:
                    yield self._info(meta)

    async def folders(self, folder: str) -> Sequence[str]:
        with self._told("list"):
            found = await _LISTING.list_with_delimiter_async(self._store, self._key(folder) or None)
        return sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"])

    async def check(self) -> None:
        await self.find(".callboard-check")

    async def _delete(self, keys: Sequence[str]) -> None:
        with self._told("write"):
            if isinstance(self._store, S3Store):
                await obstore.delete_async(self._store, keys)
                return
            at_once = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._delete_one(key, at_once) for key in keys))

    async def _delete_one(self, key: str, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            try:
                await obstore.delete_async(self._store, key)
            except (FileNotFoundError, BaseError) as error:
                self._missing(error)

    def _missing(self, error: Exception) -> None:
        """Return if it only says that there is no such file, be it because there is one where a folder would have to be."""
        if not isinstance(error, FileNotFoundError) and not (isinstance(self._store, LocalStore) and "Not a directory" in str(error)):
            raise error

    def _key(self, path: str) -> str:
        return "/".join(part for part in (self._root, path) if part)

    def _info(self, meta: "ObjectMeta") -> BlobInfo:
        path = meta["path"].removeprefix(f"{self._root}/" if self._root else "")
        # Azure and S3 always say one.
        etag = meta["e_tag"] or f"{meta['size']:x}-{meta['last_modified'].timestamp():.6f}"
        return BlobInfo(path, meta["size"], etag.removeprefix("W/").strip('"'), meta["last_modified"])

    @contextmanager
    def _told(self, doing: str) -> Generator[None]:
        """Errors of the storage as the one that callers know, without what it said: that may quote addresses and keys."""
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            reason = type(error).__name__.removesuffix("Error")
            raise BlobsUnavailableError(
                f"The storage {self._named} could not be {_PAST[doing]} ({reason}). Try again; if it stays so, see backend.storage."
            ) from error


_PAST = {"read": "read", "write": "written to", "list": "listed"}


def _opened(storage: Storage, place: str) -> _Store:
    given = storage.credentials
    client: ClientConfig = {"connect_timeout": _CONNECT, "timeout": _WHOLE, "allow_http": (storage.endpoint or "").startswith("http://")}
    if storage.kind == "file":
        return LocalStore(Path(place).expanduser().absolute(), automatic_cleanup=True, mkdir=True)
    if storage.kind == "gs":
        # What the key says of its endpoint is the operator's word, and may be a loopback address.
        client["allow_http"] = True
        key = _said(given.service_account_key)
        return GCSStore(place, service_account_key=key, client_options=client, retry_config=_RETRIES)
    if storage.kind == "s3":
        return S3Store(place, config=_s3(storage), client_options=client, retry_config=_RETRIES)
    return AzureStore(place, config=_azure(storage), client_options=client, retry_config=_RETRIES)


def _s3(storage: Storage) -> "S3Config":
    """All that would else be looked for in the environment is said, so that nothing there changes where requests go."""
    given, path_style = storage.credentials, storage.force_path_style
    in_path = storage.endpoint is not None if path_style is None else path_style
    endpoint = (storage.endpoint or f"https://s3.{storage.region}.amazonaws.com").rstrip("/")
    if not in_path:
        scheme, _, host = endpoint.partition("://")
        endpoint = f"{scheme}://{storage.place[0]}.{host}"
    config: S3Config = {
        "access_key_id": given.access_key_id or "",
        "secret_access_key": _said(given.secret_access_key),
        "region": storage.region,
        "endpoint": endpoint,
        "virtual_hosted_style_request": not in_path,
        "skip_signature": False,
    }
    if given.session_token:
        config["session_token"] = _said(given.session_token)
    return config


def _azure(storage: Storage) -> "AzureConfig":
    given = storage.credentials
    name = given.account_name or ""
    config: AzureConfig = {"account_name": name, "endpoint": storage.endpoint or f"https://{name}.blob.core.windows.net"}
    if given.account_key:
        return {**config, "account_key": _said(given.account_key)}
    if given.sas_token:
        return {**config, "sas_key": _said(given.sas_token)}
    tenant, client = given.tenant_id or "", given.client_id or ""
    return {**config, "tenant_id": tenant, "client_id": client, "client_secret": _said(given.client_secret)}


def _said(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _is_path(path: str) -> bool:
    """Whether every storage can have a file there. What a folder would take for half of a write is none."""
    names = path.split("/")
    if len(path.encode()) > _LONGEST_PATH or _UNUSABLE.search(path):
        return False
    return all(name not in ("", ".", "..") and len(name.encode()) <= _LONGEST_NAME and not _STAGED.search(name) for name in names)
