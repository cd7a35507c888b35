"""The known keys, walked from the model: for the reference, and for telling what a mistyped key was meant to be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import orjson
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from config.model import Config
from config.sections import Section

_TYPES = {str: "text", int: "integer", bool: "boolean", SecretStr: "secret", Path: "path", timedelta: "duration"}


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key of the configuration. `when` is the database client that has it; `default` is JSON, None where there is none."""

    key: str
    type: str
    default: str | None
    required: bool
    description: str
    when: str | None = None


def reference() -> tuple[KnownKey, ...]:
    """Every key, in the order of the model; a list's items stand under `key[]`."""
    return tuple(_walk(Config, "", None, ()))


def _walk(section: type[Section], prefix: str, when: str | None, above: tuple[type[Section], ...]) -> Iterator[KnownKey]:
    """The keys of a section. One that may hold itself again is walked once."""
    for name, field in section.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        below = list(sections_in(field.annotation))
        yield KnownKey(key, _type_name(field.annotation, bool(below)), _default(field), field.is_required(), field.description or "", when)
        origin = get_origin(field.annotation)
        item = "[]." if origin is tuple else ".<id>." if origin is Mapping else "."
        for one in below:
            if one is not section and one not in above:
                yield from _walk(one, key + item, _client_of(one) if len(below) > 1 else when, (*above, section))


def sections_in(annotation: Any) -> Iterator[type[Section]]:
    """The sections that a field of this type may hold, itself or as items."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for part in get_args(annotation):
            yield from sections_in(part)


def _client_of(section: type[Section]) -> str | None:
    """The database client that the section belongs to."""
    return next(iter(get_args(section.model_fields["client"].annotation)), None)


def _default(field: FieldInfo) -> str | None:
    if field.is_required() or field.default is None or isinstance(field.default, Section):
        return None
    return orjson.dumps(to_jsonable_python(field.default, by_alias=True)).decode()


def _type_name(annotation: Any, holds_section: bool) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type_name(get_args(annotation)[0], holds_section)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if origin is tuple:
        return f"list of {'mappings' if holds_section else _type_name(get_args(annotation)[0], False) + 's'}"
    if origin in (Union, UnionType):
        return _type_name(next(part for part in get_args(annotation) if part is not NoneType), holds_section)
    if holds_section or origin is Mapping:
        return "mapping"
    return _TYPES[annotation]


def sections_at(location: tuple[int | str, ...]) -> tuple[tuple[int | str, ...], list[str]]:
    """A validation error's location as a path of keys, and the keys known beside its last one.

    The validator puts the chosen `client` between `database` and what lies in it; the path leaves it out.
    """
    path: list[int | str] = []
    candidates: list[type[Section]] = [Config]
    siblings: list[str] = []
    by_id = False
    for part in location:
        if by_id:
            path.append(part)
            by_id = False
            continue
        chosen = [one for one in candidates if len(candidates) > 1 and part == _client_of(one)]
        if chosen:
            candidates = chosen
            continue
        path.append(part)
        if isinstance(part, int):
            continue
        fields = {field.alias: field for one in candidates for field in one.model_fields.values() if field.alias}
        siblings = list(fields)
        candidates = list(sections_in(fields[part].annotation)) if part in fields else []
        by_id = part in fields and get_origin(fields[part].annotation) is Mapping and bool(candidates)
    return tuple(path), siblings


def nearest(unknown: str, siblings: list[str]) -> str:
    """What to write instead of an unknown key, as the end of a sentence."""
    close = get_close_matches(unknown, siblings, n=1)
    if close:
        return f"did you mean {close[0]}?"
    elsewhere = [known.key for known in reference() if known.key.rpartition(".")[2].lower() == unknown.lower()]
    if elsewhere:
        return f"there is {elsewhere[0]}"
    return f"known here: {', '.join(sorted(siblings))}"
