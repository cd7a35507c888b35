"""The store port: what every adapter answers, in batches, and the values that cross it.

Reads take `visible`, the condition of what the caller may see. A hidden entity reads exactly as a missing one, and an edge is
seen only while one of its evidences is declared by a visible entity. `visible` itself is decided on the whole graph. Both adapters answer
every method alike; `tests/contract/` holds them to it. Every method raises StoreUnavailableError while the store can't be reached, and
InputError for text that is not Unicode (a lone surrogate).

Orderings compare lower-case strings by code point; where nothing else is said, rows come in the order of their refs. Neo4j compares
what a request brings, such as a cursor, by UTF-16 code units: that differs only between characters from U+E000 to U+FFFF and those beyond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from graph.conditions import Condition
from graph.entities import Description, Edge, Entity
from graph.refs import Ref
from graph.relations import Direction, Step
from graph.sources import CatalogError, Claim, ErrorFilter, Location, LocationCounts, SourceFile, StateRow, StateWrite


@dataclass(frozen=True, slots=True)
class Order:
    """Ascending by the least value an entity has under `path` (a fact path, lower case); entities without one come last, both ways."""

    path: str
    descending: bool = False


Row = TypeVar("Row")

Keyset = tuple[str | None, ...]
"""A row's place in an ordering: its value for each Order, then its ref."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` rows strictly after `after`; with `backward`, the last `limit` rows strictly before `before`.

    Both bounds may be given. Rows are returned in ascending order of the ordering either way. `page` alone passes over `skip` rows first;
    an empty page's place is the one without.
    """

    limit: int
    after: Keyset | None = None
    before: Keyset | None = None
    backward: bool = False
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of a window with each row's keyset, and whether further rows lie on either side of them, within its bounds or beyond.

    The place of an empty page is right after `after`, or with `backward` right before `before`.
    """

    rows: Sequence[Row]
    keysets: Sequence[Keyset]
    has_previous: bool
    has_next: bool


@dataclass(frozen=True, slots=True)
class FacetCount:
    """A value as declared (of several spellings the least), and how many entities have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class RelatedRow:
    """An edge seen from one of its ends. `node` is None where the other end, `ref`, is missing or hidden.

    `edge.evidence` holds what visible entities declare.
    """

    edge: Edge
    ref: Ref
    direction: Direction
    node: Entity | None


EdgeEnd = tuple[str, Direction, Ref]
"""An edge as one of its ends has it: the relation, the direction it is read in, and the other end."""


@dataclass(frozen=True, slots=True)
class ReachedRow:
    """An entity that a closure reaches: its least distance from a root, and a shortest chain of edges from a root to it.

    `path[i]` is (ref it leads to, edge as stored, direction followed). Of several shortest chains the one whose last edge has
    the least (previous ref, relation, direction), and so on backwards.
    """

    entity: Entity
    depth: int
    path: Sequence["PathStep"]


@dataclass(frozen=True, slots=True)
class PathStep:
    """One edge followed, in `direction`, to `ref`. Its evidence is what visible entities declare."""

    edge: Edge
    direction: Direction
    ref: Ref


@dataclass(frozen=True, slots=True)
class Closure:
    """What a closure reaches, roots, hidden entities and placeholders left out.

    `total`, `deepest` (levels) and `facets` speak of all entities reached that the filter lets through; `page` holds a window of them,
    ordered by (depth, ref); its keysets are (depth as decimal text padded with zeros to 6 digits, ref). `truncated` says that
    `max_depth` or `max_nodes` cut the traversal short of what lies beyond.
    """

    total: int
    deepest: int
    truncated: bool
    facets: Mapping[str, Sequence[FacetCount]]
    page: Page[ReachedRow]


@dataclass(frozen=True, slots=True)
class ClosureQuery:
    """From which `roots` (refs, which need not exist), along which `steps`, how deep (levels; None is unlimited), and what to report.

    Of more than `max_nodes` entities the first by (depth, ref) are reached.
    """

    roots: Sequence[Ref]
    steps: Sequence[Step]
    window: Window
    max_depth: int | None = None
    max_nodes: int | None = None
    filter: Condition | None = None
    facets: Sequence[str] = ()


class Operation(StrEnum):
    """What a change did to its entity."""

    CREATED = "created"
    UPDATED = "updated"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something was written: `kind` is location, refresh, user or task; `detail` names which."""

    kind: str
    detail: str


Patch = Sequence[Mapping[str, Any]]
"""A JSON Patch (RFC 6902). Each remove and replace follows a `test` of the old value, so that a patch can be taken back."""


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the log. A creation has no patch.

    `sequence` numbers rise by one in commit order, and `at` never falls. There are no gaps, but where the beginning was cut off and where
    older entries were merged: the last of those merged stands for all of them, with their net change.
    """

    sequence: int
    at: datetime
    ref: Ref
    operation: Operation
    patch: Patch
    cause: Cause


@dataclass(frozen=True, slots=True)
class EntityWrite:
    """An entity to store, with all that it declares: edges whose every evidence has this entity as declarer, one for each field.

    `previous_hash` is the content hash of the canonical JSON of the document this write was computed against, None for a creation.
    An update whose patch is empty (only lines, origin or evidence moved) writes no log entry. `description` is that of the document if it
    is known already, which spares the store's one writer the work.
    """

    entity: Entity
    declares: Sequence[Edge]
    previous_hash: str | None
    patch: Patch = ()
    description: Description | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Removal:
    """An entity to remove, with what it declared. It stays as a placeholder while others point to it."""

    ref: Ref
    previous_hash: str
    patch: Patch = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """One transaction's worth of writing: all of it happens, or nothing.

    For each (location id, path) in `files` the stored record, its claims and its errors are replaced by those given here; `claims` and
    `errors` belong to those files. `forgotten` names files whose record, claims and errors go. `expected` names, by (location id, path),
    files with the digest that their stored record has to have for the batch to hold; the empty one says that there is no record.
    """

    cause: Cause
    writes: Sequence[EntityWrite] = ()
    removals: Sequence[Removal] = ()
    files: Sequence[SourceFile] = ()
    claims: Sequence[Claim] = ()
    errors: Sequence[CatalogError] = ()
    forgotten: Sequence[tuple[str, str]] = ()
    expected: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    locations: Sequence[Location] = ()
    removed_locations: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of stored things, for reports and metrics."""

    entities: int
    placeholders: int
    edges: int
    errors: int
    changes: int


class Store(Protocol):
    """The graph, its log and the state of ingestion, in one transactional store."""

    async def open(self) -> None:
        """Connect and migrate to the current schema; data of older schemas is kept. StoreError if the schema is newer than this code."""
        ...

    async def close(self) -> None:
        """Release every connection. Safe to call twice, and after a failed open."""
        ...

    async def check(self) -> None:
        """Return if the store answers and is migrated. StoreUnavailableError otherwise."""
        ...

    async def counts(self) -> Counts:
        """Totals over everything, hidden or not."""
        ...

    async def entities_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, Entity]:
        """Entities that exist and are visible; a missing or hidden ref is absent from the result."""
        ...

    async def page(self, filter: Condition, order: Sequence[Order], window: Window, *, visible: Condition) -> Page[Entity]:
        """A window of the entities that the filter lets through, by `order` and then by ref (ascending).

        InvalidCursorError if a keyset of the window does not fit the order.
        """
        ...

    async def count(self, filter: Condition, *, visible: Condition) -> int:
        """How many entities the filter lets through."""
        ...

    async def facets(self, paths: Sequence[str], filter: Condition, *, visible: Condition) -> Mapping[str, Sequence[FacetCount]]:
        """For each path (lower case), its values among the filtered entities, most frequent first, then by value in lower case.

        A path is a fact path, or `relations.<type>` by either of Backstage's names (lower case), whose values are the refs at the other
        end, missing ones included. An unknown path has no values.
        """
        ...

    async def related(
        self,
        refs: Sequence[Ref],
        steps: Sequence[Step],
        window: Window,
        *,
        visible: Condition,
        filter: Condition | None = None,
        with_nodes: bool = True,
    ) -> Mapping[Ref, Page[RelatedRow]]:
        """For each visible entity of `refs`, its edges along `steps`, ordered by (other end's ref, relation, direction), a window of each.

        The one window applies to every ref; its keysets are (ref, relation, direction). With `filter`, only edges whose other end is a
        visible entity that the filter lets through. A visible entity without such edges has an empty page; a missing or hidden one is
        absent. Without `with_nodes`, `node` is None throughout.
        """
        ...

    async def related_counts(
        self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition, filter: Condition | None = None
    ) -> Mapping[Ref, int]:
        """How many rows `related` would hold for each ref without a window. A missing or hidden ref is absent."""
        ...

    async def edges_of(self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition) -> Mapping[Ref, Sequence[EdgeEnd]]:
        """For each visible entity of `refs`, all its edges along `steps`, ordered as they read.

        They are what `related` lists, without windows, evidence and nodes. A missing or hidden ref is absent.
        """
        ...

    async def closure(self, query: ClosureQuery, *, visible: Condition) -> Closure:
        """What is reached from the roots by following the steps any number of times, breadth first; safe on cycles.

        Neither roots nor placeholders nor hidden entities are counted, and none but visible entities are passed through; a root that does
        not exist or is hidden reaches nothing. The filter restricts what is reported, not what is traversed.
        """
        ...

    async def shortest_paths(
        self, source: Ref, target: Ref, steps: Sequence[Step], limit: int, *, visible: Condition
    ) -> Sequence[Sequence[PathStep]]:
        """At most `limit` of the shortest chains from source to target, in the order of their (ref, relation, direction) sequences.

        All ends and intermediate entities are visible. Empty if there is none, and for source equal to target.
        """
        ...

    async def edges(self, relations: Sequence[str], *, visible: Condition) -> Sequence[tuple[Ref, str, Ref]]:
        """All edges of the relations between two visible entities, as (source, relation, target), ordered."""
        ...

    async def dangling(self, window: Window, *, visible: Condition) -> Page[Edge]:
        """Edges declared by visible entities of which an end is missing (or hidden), ordered by (target, source, relation), as are the
        keysets.
        """
        ...

    async def dangling_count(self, *, visible: Condition) -> int:
        """How many edges `dangling` would list without a window."""
        ...

    async def head(self) -> int:
        """The sequence number of the newest log entry; 0 if there is none."""
        ...

    async def changes(
        self, after: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, backward: bool = False
    ) -> Sequence[Change]:
        """At most `limit` log entries with a higher sequence number, ascending; with `backward`, those with a lower one, descending.

        Entries of entities that are hidden now are left out. Entries of entities that are gone are seen only where `visible` is EVERYTHING.
        """
        ...

    async def change_counts(self, refs: Sequence[Ref] | None, *, visible: Condition) -> int:
        """How many entries `changes` would list in all."""
        ...

    async def change_counts_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, int]:
        """How many entries `changes` would list of each ref; one without any is absent."""
        ...

    async def changed_refs(
        self, after: int, until: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, beyond: str = ""
    ) -> Sequence[Ref]:
        """At most `limit` refs greater than `beyond`, ordered, with an entry that `changes` would list after one sequence number and up to
        another, that one included.
        """
        ...

    async def changed_ref_count(self, after: int, until: int, *, visible: Condition, refs: Sequence[Ref] | None = None) -> int:
        """How many refs `changed_refs` would list in all."""
        ...

    async def merge_changes(self, merged: Sequence[Change], dropped: Sequence[int]) -> None:
        """Write the merged entries in place of those with their sequence numbers, and drop others, in one transaction.

        It is for the caller to see that the log tells the same of what remains. A number without an entry is passed over.
        """
        ...

    async def sequence_at(self, at: datetime) -> int | None:
        """The sequence number of the newest log entry written at that moment or before; the horizon, or 0, if there is none since.

        None for a moment before the horizon's entry was written, of which the log tells nothing any more.
        """
        ...

    async def horizon(self) -> int:
        """The sequence number up to which the log was cut off, that entry included; 0 if it is complete."""
        ...

    async def cut_log(self, until: int) -> int:
        """Remove the log entries up to that sequence number, and return how many went. The head and the graph stay as they are.

        The horizon becomes that number, but never more than the head.
        """
        ...

    async def states(
        self, collection: str, *, ids: Sequence[str] | None = None, due_by: datetime | None = None, after: str = "", limit: int = 1000
    ) -> Sequence[StateRow]:
        """At most `limit` rows of a collection with ids greater than `after`, ordered by id; with `ids` only those.

        With `due_by`, only rows due then or before, ordered by (due, id).
        """
        ...

    async def write_states(self, writes: Sequence[StateWrite]) -> None:
        """Write the rows in one transaction. StaleWriteError, and nothing written, if a row's version is not the expected one."""
        ...

    async def errors(self, filter: ErrorFilter, window: Window, *, visible: Condition) -> Page[CatalogError]:
        """Catalog errors ordered by (path, line, column, id), None before any number; these, numbers padded with zeros to 9 digits and None
        as the empty string, are the keyset.

        An error whose `ref` exists and is hidden is left out.
        """
        ...

    async def error_count(self, filter: ErrorFilter, *, visible: Condition) -> int:
        """How many errors the filter lets through."""
        ...

    async def locations(self) -> Sequence[Location]:
        """All roots of reading, ordered by (order, id)."""
        ...

    async def location_counts(self, ids: Sequence[str]) -> Mapping[str, LocationCounts]:
        """What each root of reading led to; an unknown id is absent."""
        ...

    async def files(self, location_id: str) -> Mapping[str, SourceFile]:
        """The stored record of every file of a location, by path."""
        ...

    async def claims(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Claim]]:
        """All claims of each ref that has any, over all locations, ordered by (location id, path, document)."""
        ...

    async def declared_by(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Edge]]:
        """For each ref, the edges it declares, with its own evidence alone, ordered by (source, relation, target). Absent if none."""
        ...

    async def apply(self, batch: Batch) -> Sequence[Change]:
        """Write the batch in one transaction and return its log entries, of writes and then of removals, in the order given; their sequence
        numbers are taken from one locked counter.

        StaleWriteError, and nothing written, if an entity's stored hash is not the `previous_hash` of its write or removal, or a file's
        stored digest is not the expected one.
        """
        ...
