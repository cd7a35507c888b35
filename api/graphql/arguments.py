"""The arguments that many fields share, and what their values mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry

from api.graphql.cursors import keyset_of
from api.graphql.given import given
from api.graphql.inputs.filter import EntityFilter
from graph.errors import InputError, InvalidRefError, LimitExceededError
from graph.refs import Ref, parse_ref
from graph.store import Keyset, Window

DEFAULT_PAGE = 50
LARGEST_PAGE = 1_000
LARGEST_IMPACT_PAGE = 10_000


def argument(description: str) -> object:
    return strawberry.argument(description=description)


First = Annotated[int | None, argument("At most this many, from the front. 50 if neither `first` nor `last` is given; 1,000 at most.")]
ImpactFirst = Annotated[int | None, argument("At most this many. 50 if not given; 10,000 at most.")]
After = Annotated[str | None, argument("Only what comes after this cursor.")]
Last = Annotated[int | None, argument("At most this many, from the back; 1,000 at most. Not together with `first`.")]
Before = Annotated[str | None, argument("Only what comes before this cursor.")]
Filter = Annotated[EntityFilter | None, argument("Only entities that this filter lets through.")]


@dataclass(frozen=True, slots=True)
class PageArguments:
    """The four arguments of a connection, as given."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def window(self, scope: str, *, most: int = LARGEST_PAGE) -> Window:
        """The window they ask for. InputError for what makes no sense, LimitExceededError beyond `most`, InvalidCursorError."""
        first, last = given(self.first), given(self.last)
        if first is not None and last is not None:
            raise InputError("`first` and `last` exclude each other; leave one of them out")
        name, limit = ("last", last) if last is not None else ("first", first if first is not None else DEFAULT_PAGE)
        if limit < 0:
            raise InputError(f"`{name}` is {limit}; it counts rows, so give 0 or more")
        if limit > most:
            raise LimitExceededError(f"`{name}` is {limit:,}, and one page holds {most:,} at most; ask for the rest by cursor")
        return Window(limit, _keyset(scope, self.after), _keyset(scope, self.before), backward=last is not None)


def ref_given(argument_name: str, text: str) -> Ref:
    """The full ref of an argument's text. InvalidRefError, naming the argument, if it is none or has no kind."""
    try:
        return parse_ref(text).ref
    except InvalidRefError as error:
        raise InvalidRefError(f"`{argument_name}`: {error}") from error


def refs_given(argument_name: str, texts: Sequence[str]) -> tuple[Ref, ...]:
    """`ref_given` of each, in order."""
    return tuple(ref_given(argument_name, text) for text in texts)


def _keyset(scope: str, cursor: str | None) -> Keyset | None:
    text = given(cursor)
    return None if text is None else keyset_of(scope, text)
