"""What a request selects below a field, for the few fields whose one store call depends on it."""

from collections.abc import Iterable, Iterator

from strawberry.types.nodes import SelectedField, Selection

from api.graphql.context import Info


def selected_fields(info: Info) -> set[str]:
    """The names of the fields selected directly below the current one, those in fragments included."""
    return {name for field in info.selected_fields for name in _names(field.selections)}


def _names(selections: Iterable[Selection]) -> Iterator[str]:
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection.name
        else:
            yield from _names(selection.selections)
