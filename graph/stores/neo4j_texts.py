"""The Cypher texts, put together from their files and the composer's fragments."""

from functools import lru_cache
from string import Template
from typing import LiteralString, cast

import queries


class _CypherTemplate(Template):
    """Fragments stand in a query as %{name}: Cypher has a use of its own for the dollar sign."""

    delimiter = "%"


def text(query: str, **fragments: str) -> LiteralString:
    """The text of a query, named after its file. KeyError if one of its fragments is not given."""
    # The driver takes literals only, so that nobody pastes values into queries; the fragments come from the composer alone.
    return cast("LiteralString", _filled(query, tuple(fragments.items())))


@lru_cache(maxsize=1024)
def _filled(query: str, fragments: tuple[tuple[str, str], ...]) -> str:
    return _CypherTemplate(queries.load(f"neo4j/{query}.cypher")).substitute(dict(fragments))
