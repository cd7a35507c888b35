"""The tokens of an expression: names, numbers, strings, regex literals and operators."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from graph.errors import RenderError
from workers.scaffolder.templating.regexes import check_regex

TokenKind: TypeAlias = Literal["name", "number", "string", "regex", "operator", "end"]

CODE_WHITESPACE = " \t\n\r\xa0"
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# After a dot, and where the end of a tag is looked for, names may begin with digits.
PROPERTY = re.compile(r"[0-9]*[A-Za-z_][A-Za-z0-9_]*")
_DIGITS = re.compile("[0-9]+")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?")
_SPACE = re.compile(f"[{CODE_WHITESPACE}]+")
_OPERATOR = re.compile(r"===|!==|\*\*|//|==|!=|<=|>=|[()\[\]{}.,:|~+\-*/%<>=]")
_STRING = {quote: re.compile(rf"{quote}([^{quote}\\]*(?:\\[\s\S][^{quote}\\]*)*){quote}") for quote in "'\""}
_ESCAPE = re.compile(r"\\([\s\S])")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_REGEX_FLAGS = "gimy"
MAXIMUM_PATTERN = 2048


class PlacedError(RenderError):
    """A RenderError at an offset of the source, to be given a line and a column."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Token:
    kind: TokenKind
    text: str
    offset: int
    flags: str = ""


def tokens(source: str, start: int, end: int) -> list[Token]:
    """The tokens of that part of the source, with one of the kind `end` last. PlacedError for anything that is none."""
    found: list[Token] = []
    place = start
    while place < end:
        if space := _SPACE.match(source, place, end):
            place = space.end()
            continue
        token, place = _token(source, place, end, found[-1] if found else None)
        found.append(token)
    found.append(Token("end", "", end))
    return found


def _token(source: str, place: int, end: int, previous: Token | None) -> tuple[Token, int]:
    after_dot = previous is not None and previous.kind == "operator" and previous.text == "."
    if name := (PROPERTY if after_dot else IDENTIFIER).match(source, place, end):
        if name[0] == "r" and source.startswith("/", name.end(), end):
            return _regex(source, place, end)
        return Token("name", name[0], place), name.end()
    if source[place] in _STRING:
        return _string(source, place, end)
    operand = previous is not None and (previous.kind != "operator" or previous.text in ")]}")
    if source[place] == "." and not operand and re.match("[0-9]", source[place + 1 : place + 2]):
        raise PlacedError("A number can't begin with a point.", place)
    if number := _NUMBER.match(source, place, end):
        if IDENTIFIER.match(source, number.end(), end):
            raise PlacedError("A number can't have letters in it.", place)
        return Token("number", number[0], place), number.end()
    if operator := _OPERATOR.match(source, place, end):
        return Token("operator", operator[0], place), operator.end()
    raise PlacedError(f"There is no operator {source[place]!a}.", place)


def _string(source: str, place: int, end: int) -> tuple[Token, int]:
    found = _STRING[source[place]].match(source, place, end)
    if not found:
        raise PlacedError("A string has no end.", place)
    return Token("string", _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), found[1]), place), found.end()


def _regex(source: str, place: int, end: int) -> tuple[Token, int]:
    pattern, flags, after = read_regex(source, place, end)
    return Token("regex", pattern, place, flags), after


def read_regex(source: str, place: int, end: int) -> tuple[str, str, int]:
    """Pattern and flags of the regex literal that begins there, and the offset behind it. PlacedError if it is none."""
    backslashes, at = 0, place + 2
    while at < end and (source[at] != "/" or backslashes):
        if source[at] == "/" and backslashes % 2 == 0:
            raise PlacedError("It is unclear where the regular expression ends: a slash follows an escaped backslash.", place)
        backslashes = backslashes + 1 if source[at] == "\\" else 0
        at += 1
        if at - place - 2 > MAXIMUM_PATTERN:
            raise PlacedError(f"A regular expression can't be longer than {MAXIMUM_PATTERN} characters.", place)
    if at >= end:
        raise PlacedError("A regular expression has no end.", place)
    pattern, after = source[place + 2 : at], at + 1
    while after < end and source[after] in _REGEX_FLAGS:
        after += 1
    flags = source[at + 1 : after]
    if len(set(flags)) < len(flags) or re.match("[A-Za-z]", source[after : after + 1]):
        raise PlacedError("A regular expression has flags that there are not: g, i, m and y may each stand once.", place)
    try:
        check_regex(pattern, flags)
    except RenderError as error:
        raise PlacedError(str(error), place) from error
    return pattern, flags, after


def skip_token(source: str, place: int) -> int | None:
    """The offset behind the string, name, number or regex literal that begins there; None if none does."""
    if source[place] in _STRING:
        string = _STRING[source[place]].match(source, place)
        return string.end() if string else len(source)
    if name := PROPERTY.match(source, place):
        return read_regex(source, place, len(source))[2] if name[0] == "r" and source.startswith("/", name.end()) else name.end()
    digits = _DIGITS.match(source, place)
    return digits.end() if digits else None
