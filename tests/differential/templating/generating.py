"""Templates made at random, from a seed, of everything that the grammar has: expressions, filters, methods, statements, whitespace."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS: dict[str, Any] = json.loads(Path(__file__).with_name("vocabulary.json").read_text(encoding="utf-8"))
CONTEXT: dict[str, Any] = WORDS["context"]


@dataclass(frozen=True, slots=True)
class Case:
    """One template, how it is rendered (`value` or `text`), and the options of the syntax by Backstage's names."""

    source: str
    mode: str = "value"
    syntax: tuple[tuple[str, bool], ...] = ()


class Generator:
    """Makes cases. The same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._statements: Sequence[Callable[[int], str]] = (
            self._output, self._output, self._output, self._text, self._text, self._if, self._for, self._set, self._macro, self._call,
            self._filter, self._switch, self._raw, self._comment, self._for, self._if,
        )  # fmt: skip
        self._open, self._cookiecutter = "${{", False

    def case(self) -> Case:
        kind = self._random.random()
        self._cookiecutter = kind > 0.93
        self._open = "{{" if self._cookiecutter else "${{"
        if kind < 0.55:
            return Case(f"{self._open} {self.expression(3)} }}}}")
        options = tuple((name, True) for name in ("trimBlocks", "lstripBlocks") if self._random.random() < 0.3)
        if self._cookiecutter:
            options = (*options, ("cookiecutterCompat", True))
        mode = "value" if not options and self._random.random() < 0.4 else "text"
        return Case(self._body(2, self._random.randint(1, 4)), mode, options)

    def _pick(self, choices: Sequence[str]) -> str:
        return self._random.choice(choices)

    def _word(self, kind: str) -> str:
        return self._random.choice(WORDS[kind])

    def expression(self, depth: int) -> str:
        if depth == 0:
            return self._operand()
        shape = self._random.choices([*WORDS["shapes"]], [*WORDS["shapes"].values()])[0]
        if shape == "typed":
            return self._typed(depth)
        if shape == "range":
            return f"range({self._pick(('3', '1, 5', '5, 0, -2', 'parameters.count', '0'))})"
        inner = self.expression(depth - 1)
        more = self.expression(depth - 1) if shape in {"binary", "conditional"} else self._operand()
        otherwise = self._pick(("", f" else {self._operand()}", f" else {self._operand()}"))
        return {
            "filter": f"{inner} | {self._applied()}",
            "method": f"{self._grouped(inner)}.{self._word('methods')}",
            "binary": f"{inner} {self._word('operators')} {more}",
            "test": f"{inner} is {self._pick(('', '', 'not '))}{self._word('tests')}",
            "conditional": f"{inner} if {more}{otherwise}",
            "subscript": f"{self._grouped(inner)}[{self._word('subscripts')}]",
            "group": f"({inner})",
            "sign": f"{self._pick(('not ', '-', '+', 'not '))}{inner}",
            "list": f"[{inner}, {more}]",
            "dict": f"{{ a: {inner}, 'b': {more} }}",
        }[shape]

    def _typed(self, depth: int) -> str:
        """An operand with filters and methods that suit it."""
        kind = self._pick(("text", "text", "list", "number"))
        found = f"parameters.{self._word(f'{kind}s')}"
        for _ in range(self._random.randint(0, depth)):
            step = self._word(f"{kind}_steps")
            found = f"({found}){step}" if self._random.random() < 0.7 else found + step
        return f"({found}){self._word(f'{kind}_ends')}"

    def _grouped(self, inner: str) -> str:
        return f"({inner})" if self._random.random() < 0.6 else inner

    def _applied(self) -> str:
        chance = self._random.random()
        if chance < 0.15:
            return f"replace({self._word('regexes')}, {self._word('strings')})"
        return self._word("filters_with") if chance < 0.65 else self._word("filters_without")

    def _operand(self) -> str:
        chance = self._random.random()
        if chance < 0.12:
            return self._word("literals")
        if chance < 0.24:
            return self._word("strings")
        if chance < 0.28:
            replacement = self._pick(("", ", '<$1>'"))
            return f"{self._name('texts')}.{self._pick(('replace', 'split'))}({self._word('regexes')}{replacement})"
        if chance < 0.31:
            return f"{self._word('regexes')}.test({self._name('texts')})"
        return self._name(self._random.choices(("texts", "numbers", "lists", "records", "others"), (5, 4, 5, 2, 2))[0])

    def _name(self, kind: str) -> str:
        if self._random.random() < 0.06:
            return self._pick(
                ("user.ref", "steps.fetch.output.url", "values.tags", "nope", "nope.deep.er", "item", "x", "loop.index", "always()", "m")
            )
        return f"parameters.{self._word(kind)}"

    def _body(self, depth: int, count: int) -> str:
        return "".join(self._random.choice(self._statements)(depth) for _ in range(count))

    def _inner(self, depth: int) -> str:
        return self._body(depth - 1, self._random.randint(0, 2)) if depth > 0 else self._pick(("", "t", self._output(0)))

    def _tag(self, text: str) -> str:
        left, right = self._pick(("", "", "-")), self._pick(("", "", "-"))
        space = self._pick((" ", " ", "", "\n"))
        return f"{{%{left}{space or ' '}{text}{space or ' '}{right}%}}{self._pick(('', '', chr(10), '  '))}"

    def _output(self, _depth: int) -> str:
        dash = self._pick(("", "", "-"))
        return f"{self._open}{dash} {self.expression(self._random.randint(0, 2))} {self._pick(('', '-'))}}}}}"

    def _text(self, _depth: int) -> str:
        return self._pick(("text", " ", "\n", "a\n  b", "  \n\t", "1", "{ x }", "$", "}}", "\r\n", '"q"', "null", "true"))

    def _if(self, depth: int) -> str:
        middle = (
            f"{self._tag(self._pick(('elif ', 'elseif ')) + self.expression(1))}{self._inner(depth)}" if self._random.random() < 0.3 else ""
        )
        otherwise = f"{self._tag('else')}{self._inner(depth)}" if self._random.random() < 0.5 else ""
        return f"{self._tag('if ' + self.expression(1))}{self._inner(depth)}{middle}{otherwise}{self._tag('endif')}"

    def _for(self, depth: int) -> str:
        targets = self._pick(("x", "x", "item", "k, v", "a, b, c"))
        inside = self._pick(("loop.index", "loop.last", "loop.revindex0", "loop.length", "x", "k ~ v", "a", "item | dump", "b"))
        otherwise = f"{self._tag('else')}none" if self._random.random() < 0.3 else ""
        head = self._tag(f"for {targets} in {self.expression(1)}")
        return f"{head}{self._open} {inside} }}}},{self._inner(depth)}{otherwise}{self._tag('endfor')}"

    def _set(self, depth: int) -> str:
        name = self._pick(("x", "item", "x, y", "parameters"))
        if self._random.random() < 0.7:
            return f"{self._tag(f'set {name} = {self.expression(1)}')}{self._open} x }}}}"
        return f"{self._tag('set x')}{self._inner(depth)}{self._tag('endset')}[{self._open} x }}}}]"

    def _macro(self, depth: int) -> str:
        body = f"{self._open} a }}}}/{self._open} b }}}}{self._inner(depth)}"
        call = self._pick(("m(1)", "m(1, 2)", "m(b=3)", "m(parameters.list, b='z') | upper", "m(1, 2, 3)", "m()", "m"))
        head = self._tag(f"macro m(a, b={self._pick(('2', 'x', 'parameters.count'))})")
        return f"{head}{body}{self._tag('endmacro')}{self._open} {call} }}}}"

    def _call(self, depth: int) -> str:
        macro = (
            f"{self._tag('macro w(p)')}<{self._open} caller({self._pick(('', '5', 'p'))}) }}}}:{self._open} p }}}}>{self._tag('endmacro')}"
        )
        head = self._pick(("call w(1)", "call(q) w('x')", "call(q=4) w(p=2)", "call nope()", "call w"))
        return f"{macro}{self._tag(head)}{self._open} q }}}}{self._inner(depth)}{self._tag('endcall')}"

    def _filter(self, depth: int) -> str:
        return f"{self._tag('filter ' + self._applied())}{self._inner(depth)}b{self._tag('endfilter')}"

    def _switch(self, depth: int) -> str:
        cases = "".join(f"{self._tag('case ' + self._operand())}{self._inner(depth)}" for _ in range(self._random.randint(1, 2)))
        default = f"{self._tag('default')}{self._inner(depth)}" if self._random.random() < 0.5 else ""
        # Between switch and its first case nothing may stand but whitespace that is trimmed away.
        return f"{{% switch {self._operand()} -%}}{cases}{default}{self._tag('endswitch')}"

    def _raw(self, _depth: int) -> str:
        name = self._pick(("raw", "verbatim"))
        inside = self._pick(("${{ x }}", "{% if %}", " {# #} ", "a"))
        return f"{{% {name} {self._pick(('', '-'))}%}}{inside}{{% end{name} %}}{self._pick(('', ' '))}"

    def _comment(self, _depth: int) -> str:
        return self._pick(("{# c #}", "{#- c -#}", " {# ${{ x }} #} ", "{##}"))
