"""The lists of entities at the root: filtered, ordered, paged by keyset, counted on request."""

from typing import Annotated, Any

from strawberry import UNSET

from api.graphql.arguments import Filter, PageArguments, argument
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.inputs.filter import condition_of
from api.graphql.inputs.order import EntityOrder, orders_of
from api.graphql.listing import ListedRow, Listing, Slice, slice_of
from api.graphql.types.fields import paged
from graph.conditions import Condition, all_of, fact_in
from graph.entities import Entity

OrderBy = Annotated[list[EntityOrder] | None, argument("Sort by these, the first one first. By ref if not given.")]


def entities(
    info: Info,
    page: PageArguments,
    filter: Filter = UNSET,
    order_by: OrderBy = UNSET,
) -> Listing[Entity]:
    return _listing(info, (), filter, order_by, page)


def entities_of_kind(kind: str, plural: str) -> Any:
    """The list of all entities of a kind (lower case)."""

    def resolve(
        info: Info,
        page: PageArguments,
        filter: Filter = UNSET,
        order_by: OrderBy = UNSET,
    ) -> Listing[Entity]:
        return _listing(info, (fact_in("kind", (kind,)),), filter, order_by, page)

    return paged(resolve, f"{plural}, ordered by ref unless `orderBy` is given.")


def _listing(info: Info, required: tuple[Condition, ...], filter: Filter, order_by: OrderBy, arguments: PageArguments) -> Listing[Entity]:
    store, visible = info.context.store, info.context.visible
    order = orders_of(given(order_by))
    scope = f"entities {order}"
    window = arguments.window(scope)
    asked = condition_of(given(filter), info.context.registry)
    condition = all_of((*required, *((asked,) if asked else ())))

    async def load() -> Slice[Entity]:
        page = await store.page(condition, order, window, visible=visible)
        return slice_of(page, lambda keyset, entity: ListedRow(scope, keyset, entity.ref, entity))

    async def count() -> int:
        return await store.count(condition, visible=visible)

    return Listing(load, count)
