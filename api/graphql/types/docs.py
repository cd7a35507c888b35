"""Documentation of entities: its state, pages and flaws."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import Annotated

import orjson
import strawberry
from strawberry import UNSET

from api.docs.sites import DocsSites, Elsewhere, OpenSite
from api.graphql.arguments import PageArguments, argument, ref_given
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.listing import ListedRow, Listing, Slice, page_within, slice_of
from api.graphql.types.connections import PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.permissions import demand_on
from graph.access import Action
from graph.entities import Entity as StoredEntity
from graph.errors import ConflictError, NotFoundError
from graph.refs import Ref
from graph.store import Keyset
from workers.techdocs.publishing import site_of
from workers.techdocs.results import DocsProblem as FoundProblem
from workers.techdocs.results import LeftOut
from workers.techdocs.states import all_problems, problems_of

_SCOPE = "docs-problems"
_MOST_PAGES = 5_000

Version = Annotated[str | None, argument("A branch or tag of which documentation was published; not given, the current one.")]


@strawberry.enum(description="How the documentation of an entity is.")
class DocsState(Enum):
    READY = strawberry.enum_value("ready", description="It was built or published, and can be read.")
    FAILED = strawberry.enum_value("failed", description="The last build gave no site; one that was built before can still be read.")
    MISSING = strawberry.enum_value("missing", description="Nothing was built or published yet.")


@dataclass(frozen=True)
class OpenDocs:
    """What the fields are read from."""

    sites: DocsSites
    opened: OpenSite

    @cached_property
    def ref(self) -> Ref:
        return self.opened.site.ref


@strawberry.enum(description="What is wrong in a page that was built.")
class DocsProblemKind(Enum):
    BROKEN_LINK = strawberry.enum_value("broken-link", description="A link leads to no page or file of the site.")
    MISSING_ANCHOR = strawberry.enum_value("missing-anchor", description="A link leads to a page that lacks its anchor.")
    MISSING_IMAGE = strawberry.enum_value("missing-image", description="An image is not there.")
    MISSING_PAGE = strawberry.enum_value("missing-page", description="The navigation names a page that is not there.")
    MISSING_SNIPPET = strawberry.enum_value("missing-snippet", description="A file that a page includes is not there.")
    UNDRAWN_DIAGRAM = strawberry.enum_value("undrawn-diagram", description="A diagram is code, since its server did not draw it.")


@strawberry.type(description="A flaw in the pages of an entity's documentation.")
class DocsProblem:
    kind: DocsProblemKind = reading(lambda problem: DocsProblemKind[problem.kind.name], "What is wrong.")
    page: str = attribute("The file of the sources, relative to their folder.")
    line: int | None = attribute("The line, counted from 1; null where it is not known.")
    target: str = attribute("What is missing: the link, anchor, image or page, as written.")


@strawberry.type(description="Something that a site's configuration asks for and that was not done, while the rest was built.")
class DocsLeftOut:
    setting: str = attribute("Its place in the configuration, or the file.")
    reason: str = attribute("Why, and what to do.")


@strawberry.type(description="A page of an entity's documentation.")
class DocsPage:
    title: str = attribute("Its title.")
    url: str = attribute("Where to read it.")


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page by its title and address."""

    title: str
    url: str


async def _state(root: strawberry.Parent[OpenDocs]) -> DocsState:
    if root.opened.state.error is not None:
        return DocsState.FAILED
    if root.opened.state.etag is not None:
        return DocsState.READY
    return DocsState.READY if await root.sites.publisher.find(root.opened.site, "index.html") else DocsState.MISSING


async def _etag(root: strawberry.Parent[OpenDocs]) -> str | None:
    described = await root.sites.publisher.metadata(root.opened.site)
    etag = described.get("etag") if described else None
    return etag if isinstance(etag, str) else None


async def _pages(root: strawberry.Parent[OpenDocs]) -> Sequence[ListedPage]:
    content = await root.sites.publisher.search_index(root.opened.site)
    try:
        entries = orjson.loads(content or b"{}").get("docs", [])
        found = [(str(entry["title"]), str(entry["location"])) for entry in entries if "#" not in entry["location"]]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return ()
    url = root.sites.url_of(root.opened.site)
    return [ListedPage(title, url + location.lstrip("/")) for title, location in found[:_MOST_PAGES]]


async def _versions(root: strawberry.Parent[OpenDocs]) -> Sequence[str]:
    return await root.sites.publisher.versions(root.opened.site)


async def _problems(root: strawberry.Parent[OpenDocs], info: Info) -> Sequence[FoundProblem]:
    return await problems_of(info.context.store, root.opened.site.id)


async def _log(root: strawberry.Parent[OpenDocs], info: Info) -> str | None:
    return await root.sites.log_for(info.context.access, root.opened)


def _error(docs: OpenDocs, index: int) -> str | None:
    return docs.opened.state.error[index] if docs.opened.state.error else None


def _left_out(docs: OpenDocs) -> Sequence[LeftOut]:
    return docs.opened.state.left_out


def _built_at(docs: OpenDocs) -> datetime | None:
    return docs.opened.state.built_at


@strawberry.type(description="The documentation of an entity, for whoever may read it.")
class Docs:
    ref: str = attribute("The entity whose documentation it is: another one where the annotation backstage.io/techdocs-entity names it.")
    url: str = reading(lambda docs: docs.sites.url_of(docs.opened.site), "Where to read it.")
    version: str | None = reading(lambda docs: docs.opened.site.version, "The branch or tag; null for the current one.")
    versions: list[str] = resolved(_versions, "The branches and tags of which there is documentation too.")
    state: DocsState = resolved(_state, "How it is.")
    etag: str | None = resolved(_etag, "What stands for its content, as its builder has it; null if there is none.")
    built_at: datetime | None = reading(_built_at, "When Callboard built it last; null if it did not.")
    checked_at: datetime | None = reading(lambda docs: docs.opened.state.checked_at, "When its sources were last looked at; null: never.")
    error: str | None = reading(lambda docs: _error(docs, 0), "Why the last build gave no site; null if it gave one.")
    remedy: str | None = reading(lambda docs: _error(docs, 1), "What to do about that.")
    problems: list[DocsProblem] = resolved(_problems, "What is wrong in its pages.")
    left_out: list[DocsLeftOut] = reading(_left_out, "What its configuration asks for and was not done.")
    pages: list[DocsPage] = resolved(_pages, "Its pages, in their order, the first 5,000.")
    log: str | None = resolved(_log, "What the last build said; null for whoever may not have it built, and where there was none.")


async def _opened(info: Info, ref: Ref, version: str | None) -> OpenDocs | None:
    sites = info.context.docs
    if sites is None or not sites.has_storage:
        return None
    try:
        found = await sites.open(info.context.access, ref, version)
        if isinstance(found, Elsewhere):
            found = await sites.open(info.context.access, found.entity.ref)
    except NotFoundError:
        return None
    if isinstance(found, Elsewhere):
        return None
    is_there = found.has_reference or found.state.checked_at is not None or await sites.publisher.find(found.site, "index.html")
    return OpenDocs(sites, found) if is_there else None


async def docs(info: Info, ref: Annotated[str, argument("A ref, `kind:[namespace/]name`.")], version: Version = UNSET) -> OpenDocs | None:
    return await _opened(info, ref_given("ref", ref), given(version))


async def docs_of(root: strawberry.Parent[StoredEntity], info: Info) -> OpenDocs | None:
    return await _opened(info, root.ref, None)


@dataclass(frozen=True, slots=True)
class ProblemOfEntity:
    """A flaw, and whose documentation has it."""

    ref: Ref
    version: str | None
    problem: FoundProblem


async def _entity(root: strawberry.Parent[ProblemOfEntity], info: Info) -> StoredEntity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref)


@strawberry.type(name="DocsFlaw", description="A flaw in the documentation of an entity of the catalog.")
class DocsFlaw:
    ref: str = attribute("The entity.")
    version: str | None = attribute("The branch or tag; null for the current documentation.")
    entity: LazyEntity | None = resolved(_entity, "The entity.")
    problem: DocsProblem = attribute("What is wrong.")


@strawberry.type(description="A page of flaws in the documentation of all entities, ordered by entity.")
class DocsFlawConnection:
    edges: list[RowEdge[DocsFlaw]] = resolved(rows_of, "The rows of this page.")
    nodes: list[DocsFlaw] = resolved(nodes_of, "The flaws of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(count_of, "How many there are. Counted only if asked for.")


def docs_problems(info: Info, page: PageArguments) -> Listing[ProblemOfEntity]:
    window = page.window(_SCOPE)

    async def load() -> Slice[ProblemOfEntity]:
        found = page_within(await _all(info), window)
        return slice_of(found, lambda keyset, row: ListedRow(_SCOPE, keyset, row.ref, row))

    async def count() -> int:
        return len(await _all(info))

    return Listing(load, count)


async def _all(info: Info) -> Sequence[tuple[Keyset, ProblemOfEntity]]:
    """The flaws in what the principal may read. Sites without any have no row, so that these are few."""
    sites = info.context.docs
    if sites is None:
        return ()
    rows = [(site_id.partition("@"), problems) async for site_id, problems in all_problems(info.context.store)]
    readable = await sites.readable(info.context.access, list({Ref(ref) for (ref, _, _), _ in rows}))
    return [
        ((ref, version, f"{index:06}"), ProblemOfEntity(Ref(ref), version or None, problem))
        for (ref, _, version), problems in rows
        if ref in readable
        for index, problem in enumerate(problems)
    ]


@strawberry.type(description="A build that was asked for.")
class BuildDocsPayload:
    docs: Docs | None = attribute("The documentation as it is now; `checkedAt` and `builtAt` tell when the build is over.")


@dataclass(frozen=True, slots=True)
class Building:
    """What was asked for."""

    docs: OpenDocs | None


async def build_docs(
    info: Info,
    ref: Annotated[str, argument("The entity, `kind:[namespace/]name`.")],
    version: Annotated[str | None, argument("The branch or tag to build, where the documentation comes from a repository.")] = UNSET,
) -> Building:
    context, asked, chosen = info.context, ref_given("ref", ref), given(version)
    with context.audit.doing(context.access, Action.DOCS_BUILD, asked, cause="GraphQL buildDocs"):
        await demand_on(context.store, context.access, Action.DOCS_BUILD, [asked])
        sites = context.docs
        if sites is None or not sites.builds:
            raise ConflictError(
                "Documentation is not built here: techdocs.builder is external, or there is no backend.storage to keep it in."
            )
        entity = (await context.store.entities_by_ref([asked], visible=context.visible))[asked]
        await sites.build(site_of(entity, chosen), forced=True)
    return Building(await _opened(info, asked, chosen))
