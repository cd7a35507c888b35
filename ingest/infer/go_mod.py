"""Reads go.mod, https://go.dev/ref/mod#go-mod-file."""

import re
from collections.abc import Iterator

from ingest.infer.packages import INDIRECT, RUNTIME, Ecosystem, InferenceProblem, Manifest, Package, Required

_WORD = re.compile(r'"[^"]*"|`[^`]*`|[^\s"`]+')
_LOCAL = ("./", "../", "/")
_DIRECTIVES = frozenset({"module", "require", "replace", "exclude", "retract", "go", "toolchain", "tool", "godebug", "ignore"})


def read_go_mod(text: str, path: str) -> Manifest:
    """What the module publishes and requires. A requirement replaced by another module is one of that; a local replacement stays itself."""
    module: tuple[str, int] | None = None
    required: dict[str, tuple[int, bool]] = {}
    replaced: dict[str, tuple[str, int]] = {}
    problems: list[InferenceProblem] = []
    for line, directive, words, comment in _statements(text):
        match directive, words:
            case "module", [name]:
                module = (name, line)
            case "require", [name, _]:
                required[name] = (line, comment.startswith("indirect"))
            case "replace", [old, *_, "=>", new] | [old, *_, "=>", new, _] if new != "=>":
                replaced[old] = (new, line)
            case (("exclude" | "retract" | "go" | "toolchain" | "tool" | "godebug" | "ignore"), _):
                continue
            case _:
                problems.append(InferenceProblem(path, line, f"can't be understood: {directive} {' '.join(words)}"[:120]))
    requires = [
        Required(Package(Ecosystem.GO, _actual(name, replaced)), "require", line, INDIRECT if indirect else RUNTIME)
        for name, (line, indirect) in required.items()
    ]
    published, line = (Package(Ecosystem.GO, module[0]), module[1]) if module else (None, 1)
    return Manifest(path, published, line, tuple(requires), tuple(problems))


def _actual(name: str, replaced: dict[str, tuple[str, int]]) -> str:
    new = replaced.get(name, (name, 0))[0]
    return name if new.startswith(_LOCAL) else new


def _statements(text: str) -> Iterator[tuple[int, str, list[str], str]]:
    """(line, directive, its words, the comment behind them), with blocks in parentheses taken apart."""
    block = ""
    for number, row in enumerate(text.splitlines(), 1):
        code, _, comment = row.partition("//")
        words = [word.strip('"`') for word in _WORD.findall(code)]
        if not words:
            continue
        if block:
            if words == [")"]:
                block = ""
            else:
                yield number, block, words, comment.strip()
        elif words[-1] == "(" and len(words) == 2 and words[0] in _DIRECTIVES:
            block = words[0]
        else:
            yield number, words[0], words[1:], comment.strip()
