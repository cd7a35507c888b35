"""Glob patterns as catalog files write them: `*`, `?`, `[…]`, `{a,b}` and `**`."""

import re
from functools import lru_cache

_WILD = re.compile(r"[*?\[{]")
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def is_pattern(target: str) -> bool:
    """Whether the target has a wildcard."""
    return _WILD.search(target) is not None


def fixed_folder(target: str) -> str:
    """The folder before the first wildcard: of `/a/b*/c` that is `/a`. For a target without one, the folder that holds it."""
    wild = _WILD.search(target)
    return target[: target.rfind("/", 0, wild.start() if wild else None)] or "/"


def alternatives(pattern: str) -> list[str]:
    """The patterns that a pattern with `{a,b}` stands for; itself if it has none."""
    braces = _BRACES.search(pattern)
    if braces is None:
        return [pattern]
    head, tail = pattern[: braces.start()], pattern[braces.end() :]
    return [expanded for choice in braces[1].split(",") for expanded in alternatives(head + choice + tail)]


@lru_cache(maxsize=512)
def name_pattern(part: str, ignore_case: bool = False) -> re.Pattern[str]:
    """What one part of a pattern, between slashes, matches among names."""
    return re.compile(_translated(part), re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)


def matches(pattern: str, path: str, *, hidden: bool = False, ignore_case: bool = False) -> bool:
    """Whether the pattern matches the whole path. A name that begins with a dot needs `hidden`, or a dot in the pattern."""
    parts = path.split("/")
    return any(_matches(one.split("/"), parts, hidden, ignore_case) for one in alternatives(pattern))


def name_matches(part: str, name: str, *, hidden: bool = False, ignore_case: bool = False) -> bool:
    """Whether one part of a pattern matches a name."""
    if name.startswith(".") and not (hidden or part.startswith(".")):
        return False
    return name_pattern(part, ignore_case).fullmatch(name) is not None


def _matches(pattern: list[str], parts: list[str], hidden: bool, ignore_case: bool) -> bool:
    """By dynamic programming from the end, so that many `**` stay cheap."""
    rest = [False] * len(parts) + [True]
    for part in reversed(pattern):
        if part == "**":
            row = [False] * len(parts) + [rest[-1]]
            for i in range(len(parts) - 1, -1, -1):
                row[i] = rest[i] or (row[i + 1] and (hidden or not parts[i].startswith(".")))
        else:
            row = [rest[i + 1] and name_matches(part, name, hidden=hidden, ignore_case=ignore_case) for i, name in enumerate(parts)]
            row.append(False)
        rest = row
    return rest[0]


def _translated(part: str) -> str:
    regex, i = "", 0
    while i < len(part):
        char = part[i]
        close = part.find("]", i + 2) if char == "[" else -1
        if char == "*":
            regex += "" if regex.endswith("[^/]*") else "[^/]*"
        elif char == "?":
            regex += "[^/]"
        elif close > 0:
            regex += _characters(part[i + 1 : close])
            i = close
        else:
            regex += re.escape(char)
        i += 1
    return regex


def _characters(inside: str) -> str:
    """The character class between brackets; a class that is none, such as a backward range, matches its text."""
    negated = "^" if inside[0] in "!^" else ""
    chosen = re.sub(r"[\\\[&~|^\]]", lambda m: "\\" + m[0], inside[len(negated) :])
    regex = f"[{negated}{chosen}]"
    try:
        re.compile(regex)
    except re.error:
        return re.escape(f"[{inside}]")
    return regex
