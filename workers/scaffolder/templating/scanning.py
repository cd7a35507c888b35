"""A source cut into text, `${{ variables }}` and `{% blocks %}`, with comments, raw parts and controlled whitespace taken out."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from workers.scaffolder.templating.numbers import WHITESPACE
from workers.scaffolder.templating.tokens import CODE_WHITESPACE, IDENTIFIER, PlacedError, skip_token

PieceKind: TypeAlias = Literal["text", "variable", "block"]


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a template is written: Backstage's own `${{ }}`, or cookiecutter's `{{ }}` and what of Jinja goes with it."""

    cookiecutter: bool = False
    trim_blocks: bool = False
    lstrip_blocks: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a source. `start` and `end` are what is between the delimiters; `text` is what a text says."""

    kind: PieceKind
    offset: int
    start: int
    end: int
    text: str = ""


_CLOSERS: Mapping[str, str] = {"{%": "%}", "{#": "#}", "${{": "}}", "{{": "}}"}
_MARKS = {False: re.compile(r"\$\{\{|\{%|\{#|#\}"), True: re.compile(r"\{\{|\{%|\{#|#\}")}
# What begins a string, a name or a number, or closes a tag.
_NOTABLE = {closer: re.compile(rf"[A-Za-z0-9_'\"]|{closer}") for closer in ("%}", "}}")}
_SPACES = re.compile(f"[{WHITESPACE}]*")
_NEWLINE = re.compile(r"\r?\n")
_RAW = {name: re.compile(rf"\{{%[{WHITESPACE}]*(end)?{name}[{WHITESPACE}]*%\}}") for name in ("raw", "verbatim")}


def scan(source: str, syntax: Syntax) -> Iterator[Piece]:
    """The pieces of the source, in order. PlacedError for a tag without an end."""
    return _Scanner(source, syntax).pieces()


class _Scanner:
    def __init__(self, source: str, syntax: Syntax) -> None:
        self._source = source
        self._syntax = syntax
        self._text = ""
        self._text_offset = 0

    def pieces(self) -> Iterator[Piece]:
        source, at = self._source, 0
        while mark := _MARKS[self._syntax.cookiecutter].search(source, at):
            if mark[0] == "#}":
                raise PlacedError("A comment ends that did not begin.", mark.start())
            self._add(source[at : mark.start()], at)
            left = source.startswith("-", mark.end())
            self._strip_left(mark, left)
            yield from self._flush()
            piece, at = self._tag(mark, mark.end() + left)
            if piece is not None:
                yield piece
        self._add(source[at:], at)
        yield from self._flush()

    def _add(self, text: str, offset: int) -> None:
        if not self._text:
            self._text_offset = offset
        self._text += text

    def _flush(self) -> Iterator[Piece]:
        if self._text:
            yield Piece("text", self._text_offset, self._text_offset, self._text_offset, self._text)
        self._text = ""

    def _strip_left(self, mark: re.Match[str], left: bool) -> None:
        if mark[0] == "{%" and self._syntax.lstrip_blocks:
            line = self._source.rfind("\n", 0, mark.start()) + 1
            if not self._source[line : mark.start()].strip(WHITESPACE):
                head, newline, tail = self._text.rpartition("\n")
                self._text = self._text if tail.strip(WHITESPACE) else head + newline
        if left:
            self._text = self._text.rstrip(WHITESPACE)

    def _tag(self, mark: re.Match[str], start: int) -> tuple[Piece | None, int]:
        """The piece that the tag is, if any, and where the source goes on behind it and the whitespace that it takes with it."""
        source, closer = self._source, _CLOSERS[mark[0]]
        end = source.find(closer, start) if mark[0] == "{#" else _end_of_code(source, start, closer)
        if end < 0:
            raise PlacedError(f"{mark[0]} has no {closer}.", mark.start())
        after = end + len(closer)
        right = source[end - 1] == "-"
        if mark[0] == "{#":
            return None, _SPACES.match(source, after).end() if right else after  # pyright: ignore[reportOptionalMemberAccess] - matches nothing too
        piece = _trimmed(source, "block" if mark[0] == "{%" else "variable", mark.start(), start, end - right)
        name = tag_name(source, piece) if piece.kind == "block" else ""
        if name in _RAW:
            if piece.end > piece.start + len(name):
                raise PlacedError(f"{name} takes nothing.", mark.start())
            return None, self._raw(name, mark.start(), self._behind(after, False, True), right)
        return piece, self._behind(after, right, piece.kind == "block")

    def _behind(self, after: int, right: bool, block: bool) -> int:
        if right:
            return _SPACES.match(self._source, after).end()  # pyright: ignore[reportOptionalMemberAccess] - matches nothing too
        newline = _NEWLINE.match(self._source, after) if block and self._syntax.trim_blocks else None
        return newline.end() if newline else after

    def _raw(self, name: str, offset: int, start: int, right: bool) -> int:
        """Take what stands between raw and endraw as text. A dash of the tag that begins it takes the whitespace behind its end."""
        depth = 1
        for mark in _RAW[name].finditer(self._source, start):
            depth += -1 if mark[1] else 1
            if depth == 0:
                if "\n" in mark[0]:
                    raise PlacedError(f"The tag end{name} can't have a line break in it.", mark.start())
                self._add(self._source[start : mark.start()], start)
                return self._behind(mark.end(), right, False)
        raise PlacedError(f"There is no end{name}.", offset)


def _end_of_code(source: str, start: int, closer: str) -> int:
    """Where the closer stands outside of strings, names and regex literals; -1 if nowhere."""
    at = start
    while found := _NOTABLE[closer].search(source, at):
        behind = skip_token(source, found.start())
        if behind is None:
            return found.start()
        at = behind
    return -1


def _trimmed(source: str, kind: PieceKind, offset: int, start: int, end: int) -> Piece:
    while start < end and source[start] in CODE_WHITESPACE:
        start += 1
    while end > start and source[end - 1] in CODE_WHITESPACE:
        end -= 1
    return Piece(kind, offset, start, max(start, end))


def tag_name(source: str, piece: Piece) -> str:
    """The first word of a block."""
    name = IDENTIFIER.match(source, piece.start, piece.end)
    return name[0] if name else ""


def remainder(source: str, piece: Piece) -> Piece:
    """What of a block follows its first word."""
    return _trimmed(source, piece.kind, piece.offset, piece.start + len(tag_name(source, piece)), piece.end)
