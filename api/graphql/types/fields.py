"""The builders of fields: read from their source for less than a resolver costs, resolved, or a page of a list."""

from collections.abc import Callable, Iterable
from inspect import Parameter, Signature, signature
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.types.field import StrawberryField

from api.graphql.arguments import After, Before, First, Last, PageArguments


class ReadingField(StrawberryField):
    """A field whose value is a function of its source, without arguments or context."""

    def __init__(self, *, read: Callable[[Any], object] | None = None, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]  strawberry's own types are incomplete here
        self.read = read
        self.init = False

    def __copy__(self) -> "ReadingField":
        copied = super().__copy__()
        copied.read = self.read
        return copied

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:
        return self.read(source) if self.read else None


def reading(read: Callable[[Any], object], description: str) -> Any:
    """A field with the value that `read` takes from the source. Returns Any, as strawberry.field does, to stand behind an annotation."""
    return ReadingField(read=read, description=description)


def attribute(description: str) -> Any:
    """A field with the value of the source's attribute of the same name."""
    return strawberry.field(description=description)


def resolved(resolver: Callable[..., object], description: str, *, name: str | None = None) -> Any:
    """A field that a function resolves. The annotation in the class is its GraphQL type; what the function returns is the source for it."""
    return _field(resolver, signature(resolver).parameters.values(), description, name)


def paged(resolver: Callable[..., object], description: str) -> Any:
    """A field that a function resolves to a page: its parameter `page` becomes the four arguments `first`, `after`, `last`, `before`."""
    own = [parameter for parameter in signature(resolver).parameters.values() if parameter.name != "page"]

    def resolve(**given: Any) -> object:
        page = PageArguments(*(given.pop(parameter.name, None) for parameter in _PAGE))
        return resolver(page=page, **given)

    return _field(resolve, [*own, *_PAGE], description)


_PAGE = [
    Parameter(name, Parameter.KEYWORD_ONLY, default=UNSET, annotation=annotation)
    for name, annotation in (("first", First), ("after", After), ("last", Last), ("before", Before))
]


def _field(resolver: Callable[..., object], parameters: Iterable[Parameter], description: str, name: str | None = None) -> Any:
    shown = Signature([parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in parameters])
    resolver.__signature__ = shown  # pyright: ignore[reportFunctionMemberAccess]  inspect.signature reads it
    return strawberry.field(resolver=resolver, description=description, name=name)


def subscribed(source: Callable[..., object], description: str) -> Any:
    """A field of Subscription. The annotation in the class is its GraphQL type; the function is an asynchronous generator of sources."""
    return strawberry.subscription(resolver=source, description=description)
