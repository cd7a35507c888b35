"""What can be done to the catalog over its API: the protocol of these actions, and what they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from graph.access import Access
from graph.errors import ConflictError
from graph.refs import Ref
from graph.store import CatalogError, Cause, Location, Operation
from ingest.registrations import Registrations

REGISTERED = "registered"
"""The `origin` of locations that came over the API; they stay until they are unregistered."""


RELEASES = "releases"
"""The collection of states that names, by ref, what nothing declares any more and what is kept for a grace."""


@dataclass(frozen=True, slots=True)
class PlannedEntity:
    """An entity that a location declares, and what becomes of the stored one; None if another document holds the ref."""

    ref: Ref
    operation: Operation | None
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering did, or in a dry run would do. `location` is None in a dry run, and where `problems` keep it from being registered.

    `existed`: the location was there already, and nothing was done.
    """

    location: Location | None
    existed: bool
    entities: Sequence[PlannedEntity] = ()
    problems: Sequence[CatalogError] = ()


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A location that is gone, and what went with it: removed, or kept as an orphan."""

    location: Location
    removed: Sequence[Ref]
    orphaned: Sequence[Ref]


@dataclass(frozen=True, slots=True)
class Refreshing:
    """The locations that are read again soon, and what was named that is no entity and no location."""

    locations: Sequence[Location]
    unknown: Sequence[str]


@dataclass(frozen=True, slots=True)
class ValidatedDocuments:
    """The entities that a text declares in order, and what is wrong with the rest."""

    refs: Sequence[Ref]
    problems: Sequence[CatalogError]


@dataclass(frozen=True, slots=True)
class PushedSet:
    """A set of entities that was pushed. `tag` is another one whenever the set was given something else.

    The numbers are of everything, and None for a principal that may not see everything.
    """

    name: str
    tag: str
    entities: int | None
    errors: int | None
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class PushedProblem:
    """What is wrong with an entity pushed. `index` counts from 0 in the order given; `pointer` is a JSON Pointer into its document."""

    index: int
    ref: Ref | None
    pointer: str
    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What pushing did, or in a dry run would do; `tag` is that of the set now. An entity with a problem stays as it was before."""

    tag: str | None
    created: Sequence[Ref]
    updated: Sequence[Ref]
    removed: Sequence[Ref]
    unchanged: int
    problems: Sequence[PushedProblem]
    conflicts: Sequence[CatalogError]


class PreconditionError(ConflictError):
    """What was to be changed is not as the request demanded. Read it again."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What an If-Match or If-None-Match header demands of a set's tag; `*` stands for any."""

    match: Sequence[str] | None = None
    none_match: Sequence[str] | None = None

    def holds(self, tag: str | None) -> bool:
        """Whether a set with that tag is as demanded; None: there is no such set."""
        if self.match is not None and (tag is None or not {"*", tag}.intersection(self.match)):
            return False
        return self.none_match is None or tag is None or not {"*", tag}.intersection(self.none_match)


class Actions(Protocol):
    """Changes the catalog on behalf of a principal, whose name the log keeps. Nobody has to ask before whether the principal may.

    ForbiddenError, and nothing is done, if its access does not allow the action; StoreUnavailableError if the store can't be reached.
    """

    @property
    def registrations(self) -> Registrations:
        """What is done to registered locations and single entities as Backstage's clients know them."""
        ...

    async def register(self, type: str, target: str, access: Access, *, dry_run: bool, cause: Cause | None = None) -> Registered:
        """Add a location and read it. ForbiddenError if the configuration does not let it be read; InputError for a target that is none.

        The log keeps `cause`, or without one the principal. An entity that is there and hidden from the principal is told of as one that
        would be created.
        """
        ...

    async def unregister(self, location_id: str, access: Access) -> Unregistered:
        """Remove a registered location. NotFoundError if there is none; ConflictError if it is not the API's to remove.

        Of what goes with it, which nobody is asked for, only what the principal saw is told.
        """
        ...

    async def refresh(self, of: Sequence[str], access: Access) -> Refreshing:
        """Have the locations with these ids, and those of the entities with these refs, read soon.

        Whoever may not read locations knows none by id, and is told of none.
        """
        ...

    async def validate(self, document: str, location: str | None, access: Access) -> ValidatedDocuments:
        """Check a text as if it were a catalog file; with a location, `type:target`, by the rules for that one too. InputError."""
        ...

    async def sets(self, access: Access) -> Sequence[PushedSet]:
        """The sets that were pushed, ordered by name; for whoever may push some."""
        ...

    async def push(
        self,
        name: str,
        documents: Sequence[Mapping[str, Any]],
        access: Access,
        *,
        full: bool,
        removed: Sequence[Ref],
        demand: Demand,
        dry_run: bool,
    ) -> Pushed:
        """Have the set hold the documents: those alone if `full`, else beside what it holds, without those `removed`.

        PreconditionError if the set is not as demanded; ForbiddenError if an entity would go that the principal may not delete.
        """
        ...

    async def drop_set(self, name: str, access: Access, *, demand: Demand) -> Unregistered:
        """Remove a set and what it holds. NotFoundError if there is none; PreconditionError if it is not as demanded; ForbiddenError as
        `push`.
        """
        ...
