"""What a change of the schema breaks for its clients, and whether that was declared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphql import GraphQLSchema, build_schema
from graphql.utilities import find_breaking_changes


@dataclass(frozen=True, slots=True)
class Comparison:
    """Breaking changes that no declaration allows, and declarations that allow nothing that happens."""

    undeclared: Sequence[str]
    unused: Sequence[str]


def compare(released: str, current: str, declared: Iterable[str]) -> Comparison:
    """What breaks between two schemas, each given as text; `declared` are the descriptions of the breaks that are meant."""
    allowed = list(dict.fromkeys(declared))
    breaking = [change.description for change in find_breaking_changes(_parsed(released), _parsed(current))]
    return Comparison(
        undeclared=[description for description in breaking if description not in allowed],
        unused=[description for description in allowed if description not in breaking],
    )


def _parsed(text: str) -> GraphQLSchema:
    # Federation's directives are used in the text and defined elsewhere.
    return build_schema(text, assume_valid_sdl=True)
