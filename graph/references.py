"""The references to other entities that a descriptor holds: where they are written, and which refs they mean."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from graph.errors import InvalidRefError
from graph.refs import EntityRef, Ref, parse_ref
from graph.relations import Declaration

Steps = tuple[str | int, ...]
"""The keys and indexes that lead from `spec` to a value."""


def written(spec: Mapping[str, Any], declaration: Declaration) -> Iterator[tuple[Steps, object]]:
    """The refs of a field as written, each with the steps that lead to it; a field that is missing or empty has none."""
    value: Any = spec.get(declaration.field)
    if not value:
        return
    if isinstance(value, list):
        for index, item in enumerate(cast("Sequence[object]", value)):
            yield (declaration.field, index), item
    else:
        yield (declaration.field,), value


def meant(text: object, declaration: Declaration, namespace: str) -> Ref:
    """The ref that is meant by what is written in an entity of the namespace. InvalidRefError if it is no reference.

    A ref without a namespace means the entity's own, https://backstage.io/docs/features/software-catalog/references
    """
    if isinstance(text, str):
        return parse_ref(text, default_kind=declaration.default_kind, default_namespace=namespace).ref
    if isinstance(text, dict):
        parts = cast("dict[str, object]", text)
        kind, name = parts.get("kind", declaration.default_kind), parts.get("name")
        inside = parts.get("namespace", namespace)
        if isinstance(kind, str) and isinstance(name, str) and isinstance(inside, str) and kind and name and inside:
            return EntityRef(kind, inside, name).ref
    raise InvalidRefError("is no reference to an entity")
