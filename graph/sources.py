"""What the store keeps beside the graph: the state of ingestion, and rows of state for everything else that has to last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graph.entities import canonical_json, content_hash
from graph.refs import Ref


@dataclass(frozen=True, slots=True)
class CatalogError:
    """Something that could not be read. Lines and columns count from 1; None where there is no place to name.

    `ref` is the entity concerned, if known; `remedy` says what its author has to do.
    """

    location_id: str
    path: str
    code: str
    message: str
    remedy: str
    document: int | None = None
    line: int | None = None
    column: int | None = None
    ref: Ref | None = None

    @property
    def id(self) -> str:
        """Stable while the same thing is wrong at the same place."""
        place = [self.location_id, self.path, self.document, self.line, self.column, self.code, self.message, self.ref]
        return content_hash(canonical_json(place))


@dataclass(frozen=True, slots=True)
class Claim:
    """A document that declares `ref`. The holder is the one that the stored entity's origin names.

    `reading` is what a contender's document was read as, so that it can take over without being read again: bytes that only ingestion
    understands, None for the holder.
    """

    ref: Ref
    location_id: str
    path: str
    document: int
    line: int
    reading: bytes | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What was last read from one file of a location.

    `digest` covers the content and everything that the reading of it included or was configured by; an equal digest means an equal
    reading. `targets` are the paths its Location entities led to, `parent` the Location entity that led here. `kept` are refs that this
    file declared when it was last in order and that are kept although it no longer declares them readably.
    """

    location_id: str
    path: str
    digest: str
    includes: Sequence[str] = ()
    targets: Sequence[str] = ()
    parent: Ref | None = None
    claims: Sequence[Ref] = ()
    kept: Sequence[Ref] = ()


@dataclass(frozen=True, slots=True)
class Location:
    """A root of reading: configured or registered. `order` is its place in the configuration. `target` is a path or a URL.

    `read_at` is the last complete read, `error` why the last one failed as a whole.
    """

    id: str
    type: str
    target: str
    origin: str
    order: int
    read_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """Which catalog errors to list; None does not restrict. `of_entities`: only those that name an entity which is there and visible."""

    refs: Sequence[Ref] | None = None
    location_ids: Sequence[str] | None = None
    codes: Sequence[str] | None = None
    of_entities: bool = False


@dataclass(frozen=True, slots=True)
class LocationCounts:
    """How many files, entities held and errors a root of reading has."""

    files: int
    entities: int
    errors: int


@dataclass(frozen=True, slots=True)
class StateRow:
    """A row of durable state beside the graph, such as a provider's next run: a JSON object under an id in a named collection.

    `version` rises with every write of the row, from 1. `due` is when somebody has to look at it; None: nobody has to.
    """

    collection: str
    id: str
    value: Mapping[str, Any]
    version: int
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class StateWrite:
    """A row to write, or with `value` None to remove. `expected` is the version that has to be stored, 0: none; None: whatever is there."""

    collection: str
    id: str
    value: Mapping[str, Any] | None
    due: datetime | None = None
    expected: int | None = None
