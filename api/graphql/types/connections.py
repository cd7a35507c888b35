"""Connections: pages of lists, and what all of them have in common."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import strawberry

from api.graphql.listing import ListedRow, Listing, Slice
from api.graphql.types.evidence import Evidence
from api.graphql.types.fields import attribute, resolved

T = TypeVar("T")

Source = strawberry.Parent[Listing[Any]]


async def rows_of(root: Source) -> Sequence[ListedRow[Any]]:
    return (await root.slice()).rows


async def nodes_of(root: Source) -> Sequence[Any]:
    return [row.node for row in (await root.slice()).rows if row.node is not None]


async def page_of(root: Source) -> Slice[Any]:
    return await root.slice()


async def count_of(root: strawberry.Parent[Listing[Any]]) -> int:
    return await root.total()


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_previous_page: bool = attribute("Whether there is anything before this page.")
    has_next_page: bool = attribute("Whether there is anything after this page.")
    start_cursor: str | None = attribute("The cursor of the first row, to page backward with `before`; null on an empty page.")
    end_cursor: str | None = attribute("The cursor of the last row, to page forward with `after`; null on an empty page.")


@strawberry.type(description="An entity in a list, and why it is there.")
class Edge(Generic[T]):
    cursor: str = attribute("This row's place in the list.")
    target_ref: str = attribute("The ref of the entity, whether it exists or not.")
    node: T | None = attribute("The entity; null if it is missing, or of a kind that this list can't show.")
    evidence: list[Evidence] = attribute("The statements by which it is related; empty in a list that follows no relation.")


@strawberry.type(description="A page of a list of entities.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = resolved(rows_of, "The rows of this page, missing entities included.")
    nodes: list[T] = resolved(nodes_of, "The entities of this page, missing ones left out.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(count_of, "How many entities the whole list has, missing ones left out. Counted only if asked for.")


@strawberry.type(name="Edge", description="A row of a list.")
class RowEdge(Generic[T]):
    cursor: str = attribute("This row's place in the list.")
    node: T = attribute("What the row holds.")
