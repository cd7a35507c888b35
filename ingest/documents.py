"""A file's bytes, split into the texts of its YAML documents, each of which is then read alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A line that begins so ends any document, whatever was open in it: YAML forbids it inside every kind of scalar
# (https://yaml.org/spec/1.2.2/#rule-c-forbidden), so splitting here needs no parser.
_MARK = re.compile(r"^(?:---|\.\.\.)(?=[ \t\n]|\Z)", re.MULTILINE)
_CONTENT = re.compile(r"^(?:---(?=\s|\Z))?+[ \t]*+[^\s#]", re.MULTILINE)
_BEYOND_DIRECTIVES = re.compile(r"^(?:[ \t]+[^\s#]|[^\s#%])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text of one document; `line` is the line of the file, from 1, where it begins. Line breaks are \\n."""

    text: str
    line: int


def decoded(content: bytes) -> str:
    """The text of a file, without byte order mark and with \\n as only line break. A byte that is no UTF-8 becomes a lone surrogate."""
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def split(text: str) -> Iterator[DocumentText]:
    """The documents in order, without those that hold nothing but blanks and comments."""
    opener, start, line, counted = "", 0, 1, 0
    for mark in _MARK.finditer(text):
        begin = mark.start()
        if opener != "---" and mark[0] == "---" and _directives_alone(text, start, begin):
            opener = "---"
            continue
        line, counted = line + text.count("\n", counted, start), start
        yield from _document(text, start, begin, line)
        opener, start = mark[0], begin if mark[0] == "---" else mark.end()
    yield from _document(text, start, len(text), line + text.count("\n", counted, start))


def _document(text: str, start: int, end: int, line: int) -> Iterator[DocumentText]:
    if _CONTENT.search(text, start, end):
        yield DocumentText(text[start:end], line)


def _directives_alone(text: str, start: int, end: int) -> bool:
    return text.find("%", start, end) >= 0 and not _BEYOND_DIRECTIVES.search(text, start, end)
