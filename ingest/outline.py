"""A quick look at a document's lines: enough to prove keys unique and to find the lines of `spec` in documents of ordinary layout."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import islice

Row = tuple[str, str]
"""Of one line: its leading blanks and dashes, and the key that follows them; the key is empty where there is none."""

_ROW = re.compile(r"^([ \-]*+)(?:([^:\n]*+(?::(?!\s|\Z)[^:\n]*+)*+):)?", re.MULTILINE)

# A key, or nothing but dashes, and the header of a block scalar behind it.
_BLOCK_SCALAR = re.compile(
    r"""^([ \-]*+)(?![#'"&!*?{\[])(?:[^:\n]*+(?::(?!\s)[^:\n]*+)*+:[ ]+)?[|>][\-+0-9]*[ \t]*(?:[ ]#[^\n]*)?\n""", re.MULTILINE
)

# Layouts in which two lines could hold one key in different spellings, or one line several keys.
_FLOW_MAPPING = re.compile(r"(?:^|[\s\[,])\{(?!\})", re.MULTILINE)
_EXPLICIT_KEY = re.compile(r"^[ \-]*+[?:](?:\s|\Z)", re.MULTILINE)
_SPELT_OTHERWISE = frozenset("!&*\"'")


def without_block_scalars(text: str) -> str:
    """The text with the lines of its block scalars emptied, so that what is left has the same lines and only keys and short values."""
    if "|" not in text and ">" not in text:
        return text
    kept: list[str] = []
    start = 0
    while (header := _BLOCK_SCALAR.search(text, start)) is not None:
        content = _lines_beyond(len(header[1])).match(text, header.end())
        end = content.end() if content is not None else header.end()
        kept.append(text[start : header.end()] + "\n" * text.count("\n", header.end(), end))
        start = end
    kept.append(text[start:])
    return "".join(kept)


@cache
def _lines_beyond(width: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[ ]{{{width + 1}}}[^\n]*(?:\n|\Z)|[ \t]*\n)*")


def rows_of(text: str) -> list[Row]:
    """A row for every line of the text, so that the index of a row is the number of its line, from 0."""
    return _ROW.findall(text)


def keys_are_unique(text: str, rows: Sequence[Row]) -> bool:
    """Whether no mapping of the document can hold a key twice. False means only that a closer look is needed."""
    keyed = [(len(lead), key) for lead, key in rows if key]
    return (
        len(set(keyed)) == len(keyed)
        and _SPELT_OTHERWISE.isdisjoint(key[0] for _, key in keyed)
        and "\t" not in text
        and " :" not in text
        and ("{" not in text or _FLOW_MAPPING.search(text) is None)
        and _EXPLICIT_KEY.search(text) is None
    )


def spec_lines(rows: list[Row]) -> dict[str, list[int]]:
    """For each field of a block-style `spec`, the row of its key and the rows of the items of its block sequence. Empty if not found."""
    try:
        start = rows.index(("", "spec")) + 1
    except ValueError:
        return {}
    found: dict[str, list[int]] = {}
    column, dash, current = -1, -1, []
    for number, (lead, key) in enumerate(islice(rows, start, None), start):
        width = len(lead)
        if key and not width:
            break
        if "-" in lead:
            dash = lead.index("-") if dash < 0 else dash
            if lead.find("-") == dash:
                current.append(number)
        elif key and column in (-1, width):
            column, dash, current = width, -1, [number]
            found[key] = current
    return found
