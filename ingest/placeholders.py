"""Replaces `$text`, `$json`, `$yaml`, `$openapi` and `$asyncapi` in a document by what the files that they name hold."""

from typing import Any, cast

import orjson

from ingest.bundle import BundleError, bundled
from ingest.documents import decoded, split
from ingest.includes import Include, IncludeError
from ingest.parse import RefusedError, parse
from ingest.places import Places
from ingest.problems import ErrorCode
from ingest.survey import Path
from ingest.validate import Finding, dotted, quoted

_KEYS = ("$text", "$json", "$yaml", "$openapi", "$asyncapi")


class _UnusableError(Exception):
    """What a placeholder names can't be used; `advice` becomes the remedy."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


def substituted(document: dict[str, Any], include: Include) -> tuple[dict[str, Any], list[Finding]]:
    """The document with every object that consists of one placeholder key replaced, and what went wrong with placeholders.

    What a file holds is not searched again, and a placeholder that fails is left as it was.
    https://backstage.io/docs/features/software-catalog/descriptor-format#substitutions-in-the-descriptor-format
    """
    findings: list[Finding] = []
    return _walk(document, (), include, findings), findings


def _walk(value: Any, path: Path, include: Include, findings: list[Finding]) -> Any:
    if isinstance(value, list):
        return [_walk(item, (*path, index), include, findings) for index, item in enumerate(cast("list[Any]", value))]
    if not isinstance(value, dict):
        return value
    entries = cast("dict[str, Any]", value)
    # As in Backstage, an object with a key in $ is either one placeholder or left alone altogether.
    if any(key.startswith("$") for key in entries):
        key = next(iter(entries))
        return _resolved(key, entries, path, include, findings) if len(entries) == 1 and key in _KEYS else entries
    return {key: _walk(below, (*path, key), include, findings) for key, below in entries.items()}


def _resolved(key: str, entries: dict[str, Any], path: Path, include: Include, findings: list[Finding]) -> Any:
    target = entries[key]
    where = (*path, key)
    if not isinstance(target, str):
        message, advice = f"{dotted(where)} does not name a file.", "Write the path of a file, relative to this one."
        findings.append(Finding(ErrorCode.PLACEHOLDER_INVALID, message, where, target, {"advice": advice}))
        return entries
    try:
        return _content(key, target, include)
    except IncludeError as error:
        message = f"{dotted(where)} names {quoted(target)}: {error.message}"
        findings.append(Finding(ErrorCode.PLACEHOLDER_UNREADABLE, message, where, target, {}, error.remedy))
    except _UnusableError as error:
        message = f"{dotted(where)} names {quoted(target)}, {error.message}"
        findings.append(Finding(ErrorCode.PLACEHOLDER_INVALID, message, where, target, {"advice": error.advice}))
    return entries


def _content(key: str, target: str, include: Include) -> Any:
    content = include(target)
    if key == "$json":
        return _json(content)
    if key == "$yaml":
        return _yaml(content)
    if key == "$text":
        return content.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        return bundled(target, _yaml(content), lambda other: _yaml(include(other)))
    except BundleError as error:
        raise _UnusableError(str(error), "Mend the definition, or read it unbundled with $text.") from error


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        message = f"which is no JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        raise _UnusableError(message, "Mend the JSON, or read the file with $yaml or $text.") from error


def _yaml(content: bytes) -> Any:
    documents = list(split(decoded(content)))
    if len(documents) != 1:
        raise _UnusableError(f"which holds {len(documents)} YAML documents where one is expected.", "Leave one document in the file.")
    try:
        return parse(documents[0], Places(documents[0])).json
    except RefusedError as error:
        line, column = error.place
        raise _UnusableError(
            f"which can't be read: line {line}, column {column}: {error.message}", "Mend the YAML of that file."
        ) from error
