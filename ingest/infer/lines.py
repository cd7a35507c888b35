"""Where keys stand in JSON and TOML, which the parsers do not tell."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\]:,\n]')
_HEADER = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_PART = re.compile(r'"([^"]*)"|\'([^\']*)\'|([^.\s"\']+)')
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")


class JsonLines:
    """The line of every key of a JSON text, by its path; the text is valid JSON."""

    def __init__(self, text: str) -> None:
        self._lines = dict[tuple[str, ...], int]()
        path: list[str] = []
        pending, line = "", 1
        for token in _TOKEN.finditer(text):
            match token[0]:
                case "\n":
                    line += 1
                case "{" | "[":
                    path.append(pending)
                    pending = ""
                case "}" | "]":
                    path.pop()
                case ":":
                    self._lines.setdefault((*path[1:], pending), line)
                case ",":
                    pending = ""
                case text_token:
                    pending = text_token[1:-1]

    def of(self, *path: str) -> int:
        """The line of the key, or of the nearest one above it; 1 if there is none."""
        for length in range(len(path), 0, -1):
            if line := self._lines.get(path[:length]):
                return line
        return 1


@dataclass(slots=True)
class TomlLines:
    """The lines of keys and of texts in a TOML document, as tables and keys are commonly laid out."""

    text: str
    _rows: Sequence[tuple[int, tuple[str, ...], str]] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = list(_rows(self.text))

    def of(self, *path: str) -> int:
        """The line of the key or table, or of the nearest one above it; 1 if there is none."""
        for length in range(len(path), 0, -1):
            for line, key, _ in self._rows:
                if key[:length] == path[:length]:
                    return line
        return 1

    def of_item(self, item: str, *path: str) -> int:
        """The line of a text in the array at the path, or that of the array."""
        for line, key, row in self._rows:
            if key[: len(path)] == path and (f'"{item}"' in row or f"'{item}'" in row):
                return line
        return self.of(*path)


def _rows(text: str) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Each line with the key that it belongs to."""
    table: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    for number, row in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(row):
            table = key = _parts(header[1])
        elif found := _KEY.match(row):
            key = (*table, *_parts(found[1]))
        yield number, key, row


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(next(part for part in found.groups() if part is not None) for found in _PART.finditer(dotted))
