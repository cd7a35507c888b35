"""EntityOrder: how a list of entities is sorted."""

from collections.abc import Sequence
from enum import Enum

import strawberry

from graph.errors import LimitExceededError
from graph.store import Order

_MOST_ORDERS = 20


@strawberry.enum(description="Which way a list is sorted.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("asc", description="Least value first.")
    DESC = strawberry.enum_value("desc", description="Greatest value first.")


@strawberry.input(
    description="Sort by the least value that an entity has under a path; entities without one come last either way. What is equal "
    "after all orderings is sorted by ref."
)
class EntityOrder:
    path: str = strawberry.field(description="Dotted path of the descriptor, such as `metadata.name` or `spec.lifecycle`.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.ASC)


def orders_of(given: Sequence[EntityOrder] | None) -> tuple[Order, ...]:
    """The orderings as the store takes them; none for none. LimitExceededError for more than anybody reads."""
    if given and len(given) > _MOST_ORDERS:
        raise LimitExceededError(f"`orderBy` has {len(given):,} paths; the limit is {_MOST_ORDERS}.")
    return tuple(Order(order.path.lower(), order.direction is OrderDirection.DESC) for order in given or ())
