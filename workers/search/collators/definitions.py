"""Definitions of APIs as search documents: an operation, a message or a type each, whatever format a definition turns out to have."""

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import orjson
from graphql import GraphQLError

from graph.entities import Document
from graph.refs import Ref
from ingest.documents import decoded, split
from ingest.parse import RefusedError, parse
from ingest.places import Places
from plugins.contract import CollatedDocument
from workers.search.collators.asyncapi import asyncapi_documents
from workers.search.collators.graphql_sdl import graphql_documents
from workers.search.collators.openapi import openapi_documents
from workers.search.collators.protobuf import protobuf_documents
from workers.search.collators.texts import LONGEST_NAME, mapping_of
from workers.search.sources import TYPE_PATHS

DEFINITION = "definition"
"""The type of documents that are parts of an API's definition."""

LONGEST_DEFINITION = 4_000_000
"""Characters of a definition that is read; a longer one gives no documents."""

MOST_DOCUMENTS = 5_000
"""Documents of one definition; those beyond are left out."""

_QUICK = 4_000
_PROTOBUF = re.compile(r"^[ \t]*(?:syntax\s*=|edition\s*=|package\s+[\w.]+\s*;|message\s+\w+\s*\{|service\s+\w+\s*\{)", re.MULTILINE)
_GRAPHQL = re.compile(r"^[ \t]*(?:extend\s+)?(?:type|interface|input|enum|union|scalar|schema|directive)\b\s*[@\w{]", re.MULTILINE)

# A definition need not be refused for what nobody sees, as a descriptor is.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")

_log = logging.getLogger("callboard.search")


class UnreadableError(Exception):
    """A definition can't be read; the message says why."""


class DefinitionCollator:
    """The parts of an entity's `spec.definition`. What `spec.type` says of its format is not needed: that is often wrong."""

    type = DEFINITION
    version = "1"
    paths: Sequence[str] = TYPE_PATHS[DEFINITION]

    async def documents(self, ref: Ref, document: Document) -> Sequence[CollatedDocument]:
        """None where there is no definition, or none that can be read, whose reason the log tells at its level for debugging."""
        definition = mapping_of(document.get("spec")).get("definition")
        if not definition or not isinstance(definition, str | dict):
            return ()
        try:
            if isinstance(definition, str) and len(definition) > _QUICK:
                return await asyncio.to_thread(definition_documents, definition)
            return definition_documents(cast("str | Mapping[str, object]", definition))
        except UnreadableError as error:
            _log.debug("the definition of %s can't be searched: %s", ref, error)
            return ()


def definition_documents(definition: str | Mapping[str, object]) -> Sequence[CollatedDocument]:
    """The documents of a definition, as text or as its value. UnreadableError if it is too long, of no known format, or malformed."""
    if isinstance(definition, str) and len(definition) > LONGEST_DEFINITION:
        raise UnreadableError(f"it is longer than {LONGEST_DEFINITION:,} characters")
    found: dict[str, CollatedDocument] = {}
    try:
        for document in _collated(definition):
            if len(document.key) <= 4 * LONGEST_NAME:
                found.setdefault(document.key, document)
            if len(found) >= MOST_DOCUMENTS:
                break
    except (GraphQLError, RefusedError, RecursionError) as error:
        raise UnreadableError((str(error) or "it nests too deeply").partition("\n")[0]) from error
    return tuple(found.values())


def _collated(definition: str | Mapping[str, object]) -> Iterator[CollatedDocument]:
    if not isinstance(definition, str):
        return _of_value(definition)
    if _PROTOBUF.search(definition):
        return protobuf_documents(definition)
    begin = definition.lstrip()[:1]
    if (
        begin != "{"
        and _GRAPHQL.search(definition)
        and not re.search(r"^[\"']?(?:openapi|swagger|asyncapi)[\"']?\s*:", definition, re.MULTILINE)
    ):
        return graphql_documents(definition)
    return _of_value(mapping_of(_value(definition)))


def _of_value(value: Mapping[str, object]) -> Iterator[CollatedDocument]:
    if "openapi" in value or "swagger" in value:
        return openapi_documents(value)
    if "asyncapi" in value:
        return asyncapi_documents(value)
    raise UnreadableError("it is none of OpenAPI, AsyncAPI, GraphQL and protobuf")


def _value(text: str) -> object:
    """The value of JSON or YAML, read as descriptors are: bounded, whatever its aliases and its nesting."""
    if text.lstrip().startswith("{"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # It may be YAML all the same.
    document = next(split(decoded(_UNPRINTABLE.sub(" ", text).encode())), None)
    return parse(document, Places(document)).json if document is not None else None
