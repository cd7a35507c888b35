"""Opens the documentation of an entity for somebody: what they may read of it, and that it is looked after when it is read."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from api.docs.searching import SiteSearch
from config import Config
from graph.access import Access, Action
from graph.entities import Entity
from graph.errors import CallboardError, InputError, InvalidRefError, NotFoundError, StoreUnavailableError
from graph.policy import seen_and_allowed
from graph.redacting import seen_by
from graph.refs import Ref, parse_ref
from graph.relations import RelationRegistry
from graph.store import Store
from workers.figures import BackgroundWork
from workers.techdocs.annotations import OTHER_ENTITY, OTHER_PATH, REFERENCE
from workers.techdocs.page_reading import PageReader
from workers.techdocs.publishing import Publisher, Site, site_of
from workers.techdocs.states import SiteState, log_of, state_of
from workers.techdocs.storing import publisher_from

BUILD, FORCED = "build_docs", "forced"
"""The job that builds, and its argument with which it does so although nothing seems to have changed."""

_MOST_ASKED = 10_000
_WAITING_SECONDS = 5.0
"""After which a build that nothing was heard of is asked for again; asked for twice it is done once."""


@dataclass(frozen=True, slots=True)
class OpenSite:
    """A site that may be read, and what is known of it. `has_reference` says whether it can be built."""

    entity: Entity
    site: Site
    state: SiteState
    has_reference: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The entity shows the documentation of another: the page `path` of it."""

    entity: Entity
    path: str


class DocsSites:
    """The documentation of all entities. `work` gives the background work, None while it does not run."""

    def __init__(self, config: Config, store: Store, registry: RelationRegistry, work: Callable[[], BackgroundWork | None]) -> None:
        self._config = config
        self._store = store
        self._registry = registry
        self._work = work
        self._asked: OrderedDict[str, float] = OrderedDict()
        self.pages = PageReader()
        self.search = SiteSearch()

    @cached_property
    def publisher(self) -> Publisher:
        """The sites in the storage. NoStorageError where none is configured."""
        return publisher_from(self._config)

    async def close(self) -> None:
        """End what reads pages."""
        await self.pages.close()

    @property
    def has_storage(self) -> bool:
        """Whether there is anything in which documentation could be."""
        return self._config.blob_storage is not None

    @property
    def builds(self) -> bool:
        """Whether what is out of date is built when it is read."""
        return self._config.techdocs.builder == "local" and self.has_storage

    @property
    def base_url(self) -> str:
        """The address below which pages are, as clients use it."""
        return f"{self._config.backend.base_url.rstrip('/')}/docs"

    def url_of(self, site: Site) -> str:
        """The address of a site's first page."""
        version = f"@{site.version.replace('/', '~')}/" if site.version else ""
        return f"{self.base_url}/{site.namespace}/{site.kind}/{site.name}/".lower() + version

    async def open(self, access: Access, ref: Ref, version: str | None = None) -> OpenSite | Elsewhere:
        """The site of an entity that may be read. NotFoundError alike for an entity that is missing, hidden, or not to be read."""
        entity = await self._entity(access, ref)
        annotations: Mapping[str, object] = entity.metadata.get("annotations") or {}
        other = annotations.get(OTHER_ENTITY)
        if isinstance(other, str) and other.strip():
            return await self._elsewhere(access, entity, other.strip(), annotations.get(OTHER_PATH))
        try:
            site = site_of(entity, version)
        except InputError as error:
            raise NotFoundError(str(error)) from error
        return OpenSite(entity, site, await state_of(self._store, site.id), isinstance(annotations.get(REFERENCE), str))

    async def look_after(self, opened: OpenSite) -> bool:
        """Have the site checked, and built if it changed, unless that was done a moment ago. Whether it was asked for.

        Other versions than the one that is built by itself are built on request alone.
        """
        if not self.builds or not opened.has_reference or opened.site.version is not None or self._is_fresh(opened):
            return False
        self._asked[opened.site.id] = time.monotonic()
        self._asked.move_to_end(opened.site.id)
        if len(self._asked) > _MOST_ASKED:
            self._asked.popitem(last=False)
        try:
            await self.build(opened.site)
        except CallboardError:
            # What is there is shown all the same.
            del self._asked[opened.site.id]
            return False
        return True

    async def build(self, site: Site, *, forced: bool = False) -> None:
        """Have a site built, whoever reads it. QueueUnavailableError; StoreUnavailableError while no work is done."""
        work = self._work()
        if work is None:
            raise StoreUnavailableError("no background work is done at the moment")
        await work.request(BUILD, site.ref, site.version or "", FORCED if forced else "")

    async def state(self, site: Site) -> SiteState:
        """What is known of the site now."""
        return await state_of(self._store, site.id)

    async def log_for(self, access: Access, opened: OpenSite) -> str | None:
        """What the last build said, for whoever may have it built; None for others, and where there was none."""
        allowed = await self._store.entities_by_ref([opened.site.ref], visible=seen_and_allowed(access, Action.DOCS_BUILD))
        return await log_of(self._store, opened.site.id) if allowed else None

    async def readable(self, access: Access, refs: Sequence[Ref]) -> frozenset[Ref]:
        """Those of the entities whose documentation may be read."""
        return frozenset(await self._store.entities_by_ref(refs, visible=seen_and_allowed(access, Action.DOCS_READ)))

    async def _entity(self, access: Access, ref: Ref) -> Entity:
        # As the principal sees it: what is redacted says nothing of where documentation is either.
        seen = seen_by(self._store, access, self._registry)
        found = await seen.entities_by_ref([ref], visible=seen_and_allowed(access, Action.DOCS_READ))
        if ref not in found:
            raise NotFoundError(f"There is no documentation of {ref}.")
        return found[ref]

    async def _elsewhere(self, access: Access, entity: Entity, other: str, path: object) -> Elsewhere:
        try:
            ref = parse_ref(other).ref
        except InvalidRefError as error:
            raise NotFoundError(f"The documentation of {entity.ref} is that of {other!r}, which is no entity ref.") from error
        return Elsewhere(await self._entity(access, ref), path.strip("/") if isinstance(path, str) else "")

    def _is_fresh(self, opened: OpenSite) -> bool:
        seconds = self._config.techdocs.check_interval.total_seconds()
        asked = self._asked.get(opened.site.id)
        if asked is not None and time.monotonic() - asked < min(seconds, _WAITING_SECONDS):
            return True
        checked = opened.state.checked_at
        return checked is not None and (datetime.now(UTC) - checked).total_seconds() < seconds
