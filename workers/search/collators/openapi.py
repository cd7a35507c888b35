"""OpenAPI definitions, 2.0 (Swagger) to 3.2: their operations, with parameters and fields, and their schemas."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from plugins.contract import CollatedDocument, TextField
from workers.search.collators.schemas import Schemas, about, named, pointer
from workers.search.collators.texts import LONGEST_NAME, filled, joined, mapping_of, mappings_in, prose_of, text_of, texts_in

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")


def openapi_documents(definition: Mapping[str, object]) -> Iterator[CollatedDocument]:
    """What the definition says of itself, its operations in their order, and its schemas."""
    schemas = Schemas(definition)
    yield from about(definition.get("info"))
    begin = _begin_of_paths(definition)
    for group in ("paths", "webhooks"):
        for path, item in named(definition.get(group)):
            resolved = schemas.resolved(item)
            for method, operation, steps in _operations(resolved):
                location = pointer(group, path, *steps)
                yield _operation(schemas, f"{method} {path}", begin if group == "paths" else "", resolved, operation, location)
    for steps in (("components", "schemas"), ("definitions",)):
        found: object = definition
        for step in steps:
            found = mapping_of(found).get(step)
        for name, schema in named(found):
            yield schemas.type_document(name, schema, pointer(*steps, name))


def _operations(item: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object], tuple[str, ...]]]:
    for method in _METHODS:
        if isinstance(item.get(method), dict):
            yield method.upper(), mapping_of(item[method]), (method,)
    for method, operation in named(item.get("additionalOperations")):
        yield method, operation, ("additionalOperations", method)


def _operation(
    schemas: Schemas, name: str, begin: str, item: Mapping[str, object], operation: Mapping[str, object], location: str
) -> CollatedDocument:
    texts = {
        TextField.NAME: name[:LONGEST_NAME],
        TextField.TITLE: text_of(operation.get("summary"))[:LONGEST_NAME],
        TextField.TAGS: joined(texts_in(operation.get("tags")), " "),
        TextField.DESCRIPTION: joined([prose_of(operation.get("description"))]),
        TextField.DETAILS: joined([text_of(operation.get("operationId")), begin and begin + name.partition(" ")[2]]),
        TextField.PARAMETERS: joined(_asked(schemas, item, operation)),
        TextField.BODY: joined(_answered(schemas, operation)),
    }
    return CollatedDocument(location, filled(texts), location)


def _asked(schemas: Schemas, item: Mapping[str, object], operation: Mapping[str, object]) -> Iterator[str]:
    for given in (operation, item):
        for reference in mappings_in(given.get("parameters")):
            parameter = schemas.resolved(reference)
            name, description = text_of(parameter.get("name")), text_of(parameter.get("description"))
            yield f"{name}: {description}" if description else name
            yield from schemas.names(parameter.get("schema") or {"enum": parameter.get("enum")})
    body = schemas.resolved(operation.get("requestBody"))
    yield text_of(body.get("description"))
    yield from _content(schemas, body)


def _answered(schemas: Schemas, operation: Mapping[str, object]) -> Iterator[str]:
    for _, reference in named(operation.get("responses")):
        response = schemas.resolved(reference)
        yield text_of(response.get("description"))
        yield from schemas.names(response.get("schema"))
        yield from _content(schemas, response)


def _content(schemas: Schemas, holder: Mapping[str, object]) -> Iterator[str]:
    for _, media in named(holder.get("content")):
        yield from schemas.names(media.get("schema"))


def _begin_of_paths(definition: Mapping[str, object]) -> str:
    """What paths begin with at the server, without its name; empty if nothing."""
    base = text_of(definition.get("basePath"))
    if not base:
        url = next((text_of(server.get("url")) for server in mappings_in(definition.get("servers"))), "")
        try:
            base = urlsplit(url).path
        except ValueError:
            return ""
    return base.rstrip("/")[:LONGEST_NAME]
