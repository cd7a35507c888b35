"""From configuration files to the one model: find, read, resolve references, merge, validate."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from config.backend import SqliteDatabase
from config.errors import ConfigurationError
from config.keys import nearest, sections_at
from config.model import Config
from config.paths import anchored, shown_path
from config.placeholders import Surroundings, resolve
from config.settings import Place, Setting, merge, read_settings

ENVIRONMENT = "CALLBOARD_ENV"
"""The variable that names the environment of the default files; `local` if it is not set."""

_RELATIVE_FOLDER = re.compile(r"file:(?!/)(?=.)")
_FOLDER_URL = ("backend", "storage", "url")
_PATH_KEYS = (
    ("backend", "database", "connection", "filename"),
    ("backend", "reading", "cacheFolder"),
    ("backend", "audit", "file"),
    ("search", "folder"),
    ("catalog", "locations", "*", "target"),
    ("graphql", "trustedDocuments", "path"),
    ("catalog", "providers", "clones", "*", "path"),
    ("catalog", "registration", "fileRoots", "*"),
    ("techdocs", "publisher", "local", "publishDirectory"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """The files that made up a configuration, and the variables they asked for that are not set, by key."""

    files: tuple[Path, ...]
    unset: Mapping[str, str] = field(default_factory=dict[str, str])


def load(paths: Sequence[Path] = (), environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Config:
    """The configuration from the named files, in order, or from the default files of `folder` (the working directory).

    ConfigurationError with every problem found.
    """
    return load_with_source(paths, environ, folder)[0]


def load_with_source(
    paths: Sequence[Path] = (), environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> tuple[Config, Source]:
    """As load, with where it came from."""
    environ = os.environ if environ is None else environ
    folder = folder or Path.cwd()
    files = tuple(path.absolute() for path in paths) or default_files(folder, environ)
    unset: dict[str, str] = {}
    merged = Setting({}, Place(folder, 1))
    for file in files:
        own = resolve(_mapping(read_settings(file)), Surroundings(environ, file.parent, unset))
        merged = merge(merged, own) if own is not None else merged
    config = _validated(_anchored(merged, (), folder), unset)
    refused = (*_refused(config, merged), *_left_open(merged, unset))
    if refused:
        raise _together(refused)
    return config, Source(files, unset)


def default_files(folder: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """app-config.yaml and app-config.<environment>.yaml of the folder, as far as they exist.

    ConfigurationError if an environment is named that has no file.
    """
    named = environ.get(ENVIRONMENT)
    specific = folder / f"app-config.{named or 'local'}.yaml"
    if named and not specific.is_file():
        raise ConfigurationError("", f"{ENVIRONMENT} is {named}, but there is no {shown_path(specific)}")
    return tuple(file for file in (folder / "app-config.yaml", specific) if file.is_file())


def _mapping(setting: Setting) -> Setting:
    if not isinstance(setting.value, Mapping):
        raise ConfigurationError("", "a configuration is a mapping of keys", str(setting.place))
    return setting


def _anchored(setting: Setting, path: tuple[str, ...], folder: Path) -> Setting:
    """The settings with relative paths made absolute, each by the folder of the file that holds it."""
    if isinstance(setting.value, Mapping):
        return Setting({k: _anchored(v, (*path, k), folder) for k, v in setting.value.items()}, setting.place)
    if isinstance(setting.value, list):
        return Setting([_anchored(v, (*path, "*"), folder) for v in setting.value], setting.place)
    if any(_is_at(path, key) for key in _PATH_KEYS) and isinstance(setting.value, str) and "://" not in setting.value:
        return Setting(anchored(setting.value, setting.place.file.parent), setting.place)
    if path == _FOLDER_URL and isinstance(setting.value, str) and _RELATIVE_FOLDER.match(setting.value):
        return Setting(f"file:{anchored(setting.value.removeprefix('file:'), setting.place.file.parent)}", setting.place)
    return setting


def _is_at(path: tuple[str, ...], key: tuple[str, ...]) -> bool:
    return len(path) == len(key) and all(known in ("*", part) for part, known in zip(path, key, strict=True))


def _validated(merged: Setting, unset: Mapping[str, str]) -> Config:
    try:
        return Config.model_validate(merged.plain())
    except ValidationError as invalid:
        raise _together([_explained(error, merged, unset) for error in invalid.errors(include_url=False, include_input=False)]) from invalid


def _together(errors: Sequence[ConfigurationError]) -> ConfigurationError:
    """One error that holds them all, in the order of their places."""
    first, *others = sorted(errors, key=_by_place)
    return ConfigurationError(first.key, first.message, first.place, others)


def _by_place(error: ConfigurationError) -> tuple[str, int]:
    file, _, line = (error.place or "").rpartition(":")
    return file, int(line) if line.isdecimal() else 0


def _explained(error: ErrorDetails, merged: Setting, unset: Mapping[str, str]) -> ConfigurationError:
    """A validation error in words for the author of the file; never with the value, which may be a secret."""
    path, siblings = sections_at(error["loc"])
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    place = str(merged.find(path).place) if merged.value else None
    match error["type"]:
        case "extra_forbidden":
            message = f"unknown key; {nearest(str(path[-1]), siblings)}"
        case "missing" | "union_tag_not_found" if key in unset:
            message = f"is required, and ${unset[key]} is not set"
        case "missing":
            message = "is required"
        case "value_error":
            message = error["msg"].removeprefix("Value error, ")
        case _:
            message = error["msg"].removeprefix("Input ")
    return ConfigurationError(key, message, place)


def _refused(config: Config, merged: Setting) -> Iterator[ConfigurationError]:
    """Combinations that can't work, or not safely."""
    if config.backend.queue is not None and isinstance(config.backend.database, SqliteDatabase):
        yield _refusal(
            merged, "backend.database.client", "has to be neo4j where backend.queue.url is set: several processes can't share one file"
        )
    if config.backend.queue is not None and config.search.engine is not None:
        yield _refusal(merged, "search.engine", "can't be embedded where backend.queue.url is set: name a server in search.meilisearch")
    if config.search.engine is not None and config.search.meilisearch is not None:
        yield _refusal(merged, "search.engine", "and search.meilisearch name two engines; remove one of them")
    yield from _unshared(config, merged)
    yield from _unsafe(config, merged)
    for key, host, kind in config.catalog.providers.hosts_named:
        if host not in {integration.host for integration in getattr(config.integrations, kind)}:
            yield _refusal(merged, key, f"names {host}, which is none of integrations.{to_camel(kind)}; add it there")


def _unshared(config: Config, merged: Setting) -> Iterator[ConfigurationError]:
    """Storages of files that are two, or that not all processes reach."""
    publisher, storage = config.techdocs.publisher, config.blob_storage
    if publisher is not None and config.backend.storage is not None:
        yield _refusal(merged, "techdocs.publisher", "and backend.storage name two storages; remove one of them")
    if config.backend.queue is not None and storage is not None and storage.kind == "file":
        key, others = ("techdocs.publisher.type", "another than local") if publisher else ("backend.storage.url", "s3://, gs:// or az://")
        yield _refusal(merged, key, f"has to be {others} where backend.queue.url is set: several processes can't share one folder")


def _unsafe(config: Config, merged: Setting) -> Iterator[ConfigurationError]:
    """What would let in people who have not signed in."""
    auth, backend = config.auth, config.backend
    beyond, disabled = not is_loopback(backend.listen.host), backend.auth.dangerously_disable_default_auth_policy
    if beyond and not disabled and auth is None:
        yield _refusal(
            merged,
            "backend.listen.host",
            "goes beyond loopback, where anyone could read the catalog without sign-in; configure a provider under auth.providers, listen "
            "on 127.0.0.1, or see backend.auth.dangerouslyDisableDefaultAuthPolicy",
        )
    if auth is None:
        return
    if auth.providers.guest is not None and beyond and not disabled:
        reason = (
            "beyond it anyone could go on as a guest"
            if auth.signs_people_in
            else "guest is the only provider, which asks nobody who they are"
        )
        yield _refusal(
            merged, "auth.providers.guest", f"is for loopback alone, and backend.listen.host goes beyond it: {reason}; remove it"
        )
    if auth.refuses_guests:
        message = f"is for development, and auth.environment is {auth.environment}; remove it, or see dangerouslyAllowOutsideDevelopment"
        yield _refusal(merged, "auth.providers.guest", message)
    if not auth.signs_people_in and auth.providers.guest is None and not backend.auth.external_access:
        yield _refusal(
            merged, "auth", f"has no provider for the environment {auth.environment}, so that nobody could sign in; name one there"
        )
    if disabled:
        message = "lets everybody in, while auth asks people to sign in; remove one of them"
        yield _refusal(merged, "backend.auth.dangerouslyDisableDefaultAuthPolicy", message)


def _left_open(merged: Setting, unset: Mapping[str, str]) -> Iterator[ConfigurationError]:
    """What has no value in the policy. Elsewhere such a key counts as absent, but a condition that is absent lets everything through."""
    if isinstance(merged.value, Mapping) and "permission" in merged.value:
        yield from _without_value(merged.value["permission"], "permission")
    for key in (key for key in unset if key.startswith(("permission.", "permission["))):
        yield _refusal(merged, key, f"needs ${unset[key]}, which is not set")


def _without_value(setting: Setting, key: str) -> Iterator[ConfigurationError]:
    if setting.value is None:
        yield ConfigurationError(key, "has no value; write one, or leave the key out", str(setting.place))
    elif isinstance(setting.value, Mapping):
        for name, below in setting.value.items():
            yield from _without_value(below, f"{key}.{name}")
    elif isinstance(setting.value, list):
        for index, item in enumerate(setting.value):
            yield from _without_value(item, f"{key}[{index}]")


def _refusal(merged: Setting, key: str, message: str) -> ConfigurationError:
    return ConfigurationError(key, message, str(merged.find(tuple(key.split("."))).place))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def redacted(config: Config) -> dict[str, Any]:
    """The effective configuration by its keys, secrets replaced by asterisks."""
    return config.model_dump(mode="json", by_alias=True)
