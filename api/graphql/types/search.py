"""Search: what is found of a term, of whatever type, and what could be meant while somebody types."""

from asyncio import Future, ensure_future
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from api.graphql.arguments import DEFAULT_PAGE, LARGEST_PAGE, After, argument
from api.graphql.context import Context, Info
from api.graphql.cursors import cursor_of, keyset_of
from api.graphql.given import given
from api.graphql.types.connections import PageInfo
from api.graphql.types.entity import Entity
from api.graphql.types.facets import Facet, FacetAnswer
from api.graphql.types.fields import attribute, reading, resolved
from graph.access import Action
from graph.entities import Entity as StoredEntity
from graph.errors import InputError, InvalidCursorError, LimitExceededError
from graph.store import FacetCount
from workers.search.finding import REBUILD, UNCONFIGURED, Found, Place, Request, Results, Search, SearchUnavailableError
from workers.search.index import FACETS

_DEFAULT_SUGGESTIONS = 8
_MOST_SUGGESTIONS = 20


def _field(description: str) -> Any:
    return strawberry.field(description=description, default=UNSET)


@strawberry.input(
    description="What results are restricted to. All that is given must hold. A list means one of its values, and an empty list lets "
    "nothing through; what is null or left out does not restrict. Values compare without regard to case."
)
class SearchFilter:
    kind: list[str] | None = _field("Kinds of the entities that results belong to, such as `Component`.")
    type: list[str] | None = _field("Values of their `spec.type`.")
    owner: list[str] | None = _field("Refs of their owners; a bare name is a group.")
    lifecycle: list[str] | None = _field("Values of their `spec.lifecycle`.")
    tag: list[str] | None = _field("Tags of theirs.")
    namespace: list[str] | None = _field("Their namespaces.")
    document_type: list[str] | None = _field(
        "What results are themselves: `entity`, `definition` (a part of an API), `section` (of documentation), or what a plugin brings."
    )


_ATTRIBUTES = {name: "document_type" if name == "documentType" else name for name in FACETS}


@strawberry.enum(description="The texts by which something is found.")
class SearchTextField(Enum):
    NAME = strawberry.enum_value("name", description="The name.")
    TITLE = strawberry.enum_value("title", description="The title.")
    TAGS = strawberry.enum_value("tags", description="The tags.")
    REFERENCES = strawberry.enum_value("references", description="The names of owner, system, domain and the like.")
    DESCRIPTION = strawberry.enum_value("description", description="The description.")
    DETAILS = strawberry.enum_value("details", description="Other fields, such as type, labels and links.")
    PARAMETERS = strawberry.enum_value("parameters", description="What a template asks for.")
    STEPS = strawberry.enum_value("steps", description="What a template does.")
    BODY = strawberry.enum_value("body", description="The text of a section or of a part of an API.")


@strawberry.type(description="A piece of a snippet.")
class SnippetPart:
    text: str = attribute("The text, as it is; it is no markup.")
    is_match: bool = attribute("Whether it is what was looked for.")


@strawberry.type(description="What was found in one text of a result, with some words around it.")
class Snippet:
    field: SearchTextField = reading(lambda snippet: SearchTextField(snippet.field.value), "The text.")
    parts: list[SnippetPart] = attribute("The pieces, in their order.")


async def _entity(root: strawberry.Parent[Found], info: Info) -> StoredEntity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref) if root.ref else None


@strawberry.type(description="Something that was found.")
class SearchResult:
    type: str = attribute("What it is: `entity`, `definition`, `section`, or what a plugin brings.")
    title: str = attribute("What it is called.")
    text: str = attribute("How its description or its text begins.")
    ref: str | None = attribute("The ref of the entity that it belongs to; null for what belongs to none.")
    entity: Entity | None = resolved(_entity, "The entity that it belongs to; null for what belongs to none, or has just been removed.")
    location: str = attribute(
        "Where it is below its entity: a pointer into a definition, or a path and anchor of documentation. A URL for what belongs to no "
        "entity. Empty for the entity itself."
    )
    snippets: list[Snippet] = attribute("What was found in its texts.")


@strawberry.type(description="A result in its list.")
class SearchEdge:
    cursor: str = attribute("This row's place in the list.")
    node: SearchResult = reading(lambda row: row.found, "The result.")


class _Row:
    def __init__(self, scope: str, found: Found) -> None:
        self.found = found
        self.cursor = cursor_of(scope, (str(found.place.offset), found.place.id))


class _Page:
    """The source of a PageInfo."""

    def __init__(self, rows: Sequence[_Row], results: Results) -> None:
        self.has_previous_page, self.has_next_page = results.has_previous, results.has_next
        self.start_cursor = rows[0].cursor if rows else None
        self.end_cursor = rows[-1].cursor if rows else None


class _Listed:
    """The source of a SearchConnection: results and facets are looked for once each, when a field needs them."""

    def __init__(
        self, scope: str, results: Callable[[], Awaitable[Results]], facets: Callable[[], Awaitable[Mapping[str, Sequence[FacetCount]]]]
    ) -> None:
        self._scope, self._load, self._count = scope, results, facets
        self._results: Future[Results] | None = None

    def results(self) -> "Future[Results]":
        if self._results is None:
            self._results = ensure_future(self._load())
        return self._results

    async def rows(self) -> Sequence[_Row]:
        return [_Row(self._scope, found) for found in (await self.results()).found]

    async def facets(self) -> Sequence[FacetAnswer]:
        return [FacetAnswer(name, values) for name, values in (await self._count()).items()]


_Source = strawberry.Parent[_Listed]


async def _edges(root: _Source) -> Sequence[_Row]:
    return await root.rows()


async def _nodes(root: _Source) -> Sequence[Found]:
    return (await root.results()).found


async def _page_info(root: _Source) -> _Page:
    return _Page(await root.rows(), await root.results())


async def _total(root: _Source) -> int:
    return (await root.results()).total


async def _facets(root: _Source) -> Sequence[FacetAnswer]:
    return await root.facets()


async def _degraded(root: _Source) -> bool:
    return (await root.results()).degraded


@strawberry.type(description="A page of what was found, the best first.")
class SearchConnection:
    edges: list[SearchEdge] = resolved(_edges, "The rows of this page.")
    nodes: list[SearchResult] = resolved(_nodes, "The results of this page.")
    page_info: PageInfo = resolved(_page_info, "Where this page lies in the list.")
    total_count: int = resolved(_total, "How many results there are in all; of them the first thousand can be read.")
    facets: list[Facet] = resolved(
        _facets,
        "The values of all results, and how many have each: of `kind`, `type`, `owner`, `lifecycle`, `tag`, `namespace` and "
        "`documentType`.",
    )
    degraded: bool = resolved(
        _degraded,
        "Whether the index did not answer and the store was searched in its place: for entities alone, by plain text.",
    )


Term = Annotated[
    str,
    argument(
        'What to look for: words, which may have typos and of which the last may be a beginning, "phrases", and -words to leave out. '
        "Empty finds everything."
    ),
]
Filter = Annotated[SearchFilter | None, argument("Only results that this filter lets through.")]


async def _search(
    info: Info,
    term: Term,
    filter: Filter = UNSET,
    first: Annotated[int | None, argument("At most this many. 50 if not given; 1,000 at most.")] = UNSET,
    after: After = UNSET,
) -> _Listed:
    service, access = _service(info.context), info.context.access
    filters = _filters(given(filter))
    scope = f"search {term} {sorted(filters.items())}"
    limit = _limit(given(first), DEFAULT_PAGE, LARGEST_PAGE)
    request = Request(term, filters, limit, _place(scope, given(after)))
    return _Listed(scope, lambda: service.results(request, access), lambda: service.facets(request, access))


async def _suggestions(
    info: Info,
    term: Annotated[str, argument("What has been typed so far.")],
    filter: Filter = UNSET,
    first: Annotated[int | None, argument("At most this many. 8 if not given; 20 at most.")] = UNSET,
) -> Sequence[str]:
    limit = _limit(given(first), _DEFAULT_SUGGESTIONS, _MOST_SUGGESTIONS)
    return await _service(info.context).suggestions(Request(term, _filters(given(filter)), limit), info.context.access)


@strawberry.type(description="What rebuilding the search index began.")
class RebuildSearchIndexPayload:
    job: str = attribute("The job that does it, as `jobs` lists it.")


class _Requested:
    def __init__(self, job: str) -> None:
        self.job = job


async def _rebuild(info: Info) -> _Requested:
    context = info.context
    with context.audit.doing(context.access, "search.rebuild", "search index", cause=f"GraphQL {info.field_name}"):
        context.access.demand(Action.ADMIN)
        if context.search is None or context.work is None:
            raise SearchUnavailableError(UNCONFIGURED)
        await context.work.request(REBUILD)
        return _Requested(REBUILD)


rebuild_search_index = resolved(_rebuild, "Build the search index anew, in the background, while the present one answers.")
search = resolved(_search, "What is found of a term: entities, parts of APIs, documentation, and what plugins bring, the best first.")
search_suggestions = resolved(_suggestions, "Names and titles that begin like what is typed.")


def _service(context: Context) -> Search:
    context.demand(Action.SEARCH, "search")
    return context.searching


def _filters(filter: SearchFilter | None) -> Mapping[str, Sequence[str]]:
    asked = ((name, given(getattr(filter, attribute_name))) for name, attribute_name in _ATTRIBUTES.items()) if filter else ()
    return {name: values for name, values in asked if values is not None}


def _limit(first: int | None, default: int, most: int) -> int:
    if first is None:
        return default
    if first < 0:
        raise InputError(f"`first` is {first}; it counts rows, so give 0 or more")
    if first > most:
        raise LimitExceededError(f"`first` is {first:,}, and one page holds {most:,} at most")
    return first


def _place(scope: str, cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    keyset = keyset_of(scope, cursor)
    if len(keyset) != 2 or not keyset[0] or not keyset[1]:
        raise InvalidCursorError("the cursor is malformed; hand back a cursor as it was received, or leave it out to start over")
    try:
        return Place(int(keyset[0]), keyset[1])
    except ValueError as error:
        raise InvalidCursorError("the cursor is malformed; hand back a cursor as it was received, or leave it out to start over") from error
