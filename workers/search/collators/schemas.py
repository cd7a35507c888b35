"""JSON Schemas in a definition: the names of their fields and what is said of these, found within bounds whatever refers to what."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import cast
from urllib.parse import unquote

from plugins.contract import CollatedDocument, TextField
from workers.search.collators.texts import LONGEST_NAME, filled, joined, mapping_of, mappings_in, prose_of, text_of, texts_in

_DEEPEST = 6
_LONGEST_CHAIN = 10
_MOST_OF_ONE = 400
_MOST_OF_ALL = 400_000
_PARTS = ("items", "additionalProperties", "contains", "not", "if", "then", "else")
_LISTS = ("allOf", "oneOf", "anyOf", "prefixItems")


def pointer(*steps: str) -> str:
    """A JSON pointer into the definition, as a fragment, https://datatracker.ietf.org/doc/html/rfc6901."""
    return "#/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)


class Schemas:
    """The schemas of one definition. References are followed inside it alone, and only so far; what lies beyond is left out."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self._root = root
        self._left = _MOST_OF_ALL

    def resolved(self, value: object) -> Mapping[str, object]:
        """The mapping itself, or the one that it refers to; empty if there is none in this definition."""
        found = mapping_of(value)
        for _ in range(_LONGEST_CHAIN):
            reference = found.get("$ref")
            if not isinstance(reference, str):
                return found
            found = self._at(reference)
        return {}

    def fields(self, schema: object, *, follow: bool = True) -> Iterator[tuple[str, str]]:
        """The fields of the schema and of what is in it, as (name, what is said of it), and then choices, as ("", value).

        With `follow` also those of schemas that its fields refer to, whose names come as ("", name); else only of those it is composed of.
        """
        pending: list[tuple[object, int, bool]] = [(schema, 0, True)]
        seen: set[str] = set()
        for _ in range(_MOST_OF_ONE):
            if not pending or self._left <= 0:
                return
            self._left -= 1
            value, depth, composes = pending.pop(0)
            found = mapping_of(value)
            reference = found.get("$ref")
            if isinstance(reference, str):
                if reference in seen or not (follow or composes):
                    continue
                seen.add(reference)
                yield "", name_of(reference)
                found = self.resolved(found)
            if depth < _DEEPEST:
                for name, below in islice(mapping_of(found.get("properties")).items(), _MOST_OF_ONE):
                    yield text_of(name), text_of(mapping_of(below).get("description"))
                    pending.append((below, depth + 1, False))
                pending += [(below, depth + 1, False) for part in _PARTS if (below := mapping_of(found.get(part)))]
                pending += [(below, depth + 1, composes) for part in _LISTS for below in mappings_in(found.get(part))]
            for choice in (*texts_in(found.get("enum")), text_of(found.get("const"))):
                yield "", choice

    def names(self, schema: object) -> Iterator[str]:
        """The names of the schema's fields, of the schemas that it refers to, and its choices."""
        for name, text in self.fields(schema):
            yield name or text

    def type_document(self, name: str, schema: object, location: str) -> CollatedDocument:
        """A named schema: its fields with what is said of each, and its choices."""
        found = mapping_of(schema)
        title = text_of(found.get("title"))
        lines = (f"{name}: {text}" if name and text else name or text for name, text in self.fields(found, follow=False))
        texts = {
            TextField.NAME: name,
            TextField.TITLE: title[:LONGEST_NAME] if title != name else "",
            TextField.DESCRIPTION: joined([prose_of(found.get("description"))]),
            TextField.BODY: joined(lines),
        }
        return CollatedDocument(location, filled(texts), location)

    def _at(self, reference: str) -> Mapping[str, object]:
        if not reference.startswith("#/"):
            return {}
        found: object = self._root
        for step in reference[2:].split("/"):
            found = mapping_of(found).get(unquote(step).replace("~1", "/").replace("~0", "~"))
        return mapping_of(found)


def name_of(reference: str) -> str:
    """The name at the end of a reference."""
    return unquote(reference.rpartition("/")[2]).replace("~1", "/").replace("~0", "~").rpartition("#")[2]


def named(value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The mappings in a mapping, by their names; names that nobody would look for are left out."""
    for key, below in mapping_of(value).items():
        if key and len(key) <= LONGEST_NAME and isinstance(below, dict):
            yield text_of(key), cast("Mapping[str, object]", below)


def about(info: object) -> Iterator[CollatedDocument]:
    """What a definition says of itself, if it is more than its title."""
    found = mapping_of(info)
    description = joined([prose_of(found.get("summary")), prose_of(found.get("description"))])
    if description and (title := text_of(found.get("title"))):
        texts = {TextField.NAME: title[:LONGEST_NAME], TextField.DESCRIPTION: description}
        yield CollatedDocument("#/info", texts, "#/info")
