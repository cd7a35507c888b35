"""Members of JSON objects that requests bring, each as what it has to be."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from graph.errors import InputError

JsonObject = Mapping[str, object]


def object_of(body: JsonObject, name: str) -> dict[str, Any] | None:
    """The member that is an object, None without it. InputError for anything else."""
    if name not in body:
        return None
    member = body[name]
    if not isinstance(member, dict):
        raise InputError(f"{name[:1].upper()}{name[1:]} must be an object")
    return cast("dict[str, Any]", member)


def text_of(body: JsonObject, name: str) -> str | None:
    """The member that is a string, None without it. InputError for anything else."""
    member = body.get(name)
    if member is not None and not isinstance(member, str):
        raise InputError(f"Invalid {name}, must be a string")
    return member


def texts_in(body: JsonObject, name: str) -> Sequence[str] | None:
    """The member that is a list of strings, None without it. InputError for anything else."""
    member = body.get(name)
    if member is None:
        return None
    if not isinstance(member, list) or not all(isinstance(text, str) for text in cast("list[object]", member)):
        raise InputError(f"Invalid {name}, must be a list of strings")
    return cast("list[str]", member)


def objects_in(body: JsonObject, name: str) -> Sequence[dict[str, Any]]:
    """The member that is a list of objects, empty without it. InputError for anything else."""
    member = body.get(name)
    if member is None:
        return []
    if not isinstance(member, list) or not all(isinstance(item, dict) for item in cast("list[object]", member)):
        raise InputError(f"Invalid {name}, must be a list of objects")
    return cast("list[dict[str, Any]]", member)


def number_of(body: JsonObject, name: str, default: int | None = None) -> int | None:
    """The member that is a whole number from 0 to 999,999,999. InputError for anything else."""
    number = body.get(name)
    if number is None:
        return default
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 10**9:
        raise InputError(f"Invalid {name}, must be a whole number, 0 or greater")
    return number
