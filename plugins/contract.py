"""The plugin contract: the Protocols and values by which integrations, and plugins of others, extend Callboard.

Plugins are found by entry points (see `plugins.loading`) and import what is here from `callboard.plugin`. Upper layers implement what a
plugin is given (a connection, a context); a plugin implements the rest. Everything that reaches another system is asynchronous, and raises
SourceError when that system can't be reached or refuses.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from graph.entities import Document
from graph.errors import CallboardError
from graph.refs import Ref

if TYPE_CHECKING:
    # Of pydantic, which processes that only read do without.
    from plugins.actions import Action


class SourceReason(StrEnum):
    """Why a source could not be read; each is a code of catalog errors too."""

    NOT_ALLOWED = "source-not-allowed"
    NOT_FOUND = "source-not-found"
    UNAUTHORIZED = "source-unauthorized"
    RATE_LIMITED = "source-rate-limited"
    UNAVAILABLE = "source-unavailable"
    TOO_LARGE = "source-too-large"
    MALFORMED = "source-malformed"


class SourceError(CallboardError):
    """Another system could not be read. `url` names what was asked for, without credentials; `remedy` says what to do.

    `retry_after_seconds` is how long that system asks to be left alone, None if it does not say.
    """

    code = "UNAVAILABLE"

    def __init__(self, reason: SourceReason, url: str, message: str, remedy: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.reason, self.url, self.message, self.remedy = reason, url, message, remedy
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL of a repository host names.

    `host` is that of the integration, `repository` its full name there (owner/name, group/subgroup/project, project/_git/name; the URL
    itself for a host without repositories). `revision` is a branch, tag or commit, None for the default branch. `path` is relative to the
    repository's root, which is the empty text; it may hold wildcards where it is a target.
    """

    host: str
    repository: str
    revision: str | None
    path: str


@dataclass(frozen=True, slots=True)
class Head:
    """What a revision points to: equal commits mean equal content.

    `commit` is a commit hash, or where a host has none a digest of what it says instead. `validators` are what the next conditional
    request has to send, such as an ETag. `revision` is the revision that was looked at, resolved: a branch's or tag's name, or the commit;
    a longer one than the place's where a branch's name has slashes. `moved_to` is the full name of a repository that was renamed.
    """

    commit: str
    revision: str
    validators: Mapping[str, str] = field(default_factory=dict[str, str])
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A regular file of a repository. `size` is in bytes, None where the host does not tell."""

    path: str
    size: int | None = None


class RepositoryHost(Protocol):
    """One configured host of repositories. Every method raises SourceError, and none sends credentials to another host."""

    host: str

    def place(self, url: str) -> Place | None:
        """What the URL, as copied from the host's web pages, names; None if it is none of this host's."""
        ...

    def url(self, place: Place) -> str:
        """The address at which people look at the place; `place` reads it back."""
        ...

    def folder_url(self, place: Place) -> str:
        """The address at which people look at the folder that the place's path is, with a slash at its end; `place` reads it back."""
        ...

    def edit_url(self, place: Place) -> str | None:
        """The address at which people edit the file at the place; None if the host has no such page."""
        ...

    async def head(self, place: Place, known: Head | None = None) -> Head:
        """What the place's revision points to now, by one request; `known` itself if nothing changed since."""
        ...

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        """All regular files of the repository at the head, by one request where the host allows. SourceError (TOO_LARGE) if they are too
        many for its API to list; the archive tells them then.
        """
        ...

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        """The content of the file at the place's path. SourceError (TOO_LARGE) above `max_bytes`, (NOT_FOUND) if there is none."""
        ...

    def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        """The whole repository at the head as a .tar.gz or .zip, in chunks, by one request; below one folder, or as it is."""
        ...


@dataclass(frozen=True, slots=True)
class ProvidedEntity:
    """An entity that a provider hands over itself. `source` says where people find it, such as a team's URL."""

    document: Document
    source: str


@dataclass(frozen=True, slots=True)
class ProvidedLocation:
    """A location that a provider found: read as if it had been configured. One of type url may lead to no file, as long as its repository
    is there; a missing file of this machine is an error.
    """

    type: str
    target: str


@dataclass(frozen=True, slots=True)
class FullMutation:
    """All that the provider provides from now on; what it provided before and is not here goes."""

    entities: Sequence[ProvidedEntity] = ()
    locations: Sequence[ProvidedLocation] = ()


@dataclass(frozen=True, slots=True)
class DeltaMutation:
    """What came or changed, and what went; the rest stays."""

    entities: Sequence[ProvidedEntity] = ()
    removed_entities: Sequence[Ref] = ()
    locations: Sequence[ProvidedLocation] = ()
    removed_locations: Sequence[ProvidedLocation] = ()


class ProviderConnection(Protocol):
    """What a provider writes through. Invalid entities are reported as catalog errors, and what they were before stays."""

    async def apply(self, mutation: FullMutation | DeltaMutation) -> None:
        """Write the mutation, and only what it changes. StoreUnavailableError if the store can't be reached."""
        ...

    async def refresh(self, locations: Sequence[ProvidedLocation]) -> None:
        """Have the locations read soon; those that the provider did not provide are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a provider reads: every `frequency` (jitter is added), for at most `timeout`, first after `initial_delay`."""

    frequency: timedelta
    timeout: timedelta
    initial_delay: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Touched:
    """What an event of another system touched.

    `revision` is the branch or tag pushed to, None for all; `paths` are those added, modified or removed, None if that is not known.
    `renamed_from` is the repository's former full name. `payload` is the event itself, for the provider that understands it.
    """

    host: str
    event: str
    repository: str | None = None
    revision: str | None = None
    paths: Sequence[str] | None = None
    renamed_from: str | None = None
    deleted: bool = False
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Provider(Protocol):
    """Keeps a part of the catalog that another system knows: discovered locations, people, or whole entities.

    `name` is unique and stable, such as github:acme: what a provider wrote is kept under it, and goes with it after the configured grace.
    """

    name: str
    schedule: Schedule

    async def read(self, connection: ProviderConnection) -> None:
        """Read the other system and write what it holds. SourceError if it can't be read: what was provided before stays."""
        ...

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        """Write what follows from the event; False if the event is none of this provider's or needs a full `read`."""
        ...


class WebhookReceiver(Protocol):
    """Understands the webhooks of one kind of host. `name` is the last part of the path /webhooks/{name}."""

    name: str

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Whether whoever sent this knows the secret; compared in constant time. Header names are lower case."""
        ...

    def touched(self, headers: Mapping[str, str], body: bytes) -> Sequence[Touched]:
        """What the event touched, empty for one that needs nothing. InputError if the body is no event of this kind of host."""
        ...

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        """What tells a repeated delivery from a new one; None if the host does not say."""
        ...


@dataclass(frozen=True, slots=True)
class EmittedRelation:
    """An edge that a processor finds, in the direction of the relation table, one end of which is the entity processed.

    An `inferred` one yields to what is declared: it is left out where a declaration says something of the same field.
    """

    source: Ref
    relation: str
    target: Ref
    field: str
    inferred: bool = True
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Processed:
    """What a processor made of an entity. `problems` are messages for its author; the entity is kept as it was before if there are any."""

    document: Document
    relations: Sequence[EmittedRelation] = ()
    problems: Sequence[str] = ()


class Processor(Protocol):
    """Looks at each entity while it is read. Pure and quick: it runs in several processes at once, and only when its file changed.

    `version` stands for its behaviour: another one makes every file be read again.
    """

    name: str
    version: str

    def process(self, ref: Ref, document: Document, path: str) -> Processed:
        """The entity as it shall be stored, with edges beside those of its fields; `path` is the file or URL it was read from."""
        ...


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plugin is built from: its own section below `plugins` in the configuration, empty without one."""

    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a plugin brings. Its entry point in the group `callboard.plugins` names a function of a PluginContext that returns this.

    The function may be called in several processes, so it reaches nothing yet; it raises ValueError for a section that makes no sense.
    """

    providers: Sequence[Provider] = ()
    processors: Sequence[Processor] = ()
    actions: "Sequence[Action]" = ()
