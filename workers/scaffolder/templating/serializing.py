"""Values as JSON text, as `JSON.stringify` writes it."""

import json
import re

from graph.errors import RenderError
from workers.scaffolder.templating.coercions import join
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.numbers import written
from workers.scaffolder.templating.values import UNDEFINED, Array, Function, Record, Regex, SafeString, Value, to_units, with_pairs_joined

_LONE = re.compile("[\ud800-\udfff]")


def serialized(value: Value, spacing: Value, budget: Budget) -> Value:
    """The value as JSON, indented by a number of spaces or by a text; undefined for undefined. RenderError for functions."""
    indent = _indent(spacing)
    if value is UNDEFINED:
        return UNDEFINED
    return _text(value, indent, "\n" if indent else "", budget)


def _indent(spacing: Value) -> str:
    if isinstance(spacing, float):
        return " " * int(min(10.0, spacing)) if spacing >= 1 else ""
    return spacing[:10] if isinstance(spacing, str) else ""


def _text(value: Value, indent: str, margin: str, budget: Budget) -> str:
    budget.step()
    if isinstance(value, SafeString):
        value = value.text
    if isinstance(value, str):
        budget.allocate(len(value))
        return _quoted(value)
    if isinstance(value, float):
        return written(value) if abs(value) < float("inf") else "null"
    if isinstance(value, Array):
        return _enclosed("[", [_text(item, indent, margin + indent, budget) for item in value.items], "]", margin, indent, budget)
    if isinstance(value, Record | Regex):
        entries = value.entries if isinstance(value, Record) else {}
        colon = '": ' if indent else '":'
        parts = [
            f"{_quoted(key)[:-1]}{colon}{_text(item, indent, margin + indent, budget)}"
            for key, item in entries.items()
            if item is not UNDEFINED
        ]
        return _enclosed("{", parts, "}", margin, indent, budget)
    if isinstance(value, Function):
        raise RenderError("A function can't be written as JSON.")
    return {True: "true", False: "false"}.get(value, "null") if isinstance(value, bool) else "null"


def _enclosed(opening: str, parts: list[str], closing: str, margin: str, indent: str, budget: Budget) -> str:
    if not parts:
        return opening + closing
    inner = join(parts, f",{margin}{indent}", budget)
    return f"{opening}{margin}{indent}{inner}{margin}{closing}" if indent else f"{opening}{inner}{closing}"


def _quoted(text: str) -> str:
    escaped = json.dumps(with_pairs_joined(text), ensure_ascii=False)
    return to_units(_LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped))
