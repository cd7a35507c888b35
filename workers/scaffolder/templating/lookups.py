"""What a key leads to in a value: items, entries and lengths, and nothing else."""

from graph.errors import RenderError
from workers.scaffolder.templating.values import RESERVED_NAMES, UNDEFINED, Array, Record, SafeString, Value, is_index


def has(value: Value, key: str) -> bool:
    """Whether the value has the key, even if undefined is there."""
    if isinstance(value, Record):
        return key in value.entries
    size = length_of(value)
    return size is not None and (key == "length" or _index(key, size) is not None or (key == "val" and isinstance(value, SafeString)))


def get(value: Value, key: str) -> Value:
    """What is there; undefined if nothing is."""
    if isinstance(value, Record):
        return value.entries.get(key, UNDEFINED)
    size = length_of(value)
    if size is None:
        return UNDEFINED
    if key == "length":
        return float(size)
    if isinstance(value, SafeString) and key == "val":
        return value.text
    index = _index(key, size)
    if index is None:
        return UNDEFINED
    return value.items[index] if isinstance(value, Array) else text_of(value)[index]


def text_of(value: Value) -> str:
    """What a string says, safe or not. RenderError for any other value."""
    if isinstance(value, SafeString):
        return value.text
    if not isinstance(value, str):
        raise RenderError("A string is needed here.")
    return value


def length_of(value: Value) -> int | None:
    """How many items or code units a list or a string has; None for anything else."""
    if isinstance(value, Array):
        return len(value.items)
    return len(text_of(value)) if isinstance(value, str | SafeString) else None


def _index(key: str, size: int) -> int | None:
    return int(key) if is_index(key) and int(key) < size else None


def attribute(value: Value, key: str) -> Value:
    """What is there. RenderError if the value is undefined or null."""
    if value is UNDEFINED or value is None:
        raise RenderError(f"Nothing can be read from {'null' if value is None else 'undefined'}.")
    return get(value, key)


def check_key(key: str) -> str:
    """The key. RenderError for those that JavaScript's objects are reached by."""
    if key in RESERVED_NAMES:
        raise RenderError(f"The name {key} can't be used.")
    return key


def attribute_at(value: Value, path: list[str]) -> Value:
    """What the keys lead to, one after the other; undefined as soon as one is not there."""
    for key in path:
        if value is UNDEFINED or value is None:
            raise RenderError(f"Nothing can be read from {'null' if value is None else 'undefined'}.")
        if not has(value, key):
            return UNDEFINED
        value = get(value, key)
    return value
