"""Trusted documents: operations that were registered beforehand, and are asked for by their id alone.

https://github.com/graphql/graphql-over-http/pull/264, and Apollo's automatic persisted queries
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import orjson

from config.errors import ConfigurationError
from config.graphql import TrustedDocuments
from graph.errors import CallboardError, ForbiddenError, InputError

_KEY = "graphql.trustedDocuments.path"
_SUFFIXES = frozenset({".graphql", ".gql"})
_SHA256 = "sha256:"
_LONGEST_SHOWN_ID = 80


class PersistedQueryNotFoundError(CallboardError):
    """No operation is registered under the id, and none was sent along."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class Documents:
    """The registered operations, by the sha256 of their text, and by the ids that a manifest or a file's name gives them.

    With `only`, nothing else is executed.
    """

    def __init__(self, texts: Mapping[str, str] | None = None, *, only: bool = False) -> None:
        by_id = texts or {}
        self._by_id = {**{_digest(text): text for text in by_id.values()}, **by_id}
        self._only = only

    def __len__(self) -> int:
        return len(set(self._by_id.values()))

    def text_of(self, parameters: Mapping[str, object]) -> str:
        """The document that a request asks for, by its text, its id, or both.

        PersistedQueryNotFoundError for an unknown id without a text, InputError for a text that is not the one of the id or for neither,
        ForbiddenError for what is not registered where nothing else is executed.
        """
        query, named = parameters.get("query"), _id(parameters)
        given = query if isinstance(query, str) and query.strip() else None
        registered = self._by_id.get(named) if named is not None else None
        if registered is not None:
            return self._agreed(registered, given)
        if given is None:
            raise self._unknown(named)
        if self._only and _digest(given) not in self._by_id:
            raise ForbiddenError(
                "Only registered operations are executed here (graphql.trustedDocuments.only), and this one is not. Register it, then ask "
                "for it by its id."
            )
        if named is not None and named != _digest(given):
            raise InputError("`query` is not the document whose id is sent along; the id is the sha256 of its text, in hexadecimal.")
        return given

    def _agreed(self, registered: str, given: str | None) -> str:
        if given is not None and _digest(given) != _digest(registered):
            raise InputError("`query` is not the document that is registered under the id; send the id alone.")
        return registered

    def _unknown(self, id: str | None) -> CallboardError:
        if id is None:
            return InputError("`query` is missing; it holds the GraphQL document, as a string.")
        how = "Register it (graphql.trustedDocuments.path)." if self._only else "Send the document itself as `query`."
        return PersistedQueryNotFoundError(f"PersistedQueryNotFound: no operation is registered as {id[:_LONGEST_SHOWN_ID]!r}. {how}")


def documents_from(settings: TrustedDocuments | None) -> Documents:
    """The configured documents; none are registered where nothing is configured. ConfigurationError if they can't be read."""
    if settings is None:
        return Documents()
    path = settings.path
    try:
        texts = dict(_of_folder(path) if path.is_dir() else _of_manifest(path))
    except OSError as error:
        raise ConfigurationError(_KEY, f"can't be read: {error.strerror} ({path})") from error
    except ValueError as error:
        raise ConfigurationError(_KEY, f"{path} is no manifest of operations: {error}") from error
    if not texts:
        raise ConfigurationError(_KEY, f"{path} holds no operations: a folder has files *.graphql, a manifest texts by their ids")
    return Documents(texts, only=settings.only)


def _of_folder(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.suffix in _SUFFIXES and file.is_file():
            yield file.relative_to(folder).with_suffix("").as_posix(), file.read_text(encoding="utf-8")


def _of_manifest(file: Path) -> Iterator[tuple[str, str]]:
    """Of a mapping of ids to texts, as Relay and GraphQL Code Generator write it, or of Apollo's manifest."""
    content: Any = orjson.loads(file.read_bytes())
    if not isinstance(content, dict):
        raise ValueError("it has to be an object")
    operations: Any = cast("dict[str, Any]", content).get("operations")
    pairs: list[tuple[Any, Any]] = list(cast("dict[Any, Any]", content).items())
    if isinstance(operations, list):
        listed = [cast("dict[str, Any]", one) for one in cast("list[Any]", operations) if isinstance(one, dict)]
        pairs = [(one.get("id"), one.get("body")) for one in listed]
    for named, text in pairs:
        if not isinstance(named, str) or not isinstance(text, str):
            raise ValueError("each operation has an id and a text")
        yield named.removeprefix(_SHA256), text


def _id(parameters: Mapping[str, object]) -> str | None:
    """By `documentId`, or as Apollo's clients send it."""
    named = parameters.get("documentId")
    extensions = parameters.get("extensions")
    if named is None and isinstance(extensions, dict):
        persisted = cast("dict[str, object]", extensions).get("persistedQuery")
        named = cast("dict[str, object]", persisted).get("sha256Hash") if isinstance(persisted, dict) else None
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise InputError("`documentId` and `extensions.persistedQuery.sha256Hash` are the id of a document, as a string.")
    return named.removeprefix(_SHA256)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
