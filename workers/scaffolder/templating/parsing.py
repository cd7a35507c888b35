"""The parser of whole templates: text, output and the statements of nunjucks, but for those that load other templates."""

import re

from graph.errors import RenderError, RenderLimitError
from workers.scaffolder.templating import nodes
from workers.scaffolder.templating.expressions import ExpressionParser
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.nodes import Body, Statement
from workers.scaffolder.templating.scanning import Piece, Syntax, remainder, scan, tag_name
from workers.scaffolder.templating.surveys import may_mutate, walk
from workers.scaffolder.templating.tokens import CODE_WHITESPACE, PlacedError, skip_token

_LOADING = frozenset({"include", "import", "from", "extends"})
_BARE = frozenset({"else", "endif", "endfor", "endmacro", "endcall", "endfilter", "endset", "default", "endswitch"})
_MACRO = re.compile(rf"([A-Za-z_][A-Za-z0-9_]*)[{CODE_WHITESPACE}]*\(")
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def parse(source: str, syntax: Syntax, budget: Budget) -> nodes.Template:
    """The tree of a source, whose text is in code units. RenderError with line and column where it is wrong; RenderLimitError."""
    budget.nesting = 0
    if len(source) > budget.limits.source_characters:
        raise RenderLimitError(f"A template can't be longer than {budget.limits.source_characters} characters.")
    try:
        parser = _Parser(source, syntax, budget)
        body, _ = parser.body(frozenset())
    except PlacedError as error:
        raise placed(error, source, error.offset) from error
    except RecursionError as error:
        raise RenderLimitError("The template is nested too deeply.") from error
    return nodes.Template(source, body, may_mutate(body), parser.expressions)


def placed(error: RenderError, source: str, offset: int) -> RenderError:
    """The error with the line and the column of that offset, and named in its message."""
    line, column = nodes.place(source, offset)
    return RenderError(f"Line {line}, column {column}: {error}", line, column)


class _Parser:
    def __init__(self, source: str, syntax: Syntax, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._pieces = scan(source, syntax)
        self._blocks: set[str] = set()
        self.expressions: list[tuple[int, int, nodes.Expression]] = []
        self._statements = {
            "if": self._if,
            "for": self._for,
            "set": self._set,
            "macro": self._macro,
            "call": self._call,
            "filter": self._filter_block,
            "block": self._block,
            "switch": self._switch,
        }

    def body(self, stops: frozenset[str], opening: Piece | None = None) -> tuple[Body, Piece]:
        """Statements up to one of the tags, and that tag; without tags, to the end."""
        self._budget.enter()
        found: list[Statement] = []
        for piece in self._pieces:
            self._budget.node()
            if piece.kind == "text":
                found.append(nodes.Text(piece.offset, piece.text))
            elif piece.kind == "variable":
                found.append(nodes.Output(piece.offset, self._expression(piece)))
            elif (name := tag_name(self._source, piece)) in stops:
                self._budget.leave()
                return found, self._bare(name, piece)
            else:
                found.append(self._statement(name, piece))
        if opening is not None:
            expected = " or ".join(sorted(stops))
            raise PlacedError(f"{tag_name(self._source, opening)} has no {expected}.", opening.offset)
        self._budget.leave()
        return found, Piece("text", 0, 0, 0)

    def _bare(self, name: str, piece: Piece) -> Piece:
        rest = remainder(self._source, piece)
        if name in _BARE and rest.start < rest.end:
            raise PlacedError(f"{name} takes nothing.", piece.offset)
        return piece

    def _statement(self, name: str, piece: Piece) -> Statement:
        if name in _LOADING:
            raise PlacedError(f"A template can't load other templates with {name}.", piece.offset)
        parse_it = self._statements.get(name)
        if parse_it is None:
            raise PlacedError(f"There is no tag {name[:40]!r} here." if name else "A tag is empty.", piece.offset)
        return parse_it(piece, remainder(self._source, piece))

    def _expression(self, part: Piece, start: int | None = None) -> nodes.Expression:
        found = self._parser(part, start).expression()
        self.expressions.append((part.start if start is None else start, part.end, found))
        return found

    def _signature(self, part: Piece, start: int, end: int) -> nodes.Signature:
        found = self._parser(part, start, end).signature()
        self.expressions += [(start, end, default) for _, default in found.defaults]
        return found

    def _parser(self, part: Piece, start: int | None = None, end: int | None = None) -> ExpressionParser:
        return ExpressionParser(self._source, part.start if start is None else start, part.end if end is None else end, self._budget)

    def _name(self, piece: Piece) -> str:
        return tag_name(self._source, piece)

    def _if(self, piece: Piece, rest: Piece) -> nodes.If:
        branches: list[tuple[nodes.Expression, Body]] = []
        stop, condition = piece, rest
        while self._name(stop) in {"if", "elif", "elseif"}:
            test = self._expression(condition)
            body, stop = self.body(frozenset({"elif", "elseif", "else", "endif"}), piece)
            branches.append((test, body))
            condition = remainder(self._source, stop)
        otherwise = self.body(frozenset({"endif"}), piece)[0] if self._name(stop) == "else" else None
        return nodes.If(piece.offset, branches, otherwise)

    def _for(self, piece: Piece, rest: Piece) -> nodes.For:
        keyword = _top_level(self._source, rest, "in")
        if keyword is None:
            raise PlacedError("A loop needs `in`.", piece.offset)
        targets = self._parser(rest, end=keyword).targets()
        if list(targets) == ["loop"]:
            raise PlacedError("What a loop sets can't be called loop.", piece.offset)
        iterable = self._expression(rest, start=keyword + 2)
        body, stop = self.body(frozenset({"else", "endfor"}), piece)
        otherwise = self.body(frozenset({"endfor"}), piece)[0] if self._name(stop) == "else" else None
        return nodes.For(piece.offset, targets, iterable, body, otherwise)

    def _set(self, piece: Piece, rest: Piece) -> nodes.Set:
        equals = _top_level(self._source, rest, "=")
        if equals is not None:
            targets = self._parser(rest, end=equals).targets()
            return nodes.Set(piece.offset, targets, self._expression(rest, start=equals + 1))
        targets = self._parser(rest).targets()
        return nodes.Set(piece.offset, targets, self._captured(piece, "endset"))

    def _captured(self, piece: Piece, end: str) -> nodes.Capture:
        body = self.body(frozenset({end}), piece)[0]
        if any(isinstance(node, nodes.Macro) for node in walk(body)):
            raise PlacedError(f"There can't be a macro before {end}.", piece.offset)
        return nodes.Capture(piece.offset, body)

    def _macro(self, piece: Piece, rest: Piece) -> nodes.Macro:
        head = _MACRO.match(self._source, rest.start, rest.end)
        if not head or self._source[rest.end - 1] != ")":
            raise PlacedError("A macro needs a name and parentheses.", piece.offset)
        name = self._parser(rest, rest.start, rest.start + len(head[1])).targets()[0]
        signature = self._signature(rest, head.end(), rest.end - 1)
        return nodes.Macro(piece.offset, name, signature, self.body(frozenset({"endmacro"}), piece)[0])

    def _call(self, piece: Piece, rest: Piece) -> nodes.CallBlock:
        signature, start = nodes.Signature(piece.offset, (), ()), rest.start
        if self._source.startswith("(", start, rest.end):
            closing = _closing(self._source, rest)
            signature = self._signature(rest, start + 1, closing)
            start = closing + 1
        call = self._expression(rest, start)
        if not isinstance(call, nodes.Call) or not _is_path(call.target):
            raise PlacedError("call needs the call of a macro.", piece.offset)
        return nodes.CallBlock(piece.offset, call, signature, self.body(frozenset({"endcall"}), piece)[0])

    def _filter_block(self, piece: Piece, rest: Piece) -> nodes.Output:
        captured = self._captured(piece, "endfilter")
        applied = self._parser(rest).filter(captured)
        self.expressions.append((rest.start, rest.end, applied))
        return nodes.Output(piece.offset, applied)

    def _block(self, piece: Piece, rest: Piece) -> nodes.Block:
        names = self._parser(rest).targets()
        if len(names) != 1 or names[0] in self._blocks:
            raise PlacedError("A block needs one name, which no other block has.", piece.offset)
        self._blocks.add(names[0])
        body, stop = self.body(frozenset({"endblock"}), piece)
        end = remainder(self._source, stop)
        if self._source[end.start : end.end] not in {"", names[0]}:
            raise PlacedError("A block ends with another name.", stop.offset)
        return nodes.Block(piece.offset, names[0], body)

    def _switch(self, piece: Piece, rest: Piece) -> nodes.Switch:
        stops = frozenset({"case", "default", "endswitch"})
        subject = self._expression(rest)
        before, stop = self.body(stops, piece)
        if before:
            raise PlacedError("A switch has to begin with a case.", piece.offset)
        cases: list[tuple[nodes.Expression, Body]] = []
        while self._name(stop) == "case":
            condition = self._expression(remainder(self._source, stop))
            body, stop = self.body(stops, piece)
            cases.append((condition, body))
        otherwise = None
        if self._name(stop) == "default":
            otherwise, stop = self.body(frozenset({"endswitch"}), piece)
        if not cases and otherwise is None:
            raise PlacedError("A switch needs a case.", piece.offset)
        return nodes.Switch(piece.offset, subject, cases, otherwise)


def _top_level(source: str, part: Piece, wanted: str) -> int | None:
    """Where the word or character stands outside of brackets, strings and regex literals; None if nowhere."""
    depth, at = 0, part.start
    while at < part.end:
        if depth == 0 and source.startswith(wanted, at) and _stands_alone(source, part, at, wanted):
            return at
        behind = skip_token(source, at)
        if behind is None:
            depth += (source[at] in "([{") - (source[at] in ")]}")
        at = at + 1 if behind is None else behind
    return None


def _stands_alone(source: str, part: Piece, at: int, wanted: str) -> bool:
    if wanted == "=":
        return True
    behind = at + len(wanted)
    return (at == part.start or source[at - 1] in CODE_WHITESPACE) and (behind >= part.end or source[behind] in CODE_WHITESPACE)


def _closing(source: str, part: Piece) -> int:
    """Where the bracket closes that the part begins with."""
    stack: list[str] = []
    at = part.start
    while at < part.end:
        behind = skip_token(source, at)
        if behind is None and source[at] in _PAIRS:
            stack.append(_PAIRS[source[at]])
        elif behind is None and stack and source[at] == stack[-1]:
            stack.pop()
            if not stack:
                return at
        at = at + 1 if behind is None else behind
    raise PlacedError("A parenthesis is not closed.", part.offset)


def _is_path(expression: nodes.Expression) -> bool:
    while isinstance(expression, nodes.Lookup) and isinstance(expression.key, nodes.Literal):
        expression = expression.target
    return isinstance(expression, nodes.Name)
