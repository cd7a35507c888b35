"""Looking into parsed files whose shape nobody has checked."""

from collections.abc import Mapping, Sequence
from typing import Any, cast


def table(value: object, *keys: str) -> Mapping[str, Any]:
    """The mapping below the keys; an empty one if something else is there, or nothing."""
    for key in keys:
        value = cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def listed(value: Mapping[str, Any], key: str) -> Sequence[object]:
    """The list under the key; an empty one if something else is there, or nothing."""
    found = value.get(key)
    return cast("list[object]", found) if isinstance(found, list) else ()


def text_of(value: Mapping[str, Any], key: str) -> str | None:
    """The text under the key; None if something else is there, or nothing, or the empty text."""
    found = value.get(key)
    return found if isinstance(found, str) and found else None
