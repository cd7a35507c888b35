"""AsyncAPI definitions, 2.x and 3.x: what is sent and received on which channel, the messages with their fields, and the schemas."""

from collections.abc import Iterator, Mapping

from plugins.contract import CollatedDocument, TextField
from workers.search.collators.schemas import Schemas, about, name_of, named, pointer
from workers.search.collators.texts import LONGEST_NAME, filled, joined, mapping_of, mappings_in, prose_of, text_of

_ACTIONS = ("publish", "subscribe")


def asyncapi_documents(definition: Mapping[str, object]) -> Iterator[CollatedDocument]:
    """What the definition says of itself, its operations (channels that have none included), its messages and its schemas."""
    schemas = Schemas(definition)
    yield from about(definition.get("info"))
    used: set[str] = set()
    for name, operation in named(definition.get("operations")):
        channel = mapping_of(operation.get("channel"))
        used.add(text_of(channel.get("$ref")))
        yield _operation(schemas, operation, schemas.resolved(channel), name, pointer("operations", name))
    for name, channel in named(definition.get("channels")):
        actions = [action for action in _ACTIONS if isinstance(channel.get(action), dict)]
        for action in actions:
            operation = {"action": action, **mapping_of(channel[action])}
            yield _operation(schemas, operation, {"address": name, **channel}, name, pointer("channels", name, action))
        if not actions and pointer("channels", name) not in used:
            yield _operation(schemas, {}, {"address": name, **channel}, name, pointer("channels", name))
    components = mapping_of(definition.get("components"))
    for name, message in _messages(definition, components):
        yield _message(schemas, *message, name)
    for name, schema in named(components.get("schemas")):
        yield schemas.type_document(name, schema, pointer("components", "schemas", name))


def _operation(
    schemas: Schemas, operation: Mapping[str, object], channel: Mapping[str, object], name: str, location: str
) -> CollatedDocument:
    address = text_of(channel.get("address")) or name
    title = text_of(operation.get("summary")) or text_of(operation.get("title")) or text_of(channel.get("title"))
    texts = {
        TextField.NAME: f"{text_of(operation.get('action'))} {address}".strip()[:LONGEST_NAME],
        TextField.TITLE: title[:LONGEST_NAME],
        TextField.TAGS: joined((text_of(tag.get("name")) for tag in mappings_in(operation.get("tags"))), " "),
        TextField.DESCRIPTION: joined([prose_of(operation.get("description")), prose_of(channel.get("description"))]),
        TextField.DETAILS: joined([text_of(operation.get("operationId")) or (name if name != address else "")]),
        TextField.PARAMETERS: joined(_parameters(channel)),
        TextField.BODY: joined(_carried(schemas, operation, channel)),
    }
    return CollatedDocument(location, filled(texts), location)


def _parameters(channel: Mapping[str, object]) -> Iterator[str]:
    for name, parameter in named(channel.get("parameters")):
        description = text_of(parameter.get("description"))
        yield f"{name}: {description}" if description else name


def _carried(schemas: Schemas, operation: Mapping[str, object], channel: Mapping[str, object]) -> Iterator[str]:
    """The names, titles and fields of the messages of an operation: its own, else all of its channel."""
    single = mapping_of(operation.get("message"))
    listed = [*mappings_in(operation.get("messages")), *(mappings_in(single.get("oneOf")) if "oneOf" in single else [single])]
    inline = [found for found in listed if found] or [message for _, message in named(channel.get("messages"))]
    for reference in inline:
        yield name_of(text_of(reference.get("$ref")))
        message = schemas.resolved(reference)
        yield text_of(message.get("name"))
        yield text_of(message.get("title"))
        yield from schemas.names(_payload(message))


def _messages(definition: Mapping[str, object], components: Mapping[str, object]) -> Iterator[tuple[str, tuple[Mapping[str, object], str]]]:
    """The messages that are written out, by name, each with its location."""
    for name, message in named(components.get("messages")):
        yield name, (message, pointer("components", "messages", name))
    for channel, item in named(definition.get("channels")):
        for name, message in named(item.get("messages")):
            if "$ref" not in message:
                yield name, (message, pointer("channels", channel, "messages", name))
        for action in _ACTIONS:
            message = mapping_of(mapping_of(item.get(action)).get("message"))
            if name := text_of(message.get("name")):
                yield name, (message, pointer("channels", channel, action, "message"))


def _message(schemas: Schemas, message: Mapping[str, object], location: str, name: str) -> CollatedDocument:
    texts = {
        TextField.NAME: (text_of(message.get("name")) or name)[:LONGEST_NAME],
        TextField.TITLE: text_of(message.get("title"))[:LONGEST_NAME],
        TextField.DESCRIPTION: joined([text_of(message.get("summary")), prose_of(message.get("description"))]),
        TextField.BODY: joined(schemas.names(_payload(message))),
    }
    return CollatedDocument(location, filled(texts), location)


def _payload(message: Mapping[str, object]) -> Mapping[str, object]:
    payload = mapping_of(message.get("payload"))
    # Of another format than JSON Schema: https://www.asyncapi.com/docs/reference/specification/v3.0.0#multiFormatSchemaObject
    return mapping_of(payload.get("schema")) if "schemaFormat" in payload else payload
