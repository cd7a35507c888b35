"""The parser of expressions. From the weakest on: if, or, and, not, in, is, equality, order, sums, products, powers, filters, signs."""

from collections.abc import Sequence

from workers.scaffolder.templating import nodes
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.nodes import Arguments, Binary, Expression, Literal, Unary
from workers.scaffolder.templating.tokens import PlacedError, Token, TokenKind, tokens
from workers.scaffolder.templating.values import RESERVED_NAMES

_CONSTANTS = {"true": True, "false": False, "none": None, "null": None}


class _Level:
    OR, AND, NOT, IN, IS, EQUALITY, ORDER, SUM, PRODUCT, POWER = range(1, 11)


_WORD_LEVELS = {"or": _Level.OR, "and": _Level.AND, "in": _Level.IN, "is": _Level.IS}
_LEVELS = {
    **dict.fromkeys(("==", "===", "!=", "!=="), _Level.EQUALITY),
    **dict.fromkeys(("<", "<=", ">", ">="), _Level.ORDER),
    **dict.fromkeys(("+", "-", "~"), _Level.SUM),
    **dict.fromkeys(("*", "/", "%", "//"), _Level.PRODUCT),
    "**": _Level.POWER,
}
# What `not` in front of one of these negates is its left side alone, as in nunjucks: `not a == b` is `(not a) == b`.
_NEGATED_LEFT = _LEVELS.keys() - {"//", "**"}


class ExpressionParser:
    """Parses one part of a source. Every method raises PlacedError where the source says something else, and RenderLimitError."""

    def __init__(self, source: str, start: int, end: int, budget: Budget) -> None:
        self._tokens = tokens(source, start, end)
        self._at = 0
        self._budget = budget

    def expression(self) -> Expression:
        """The whole part as one expression."""
        found = self._conditional()
        self._expect("end")
        return found

    def targets(self) -> Sequence[str]:
        """The whole part as names with commas between."""
        found: list[str] = []
        while not found or self._takes(","):
            token = self._expect("name")
            if token.text in _CONSTANTS:
                raise PlacedError(f"{token.text} can't be set.", token.offset)
            found.append(self._allowed(token))
        self._expect("end")
        return found

    def signature(self) -> nodes.Signature:
        """The whole part as the formal parameters of a macro."""
        offset = self._token.offset
        given = self._arguments("end")
        names = [each.name for each in given.positional if isinstance(each, nodes.Name)]
        if len(names) < len(given.positional):
            raise PlacedError("What a macro takes has to be names.", offset)
        return nodes.Signature(offset, names, given.keyword)

    def filter(self, captured: nodes.Capture) -> nodes.Filter:
        """The whole part as a filter, applied to what was captured."""
        found = self._filter(captured)
        self._expect("end")
        return found

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _is(self, *texts: str) -> bool:
        return self._token.kind == "operator" and self._token.text in texts

    def _takes(self, operator: str) -> bool:
        if not self._is(operator):
            return False
        self._at += 1
        return True

    def _takes_name(self, name: str) -> bool:
        if self._token.kind != "name" or self._token.text != name:
            return False
        self._at += 1
        return True

    def _next(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._at += 1
        return token

    def _expect(self, kind: TokenKind, text: str | None = None) -> Token:
        token = self._token
        if token.kind != kind or (text is not None and token.text != text):
            raise PlacedError(
                f"{_shown(token)} stands where {text or ('nothing more' if kind == 'end' else f'a {kind}')} should.", token.offset
            )
        return self._next()

    @staticmethod
    def _allowed(token: Token) -> str:
        if token.text in RESERVED_NAMES:
            raise PlacedError(f"The name {token.text} can't be used.", token.offset)
        return token.text

    def _conditional(self) -> Expression:
        self._budget.enter()
        then = self._operation(_Level.OR)
        if self._takes_name("if"):
            condition = self._operation(_Level.OR)
            otherwise = self._operation(_Level.OR) if self._takes_name("else") else None
            then = nodes.Conditional(then.offset, condition, then, otherwise)
        self._budget.leave()
        return then

    def _operation(self, least: int) -> Expression:
        """Operands joined by operators that bind at least as strongly as the level says."""
        left = self._prefixed() if least <= _Level.NOT else self._filtered()
        tested = False
        while (level := self._level()) and level >= least:
            self._budget.node()
            if level == _Level.IS and tested:
                raise PlacedError("Only one test can follow a value.", self._token.offset)
            tested = tested or level in {_Level.IN, _Level.IS}
            if level == _Level.PRODUCT:
                left = self._products(left)
            elif level == _Level.IN:
                left = self._membership(left)
            elif level == _Level.IS:
                left = self._test(left)
            else:
                left = Binary(left.offset, self._next().text, left, self._operation(level + 1))
        return left

    def _level(self) -> int:
        """How strongly the operator that stands here binds; zero if none does."""
        token = self._token
        if token.kind == "operator":
            return _LEVELS.get(token.text, 0)
        following = self._tokens[self._at + 1].text if token.kind == "name" and token.text == "not" else ""
        return _WORD_LEVELS.get(following if following == "in" else token.text, 0) if token.kind == "name" else 0

    def _prefixed(self) -> Expression:
        places: list[int] = []
        while self._token.kind == "name" and self._token.text == "not":
            places.append(self._next().offset)
        found = self._operation(_Level.IN) if places else self._filtered()
        for offset in reversed(places):
            found = self._negated(found, offset)
        return found

    def _negated(self, operand: Expression, offset: int) -> Expression:
        spine: list[Binary] = []
        while isinstance(operand, Binary) and operand.operator in _NEGATED_LEFT:
            spine.append(operand)
            operand = operand.left
        self._budget.node()
        found: Expression = Unary(offset, "not", operand)
        for each in reversed(spine):
            found = Binary(offset, each.operator, found, each.right)
        return found

    def _membership(self, left: Expression) -> Expression:
        negated = self._takes_name("not")
        self._next()
        found = Binary(left.offset, "in", left, self._operation(_Level.IS))
        return Unary(left.offset, "not", found) if negated else found

    def _test(self, left: Expression) -> Expression:
        self._next()
        negated = self._takes_name("not")
        test = _test_of(left, self._operation(_Level.EQUALITY))
        return Unary(left.offset, "not", test) if negated else test

    def _products(self, first: Expression) -> Expression:
        """Products from left to right, but for `//`, which takes only what `%` joins before and after it."""
        left, more = self._floored(first)
        left = self._folded(left, more)
        while self._is("*", "/"):
            operator = self._next().text
            right, more = self._floored(self._operation(_Level.POWER))
            left = self._folded(Binary(left.offset, operator, left, right), more)
        return left

    def _floored(self, first: Expression) -> tuple[Expression, Sequence[tuple[str, Expression]]]:
        operations = self._moduli()
        while self._takes("//"):
            divisor = self._operation(_Level.POWER)
            quotient = self._folded(first, [*operations, ("/", divisor), *self._moduli()])
            first, operations = Unary(quotient.offset, "floor", quotient), []
        return first, operations

    def _moduli(self) -> list[tuple[str, Expression]]:
        operations: list[tuple[str, Expression]] = []
        while self._takes("%"):
            operations.append(("%", self._operation(_Level.POWER)))
        return operations

    def _folded(self, left: Expression, operations: Sequence[tuple[str, Expression]]) -> Expression:
        for operator, right in operations:
            self._budget.node()
            left = Binary(left.offset, operator, left, right)
        return left

    def _filtered(self) -> Expression:
        found = self._signed()
        while self._takes("|"):
            found = self._filter(found)
        return found

    def _filter(self, operand: Expression | nodes.Capture) -> nodes.Filter:
        first = self._expect("name")
        parts = [self._allowed(first)]
        while self._takes("."):
            parts.append(self._allowed(self._expect("name")))
        self._budget.node()
        arguments = self._arguments(")") if self._takes("(") else Arguments(first.offset, ())
        return nodes.Filter(first.offset, ".".join(parts), operand, arguments)

    def _signed(self) -> Expression:
        token = self._token
        if not self._is("-", "+"):
            return self._postfixed()
        self._budget.enter()
        self._next()
        operand = self._signed()
        self._budget.leave()
        if isinstance(operand, Unary) and operand.operator == token.text:
            raise PlacedError(f"{token.text} can't be doubled.", operand.offset)
        return Unary(token.offset, token.text, operand)

    def _postfixed(self) -> Expression:
        found = self._primary()
        while self._is(".", "[", "("):
            self._budget.node()
            operator = self._next()
            if operator.text == ".":
                key = self._expect("name")
                found = nodes.Lookup(key.offset, found, Literal(key.offset, self._allowed(key)))
            elif operator.text == "[":
                found = self._subscript(found, operator)
            else:
                found = nodes.Call(found.offset, found, self._arguments(")"))
        return found

    def _subscript(self, target: Expression, bracket: Token) -> Expression:
        offset = self._token.offset
        parts: list[Expression | None] = []
        while len(parts) < 3:
            parts.append(None if self._is(":", "]") else self._conditional())
            if len(parts) == 3 or not self._takes(":"):
                break
        self._expect("operator", "]")
        if len(parts) > 1:
            return nodes.Slice(offset, target, parts[0], parts[1], parts[2] if len(parts) > 2 else None)
        key = parts[0]
        if key is None:
            raise PlacedError("There is nothing in the brackets.", bracket.offset)
        if isinstance(key, Literal) and key.value in RESERVED_NAMES:
            raise PlacedError(f"The name {key.value} can't be used.", key.offset)
        return nodes.Lookup(key.offset, target, key)

    def _primary(self) -> Expression:
        token = self._next()
        self._budget.node()
        if token.kind == "name":
            constant = token.text in _CONSTANTS
            return Literal(token.offset, _CONSTANTS[token.text]) if constant else nodes.Name(token.offset, self._allowed(token))
        if token.kind in {"number", "string"}:
            return Literal(token.offset, float(token.text) if token.kind == "number" else token.text)
        if token.kind == "regex":
            return nodes.RegexLiteral(token.offset, token.text, token.flags)
        return self._enclosed(token)

    def _enclosed(self, opening: Token) -> Expression:
        if opening.text == "(":
            items = self._items(")")
            if not items:
                raise PlacedError("There is nothing in the parentheses.", opening.offset)
            return nodes.Group(opening.offset, items)
        if opening.text == "[":
            return nodes.ListLiteral(opening.offset, self._items("]"))
        if opening.text == "{":
            return nodes.DictLiteral(opening.offset, self._pairs())
        raise PlacedError(f"{_shown(opening)} stands where a value should.", opening.offset)

    def _pairs(self) -> Sequence[tuple[str, Expression]]:
        pairs: list[tuple[str, Expression]] = []
        if self._takes("}"):
            return pairs
        while not pairs or self._takes(","):
            key = self._next()
            if key.kind not in {"name", "string"} or (key.kind == "name" and key.text in _CONSTANTS):
                raise PlacedError("A key has to be a name or a string.", key.offset)
            self._expect("operator", ":")
            pairs.append((self._allowed(key), self._conditional()))
        self._expect("operator", "}")
        return pairs

    def _items(self, end: str) -> Sequence[Expression]:
        items: list[Expression] = []
        if self._takes(end):
            return items
        while not items or self._takes(","):
            items.append(self._conditional())
        self._expect("operator", end)
        return items

    def _arguments(self, end: str) -> Arguments:
        """The arguments up to a closing parenthesis, or to the end of the part."""
        offset = self._token.offset
        positional: list[Expression] = []
        keyword: list[tuple[str, Expression]] = []
        if not self._closes(end):
            while not (positional or keyword) or self._takes(","):
                following = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
                if self._token.kind == "name" and following.kind == "operator" and following.text == "=":
                    name = self._allowed(self._next())
                    self._at += 1
                    keyword.append((name, self._conditional()))
                else:
                    positional.append(self._conditional())
            if not self._closes(end):
                raise PlacedError(f"{_shown(self._token)} stands where {end} should.", self._token.offset)
        return Arguments(offset, positional, keyword)

    def _closes(self, end: str) -> bool:
        return self._takes(end) if end != "end" else self._token.kind == "end"


def _test_of(left: Expression, right: Expression) -> nodes.Test:
    """What follows `is`: the name of a test, perhaps called. Anything else is looked up as the test `undefined`, as nunjucks does."""
    arguments = None
    if isinstance(right, nodes.Call):
        right, arguments = right.target, right.arguments
    elif isinstance(right, nodes.Filter) and not isinstance(right.input, nodes.Capture):
        return nodes.Test(right.offset, left, right.name, Arguments(right.offset, (right.input, *right.arguments.positional)))
    if isinstance(right, nodes.Name):
        name = right.name
    elif isinstance(right, Literal):
        name = "null" if right.value is None else str(right.value)
    else:
        name = "undefined"
    return nodes.Test(right.offset, left, name, arguments)


def _shown(token: Token) -> str:
    return "The end" if token.kind == "end" else repr(token.text[:40])
