"""Protocol buffer definitions, with gRPC services: their methods, messages and enums, with their comments.

A small tolerant reader: parsers in Python that know the whole grammar take some 12 µs a character, which is too long for what need not even
be valid to be found. https://protobuf.dev/reference/protobuf/proto3-spec/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from plugins.contract import CollatedDocument, TextField
from workers.search.collators.texts import LONGEST_NAME, LONGEST_TEXT, filled, joined, text_of

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<word>\.?[A-Za-z_][\w.]*|[\d.]+\w*)
    |(?P<mark>[^\s])""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"^[ \t]*(?:///*|/\*+|\*+/|\*)?[ \t]*|[ \t]*\*+/[ \t]*$", re.MULTILINE)
_METHOD = re.compile(r"^rpc (\S+) \( (?:stream )?(\S+) \) returns \( (?:stream )?(\S+) \)")
_MOST_TOKENS = 400_000
_MOST_NESTED = 30
_BLOCKS = ("message", "enum", "service")
_NO_FIELDS = ("option", "reserved", "extensions", "extend", "syntax", "edition", "import")


@dataclass(slots=True)
class _Member:
    """A field, a value of an enum, or a method, which is `asked` with one message and `answers` with another."""

    name: str
    comment: str
    asked: str = ""
    answers: str = ""


@dataclass(slots=True)
class _Block:
    """A message, an enum or a service. `kind` is empty for what is in braces and of no interest, `oneof` adds to what it stands in."""

    kind: str
    name: str = ""
    package: str = ""
    comment: str = ""
    members: list[_Member] = field(default_factory=list[_Member])

    @property
    def full_name(self) -> str:
        return f"{self.package}.{self.name}" if self.package else self.name


def protobuf_documents(text: str) -> Iterator[CollatedDocument]:
    """The methods, then the services, messages and enums; locations are full names."""
    blocks = _Reader().read(text)
    messages = {block.full_name: block for block in blocks if block.kind == "message"}
    for service in blocks:
        if service.kind == "service":
            yield from (_method(service, method, messages) for method in service.members)
    for block in blocks:
        texts = {
            TextField.NAME: block.name[:LONGEST_NAME],
            TextField.DESCRIPTION: block.comment,
            TextField.DETAILS: block.full_name if block.package else "",
            TextField.BODY: joined(
                f"{member.name}: {text_of(member.comment)}" if member.comment else member.name for member in block.members
            ),
        }
        yield CollatedDocument(block.full_name, filled(texts), block.full_name)


def _method(service: _Block, method: _Member, messages: dict[str, _Block]) -> CollatedDocument:
    location = f"{service.full_name}.{method.name}"
    texts = {
        TextField.NAME: f"{service.name}/{method.name}"[:LONGEST_NAME],
        TextField.DESCRIPTION: method.comment,
        TextField.DETAILS: f"{service.full_name}/{method.name}" if service.package else "",
        TextField.PARAMETERS: joined(_fields(method.asked, service.package, messages)),
        TextField.BODY: joined(_fields(method.answers, service.package, messages)),
    }
    return CollatedDocument(location, filled(texts), location)


def _fields(name: str, package: str, messages: dict[str, _Block]) -> Iterator[str]:
    """The message's name and those of its fields, if it is in this definition."""
    yield name.removeprefix(".").rpartition(".")[2]
    message = messages.get(name.removeprefix(".")) or messages.get(f"{package}.{name}")
    yield from (member.name for member in (message.members if message else ()))


class _Reader:
    """One pass over the tokens, with the blocks that are open. Whatever it does not understand is passed over."""

    def __init__(self) -> None:
        self._found: list[_Block] = []
        self._open: list[_Block] = []
        self._package = ""
        self._statement: list[str] = []
        self._comment = ""
        self._last: _Member | None = None

    def read(self, text: str) -> list[_Block]:
        end = 0
        for count, token in enumerate(_TOKEN.finditer(text)):
            if count > _MOST_TOKENS:
                break
            if token.lastgroup == "comment":
                self._add_comment(token[0], text[end : token.start()])
            elif token.lastgroup == "mark" and token[0] in "{};":
                self._mark(token[0])
            elif len(self._statement) < 100:
                self._statement.append(token[0])
            end = token.end()
        return self._found

    def _add_comment(self, token: str, before: str) -> None:
        comment = _COMMENT_EDGE.sub("", token[:LONGEST_TEXT]).strip()
        if self._last is not None and "\n" not in before and not self._statement:
            self._last.comment = self._last.comment or comment
        elif not self._statement:
            # A blank line parts a comment from what stands below it.
            self._comment = comment if before.count("\n") > 1 or not self._comment else f"{self._comment}\n{comment}"[:LONGEST_TEXT]

    def _mark(self, mark: str) -> None:
        inside = self._open[-1] if self._open else None
        if mark == "{":
            self._begin(inside)
        elif mark == ";":
            if inside is None or inside.kind:
                self._finish(inside)
            self._statement, self._comment = [], ""
        else:
            closed = self._open.pop() if self._open else None
            # Braces in a statement hold the value of an option, behind which it goes on.
            if closed is None or closed.kind != "option":
                self._statement, self._comment, self._last = [], "", None

    def _begin(self, inside: _Block | None) -> None:
        head = self._statement
        outer = inside.kind if inside is not None else "message"
        if len(head) == 2 and head[0] in _BLOCKS and outer == "message" and len(self._open) < _MOST_NESTED:
            name = f"{inside.name}.{head[1]}" if inside is not None else head[1]
            block = _Block(head[0], name, self._package, self._comment)
            self._found.append(block)
        elif len(head) == 2 and head[0] == "oneof" and inside is not None and outer == "message":
            block = _Block("message", inside.name, inside.package, members=inside.members)
        elif head and ("=" in head or head[0] == "option"):
            self._open.append(_Block("option"))
            return
        else:
            if outer == "service":
                self._finish(inside)
            block = _Block("")
        self._open.append(block)
        self._statement, self._comment, self._last = [], "", None

    def _finish(self, inside: _Block | None) -> None:
        words = self._statement
        self._last = None
        if inside is None:
            if len(words) == 2 and words[0] == "package":
                self._package = words[1]
        elif inside.kind == "service":
            if (found := _METHOD.match(" ".join(words))) is not None:
                self._last = _Member(found[1], self._comment, found[2], found[3])
        elif inside.kind in ("message", "enum") and "=" in words[1:] and words[0] not in _NO_FIELDS:
            self._last = _Member(words[words.index("=") - 1], self._comment)
        if inside is not None and self._last is not None:
            inside.members.append(self._last)
