"""What a Template asks for and does, as texts: the parameters of its forms and the names of its steps."""

from collections.abc import Iterator

from workers.search.collators.texts import mapping_of, mappings_in, text_of, texts_in

_DEEPEST = 12
_SCHEMAS = ("items", "then", "else", "additionalProperties")
_LISTS_OF_SCHEMAS = ("oneOf", "anyOf", "allOf")


def parameter_texts(parameters: object) -> Iterator[str]:
    """Titles, descriptions, names and choices of the parameters, which are one JSON Schema or a list of them, one for each page."""
    pages = list(mappings_in(parameters)) or [mapping_of(parameters)]
    for page in pages:
        yield from _schema_texts(page, 0)


def step_texts(steps: object) -> Iterator[str]:
    """The names and the actions of the steps."""
    for step in mappings_in(steps):
        yield text_of(step.get("name"))
        yield text_of(step.get("action"))


def _schema_texts(value: object, depth: int) -> Iterator[str]:
    schema = mapping_of(value)
    if not schema or depth > _DEEPEST:
        return
    yield text_of(schema.get("title"))
    yield text_of(schema.get("description"))
    for name, below in mapping_of(schema.get("properties")).items():
        yield text_of(name)
        yield from _schema_texts(below, depth + 1)
    for choices in ("enum", "enumNames"):
        yield from texts_in(schema.get(choices))
    for name in _SCHEMAS:
        yield from _schema_texts(schema.get(name), depth + 1)
    for name in _LISTS_OF_SCHEMAS:
        for below in mappings_in(schema.get(name)):
            yield from _schema_texts(below, depth + 1)
    # What the choice of a value asks for in addition, https://json-schema.org/understanding-json-schema/reference/conditionals
    for below in mapping_of(schema.get("dependencies")).values():
        yield from _schema_texts(below, depth + 1)
