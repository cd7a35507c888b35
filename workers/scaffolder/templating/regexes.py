"""Regex literals: their syntax checked, translated for an engine that keeps a deadline, and applied as JavaScript applies them."""

import re
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from graph.errors import RenderError, RenderLimitError
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.patterns import translated
from workers.scaffolder.templating.values import Regex

if TYPE_CHECKING:
    import regex

# What a replacement can refer to: $$, $&, $`, $', $1 to $99 and $<name>.
_REFERENCE = re.compile(r"\$(?:([$&`'])|([0-9]{1,2})|<([^>]*)>)")


def check_regex(pattern: str, flags: str) -> None:
    """RenderError unless the pattern is one of JavaScript's."""
    _compiled(pattern, frozenset(flags))


@lru_cache(maxsize=512)
def _compiled(pattern: str, flags: frozenset[str]) -> "regex.Pattern[str]":
    text = translated(pattern, multiline="m" in flags)
    # It takes nine megabytes, and few templates have a regex.
    engine = import_module("regex")
    try:
        return engine.compile(text, (engine.IGNORECASE if "i" in flags else 0) | engine.VERSION0)
    except (engine.error, RecursionError, OverflowError, MemoryError) as error:
        raise RenderError("A regular expression is invalid or too complex.") from error


def _found(pattern: Regex, text: str, start: int, budget: Budget, *, sticky: bool = False) -> "regex.Match[str] | None":
    """The first match from there on, or exactly there. RenderLimitError if looking for it takes too long."""
    budget.step()
    compiled = _compiled(pattern.source, frozenset(pattern.flags))
    begun = time.monotonic()
    try:
        return (compiled.match if sticky else compiled.search)(text, start, timeout=budget.regex_seconds())
    except TimeoutError as error:
        raise RenderLimitError("A regular expression takes too long on this text.") from error
    except MemoryError as error:
        raise RenderLimitError("A regular expression needs too much memory on this text.") from error
    finally:
        budget.spend_regex_seconds(time.monotonic() - begun)


def _next(pattern: Regex, text: str, budget: Budget) -> "regex.Match[str] | None":
    """What `exec` finds: from the place that a global or sticky regex remembers, which it then moves on."""
    sticky, remembering = "y" in pattern.flags, "g" in pattern.flags or "y" in pattern.flags
    start = pattern.last_index if remembering else 0
    match = _found(pattern, text, start, budget, sticky=sticky) if start <= len(text) else None
    if remembering:
        pattern.last_index = match.end() if match else 0
    return match


def test(pattern: Regex, text: str, budget: Budget) -> bool:
    """`pattern.test(text)`."""
    return _next(pattern, text, budget) is not None


def _matches(pattern: Regex, text: str, budget: Budget) -> Iterator["regex.Match[str]"]:
    if "g" not in pattern.flags:
        if match := _next(pattern, text, budget):
            yield match
        return
    pattern.last_index = 0
    while match := _next(pattern, text, budget):
        yield match
        if match.start() == match.end():
            pattern.last_index += 1


def replace(text: str, pattern: Regex, replacement: str, budget: Budget) -> str:
    """`text.replace(pattern, replacement)`."""
    parts: list[str] = []
    end = 0
    for match in _matches(pattern, text, budget):
        groups = [match.group(number) for number in range(1, (match.re.groups or 0) + 1)]
        parts += [text[end : match.start()], expanded(replacement, text, match.span(), groups, match.groupdict(), budget)]
        end = match.end()
    parts.append(text[end:])
    budget.allocate(sum(map(len, parts)))
    return "".join(parts)


def split(text: str, pattern: Regex, limit: int, budget: Budget) -> list[str | None]:
    """`text.split(pattern, limit)`, with None for groups that matched nothing."""
    if limit == 0:
        return []
    if not text:
        return [] if _found(pattern, text, 0, budget, sticky=True) else [text]
    parts: list[str | None] = []
    last = place = 0
    while place < len(text) and (match := _found(pattern, text, place, budget)) and match.start() < len(text):
        if match.end() == last:
            place += 1
            continue
        parts += [text[last : match.start()], *(match.group(number) for number in range(1, (match.re.groups or 0) + 1))]
        if len(parts) >= limit:
            return parts[:limit]
        last = place = match.end()
    return [*parts, text[last:]]


def expanded(
    replacement: str,
    text: str,
    span: tuple[int, int],
    groups: Sequence[str | None],
    names: dict[str, str | None],
    budget: Budget,
) -> str:
    """The replacement with its references to what was found filled in (ECMA-262, 22.1.3.19.1)."""
    if "$" not in replacement:
        budget.allocate(len(replacement))
        return replacement
    around = {"$": "$", "&": text[span[0] : span[1]], "`": text[: span[0]], "'": text[span[1] :]}

    def filled(found: re.Match[str]) -> str:
        sign, number, name = found.groups()
        if sign is not None:
            part = around[sign]
        elif name is not None:
            part = (names.get(name) or "") if names else found[0]
        else:
            part = _group(number, groups, found[0])
        budget.allocate(len(part))
        return part

    return _REFERENCE.sub(filled, replacement)


def _group(number: str, groups: Sequence[str | None], written: str) -> str:
    """What $1 or $12 stands for: two digits if there are that many groups, else one digit and the other as it is."""
    for digits in (2, 1):
        index = int(number[:digits])
        if len(number) >= digits and 1 <= index <= len(groups):
            return (groups[index - 1] or "") + number[digits:]
    return written
