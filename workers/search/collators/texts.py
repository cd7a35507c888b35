"""Texts of what people wrote: whatever stands where a text is due becomes one, or none, of a bounded length."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from plugins.contract import CollatedDocument, TextField

LONGEST_NAME = 500
"""Characters of a name or title that are kept."""

LONGEST_TEXT = 10_000
"""Characters of any other text that are kept."""

_NAMES = {TextField.NAME, TextField.TITLE}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]+")


def text_of(value: object) -> str:
    """The value of a scalar as text in one line, cut at LONGEST_TEXT; empty for null and for what is no scalar."""
    if isinstance(value, str):
        if len(value) <= LONGEST_TEXT and value.isprintable():
            return value.strip()
        return _UNSEEN.sub(" ", value[:LONGEST_TEXT]).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def prose_of(value: object) -> str:
    """The text of a scalar, with its lines kept apart."""
    if not isinstance(value, str):
        return text_of(value)
    return "\n".join(line for line in map(text_of, value[: 2 * LONGEST_TEXT].splitlines()) if line)


def texts_in(value: object) -> Iterator[str]:
    """The texts of a scalar, or of the scalars of a list."""
    for item in cast("list[object]", value) if isinstance(value, list) else (value,):
        if text := text_of(item):
            yield text


def mapping_of(value: object) -> Mapping[str, object]:
    """The value itself if it is a mapping, else an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def mappings_in(value: object) -> Iterator[Mapping[str, object]]:
    """The mappings of a list; of anything else none."""
    for item in cast("list[object]", value) if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield cast("Mapping[str, object]", item)


def joined(parts: Iterable[str], separator: str = "\n", longest: int = LONGEST_TEXT) -> str:
    """The parts, each once, up to a length."""
    kept: dict[str, None] = {}
    length = 0
    for part in parts:
        if not part or part in kept:
            continue
        kept[part] = None
        length += len(part) + len(separator)
        if length > longest:
            break
    return separator.join(kept)[:longest]


def filled(texts: Mapping[TextField, str]) -> dict[TextField, str]:
    """The texts that are not empty."""
    return {field: text for field, text in texts.items() if text}


def cleaned(document: CollatedDocument) -> CollatedDocument:
    """The document of a plugin with texts of a bounded length that every engine takes."""
    texts = {TextField(name): prose_of(text)[: LONGEST_NAME if name in _NAMES else LONGEST_TEXT] for name, text in document.texts.items()}
    return CollatedDocument(text_of(document.key), filled(texts), text_of(document.location))
