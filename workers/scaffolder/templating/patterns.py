"""JavaScript's regular expressions, without the u and v flags, put into the syntax of Python's `regex` (ECMA-262, 22.2.1 and B.1.2)."""

import re
from collections.abc import Iterable, Sequence

from graph.errors import RenderError
from workers.scaffolder.templating.numbers import WHITESPACE

Ranges = Sequence[tuple[int, int]]

MAXIMUM_REPEATS = 65_535
MAXIMUM_GROUPS = 100
MAXIMUM_NESTING = 30
_LAST = 0xFFFF
_LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_DIGITS: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Ranges = tuple((ord(each), ord(each)) for each in sorted(WHITESPACE))
_CONTROLS = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_QUANTIFIER = re.compile(r"(?:[*+?]|\{([0-9]+)(,([0-9]*))?\})(\??)")
_GROUP_NAME = re.compile(r"\(\?<([A-Za-z_$][A-Za-z0-9_$]*)>")
_BEGINNINGS = re.compile(r"\\[\s\S]|\[(?:[^\]\\]|\\[\s\S])*\]|(\()(?!\?)|(\(\?<[A-Za-z_$])")
_HEX = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")
_OCTAL = re.compile(r"[0-3][0-7]{0,2}|[4-7][0-7]?")
_NUMBER = re.compile(r"[1-9][0-9]*")
_LOOKING = ("(?=", "(?!", "(?<=", "(?<!")


def complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The code units that are in none of the ranges."""
    found: list[tuple[int, int]] = []
    first = 0
    for low, high in sorted(ranges):
        if low > first:
            found.append((first, low - 1))
        first = max(first, high + 1)
    return [*found, (first, _LAST)] if first <= _LAST else found


_CLASSES = {
    "d": _DIGITS,
    "D": complement(_DIGITS),
    "w": _WORD,
    "W": complement(_WORD),
    "s": _SPACE,
    "S": complement(_SPACE),
}


def _unit(code: int) -> str:
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else f"\\u{code:04x}"


def _set(ranges: Ranges, *, negated: bool = False) -> str:
    if not ranges:
        return r"[\u0000-\uffff]" if negated else "(?!)"
    return f"[{'^' if negated else ''}{''.join(_unit(low) if low == high else f'{_unit(low)}-{_unit(high)}' for low, high in ranges)}]"


_ANY = _set(complement(_LINE_ENDS))
_BOUNDARY = f"(?:(?<={_set(_WORD)})(?!{_set(_WORD)})|(?<!{_set(_WORD)})(?={_set(_WORD)}))"
_NO_BOUNDARY = f"(?:(?<={_set(_WORD)})(?={_set(_WORD)})|(?<!{_set(_WORD)})(?!{_set(_WORD)}))"


def translated(pattern: str, *, multiline: bool) -> str:
    """The pattern in the engine's syntax. RenderError if it is none or has too much in it."""
    return _Translator(pattern, multiline).translate()


class _Translator:
    def __init__(self, pattern: str, multiline: bool) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0
        edge = _ANY if multiline else r"[\u0000-\uffff]"
        self._edges = {"^": f"(?<!{edge})", "$": f"(?!{edge})"}
        beginnings = [found for found in _BEGINNINGS.finditer(pattern) if found[1] or found[2]]
        self._groups = len(beginnings)
        self._named = any(found[2] for found in beginnings)
        self._names: set[str] = set()
        if self._groups > MAXIMUM_GROUPS:
            raise RenderError(f"A regular expression can't have more than {MAXIMUM_GROUPS} groups.")

    def translate(self) -> str:
        text = self._alternatives()
        if self._at < len(self._pattern):
            raise RenderError("A regular expression closes a group that it does not open.")
        return text

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _alternatives(self) -> str:
        self._depth += 1
        if self._depth > MAXIMUM_NESTING:
            raise RenderError(f"A regular expression can't be nested deeper than {MAXIMUM_NESTING} groups.")
        parts: list[str] = []
        while self._at < len(self._pattern) and self._peek() != ")":
            parts.append(self._term())
        self._depth -= 1
        return "".join(parts)

    def _term(self) -> str:
        letter = self._peek()
        if letter == "|":
            self._at += 1
            return "|"
        if letter in self._edges:
            self._at += 1
            return self._edges[letter]
        if _QUANTIFIER.match(self._pattern, self._at):
            raise RenderError("A regular expression repeats nothing.")
        if letter == "\\" and self._pattern[self._at + 1 : self._at + 2] in {"b", "B"}:
            self._at += 2
            return _BOUNDARY if self._pattern[self._at - 1] == "b" else _NO_BOUNDARY
        start = self._at
        atom = self._atom()
        if self._pattern.startswith(("(?<=", "(?<!"), start):
            return atom
        return self._repeated(atom)

    def _repeated(self, atom: str) -> str:
        found = _QUANTIFIER.match(self._pattern, self._at)
        if not found:
            return atom
        self._at = found.end()
        if found[1] is None:
            return f"(?:{atom}){found[0]}"
        low, high = int(found[1][:9]), int(found[3][:9]) if found[3] else None
        if found[2] is None:
            high = low
        if high is not None and high < low:
            raise RenderError("A regular expression repeats more often at least than at most.")
        if max(low, high or 0) > MAXIMUM_REPEATS:
            raise RenderError(f"A regular expression can't ask for more than {MAXIMUM_REPEATS} repetitions.")
        return f"(?:{atom}){{{low},{'' if high is None else high}}}{found[4]}"

    def _atom(self) -> str:
        letter = self._peek()
        if letter == "(":
            return self._group()
        if letter == "[":
            return self._class()
        self._at += 1
        if letter == ".":
            return _ANY
        return self._escape() if letter == "\\" else _unit(ord(letter))

    def _group(self) -> str:
        opening = self._opening()
        inner = self._alternatives()
        if self._peek() != ")":
            raise RenderError("A regular expression has a group without an end.")
        self._at += 1
        return f"{opening}{inner})"

    def _opening(self) -> str:
        rest = self._pattern[self._at : self._at + 4]
        for opening in ("(?:", *_LOOKING):
            if rest.startswith(opening):
                self._at += len(opening)
                return opening
        if name := _GROUP_NAME.match(self._pattern, self._at):
            if name[1] in self._names or "$" in name[1]:
                raise RenderError("A regular expression has a group with a name that it can't have.")
            self._names.add(name[1])
            self._at = name.end()
            return f"(?P<{name[1]}>"
        if rest.startswith("(?"):
            raise RenderError("A regular expression has a kind of group that there is not.")
        self._at += 1
        return "("

    def _escape(self) -> str:
        """What the backslash before stands for outside of brackets."""
        letter = self._peek()
        if letter in _CLASSES:
            self._at += 1
            return _set(_CLASSES[letter])
        if (number := _NUMBER.match(self._pattern, self._at)) and int(number[0]) <= self._groups:
            self._at = number.end()
            return f"(?({number[0]})\\{number[0]}|)"
        if letter == "k" and self._named:
            name = re.compile(r"k<([A-Za-z_][A-Za-z0-9_]*)>").match(self._pattern, self._at)
            if not name or f"(?<{name[1]}>" not in self._pattern:
                raise RenderError("A regular expression refers to a group that it does not have.")
            self._at = name.end()
            return f"(?({name[1]})(?P={name[1]})|)"
        return _unit(self._escaped_unit())

    def _escaped_unit(self) -> int:
        """The one code unit that an escape stands for."""
        letter = self._peek()
        if not letter:
            raise RenderError("A regular expression ends in a backslash.")
        if found := _HEX.match(self._pattern, self._at):
            self._at = found.end()
            return int(found[1] or found[2], 16)
        if found := _OCTAL.match(self._pattern, self._at):
            self._at = found.end()
            return int(found[0], 8)
        if letter == "c":
            control = self._pattern[self._at + 1 : self._at + 2]
            if control.isascii() and control.isalpha():
                self._at += 2
                return ord(control) % 32
            return ord("\\")
        self._at += 1
        return ord(_CONTROLS.get(letter, letter))

    def _class(self) -> str:
        self._at += 1
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[int, int]] = []
        while self._peek() != "]":
            first = self._member()
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._at += 1
                ranges += self._range(first, self._member())
            else:
                ranges += first
        self._at += 1
        return _set(ranges, negated=negated)

    @staticmethod
    def _range(first: Ranges, last: Ranges) -> Ranges:
        if any(len(each) > 1 or each[0][0] != each[0][1] for each in (first, last)):
            return [*first, (0x2D, 0x2D), *last]
        if last[0][0] < first[0][0]:
            raise RenderError("A regular expression has a range that ends before it begins.")
        return [(first[0][0], last[0][0])]

    def _member(self) -> Ranges:
        letter = self._peek()
        if not letter:
            raise RenderError("A regular expression has a bracket without an end.")
        self._at += 1
        if letter != "\\":
            return [(ord(letter), ord(letter))]
        escaped = self._peek()
        if escaped in _CLASSES:
            self._at += 1
            return _CLASSES[escaped]
        if escaped == "b":
            self._at += 1
            return [(8, 8)]
        code = self._escaped_unit()
        return [(code, code)]
