"""Query texts are named files: each has a caller, and no query text hides in code."""

import re
from pathlib import Path

from tests.house.tracked import product_sources, tracked_files

QUERIES = [path for path in tracked_files() if path.parts[0] == "queries" and path.suffix in {".sql", ".cypher"}]
MIGRATIONS = [path for path in QUERIES if path.parent.name == "migrations"]
STATEMENT = re.compile(
    r"""["']\s*(SELECT\b[^"'\n]*\bFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|INDEX|CONSTRAINT))\b"""
    r"""|["']\s*(MATCH|MERGE|UNWIND)\b.*\bRETURN\b"""
)


def test_every_query_file_has_a_caller():
    code = {path: text for path, text in product_sources() if path.parts[0] == "graph"}
    unused = [str(q) for q in QUERIES if q not in MIGRATIONS and not any(_names(text, q) for text in code.values())]
    assert unused == []


def _names(text: str, query: Path) -> bool:
    """Whether the code has the query's name, or an f-string that begins like it."""
    beginning = query.stem.rpartition("_")[0]
    return re.search(rf"\b{query.stem}\b|\bf\"{beginning}_\{{" if beginning else rf"\b{query.stem}\b", text) is not None


def test_migrations_are_numbered_without_gaps():
    for folder in {path.parent for path in MIGRATIONS}:
        numbers = sorted(int(path.stem.partition("_")[0]) for path in MIGRATIONS if path.parent == folder)
        assert numbers == list(range(1, len(numbers) + 1)), folder


def test_query_texts_outside_the_composers_are_files():
    found = [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        for path, text in product_sources()
        if "composer" not in path.stem
        for match in STATEMENT.finditer(text)
    ]
    assert found == []
