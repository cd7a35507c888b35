"""What is known of a ref, put together, and told in a sentence with what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import strawberry

from graph.entities import Entity
from graph.refs import Ref
from graph.store import CatalogError, Cause, Change, Claim, Location, Operation, RelatedRow

_KIND_NOT_ALLOWED = "kind-not-allowed"
_CONFLICT = "conflict"


@strawberry.enum(description="What is known of a ref.")
class Presence(Enum):
    PRESENT = strawberry.enum_value("present", description="It is there, and a document declares it.")
    RELEASED = strawberry.enum_value(
        "released", description="It is there, but no document declares it any more; `leavesAt` says when it is removed."
    )
    ORPHAN = strawberry.enum_value("orphan", description="It is there, but no location leads to it any more, and orphans are kept.")
    UNREADABLE = strawberry.enum_value("unreadable", description="A document declares it and can't be read; `errors` says why.")
    REFUSED = strawberry.enum_value(
        "refused", description="A document declares it, and the catalog's rules don't allow its kind from there; `errors` says where."
    )
    REMOVED = strawberry.enum_value("removed", description="It was there and was removed; `lastChange` says when and why.")
    REFERENCED = strawberry.enum_value(
        "referenced", description="Nothing declares it, but other entities point to it; `references` lists them."
    )
    UNKNOWN = strawberry.enum_value("unknown", description="Nothing declares it and nothing points to it.")


@dataclass(frozen=True, slots=True)
class Pointing:
    """An entity with an edge that leads to a missing ref, seen from that entity."""

    entity: Entity
    row: RelatedRow


@dataclass(frozen=True, slots=True)
class Leaving:
    """Nothing declares the entity since then, for this cause; it is removed at `until`."""

    since: datetime
    until: datetime
    cause: Cause


@dataclass(frozen=True, slots=True)
class ProviderState:
    """The provider that an entity came through: why its last run failed, and since when the configuration no longer names it.

    `due` is its next run, or of one that is missing the moment when what it gave goes.
    """

    name: str
    error: str | None
    missing_since: datetime | None
    due: datetime | None


@dataclass(frozen=True, slots=True)
class RefReport:
    """All that is known of a ref. A hidden entity is reported as a missing one."""

    ref: Ref
    entity: Entity | None
    errors: Sequence[CatalogError] = ()
    claims: Sequence[Claim] = ()
    last_change: Change | None = None
    references: Sequence[Pointing] = ()
    failed_locations: Sequence[Location] = ()
    location: Location | None = None
    leaving: Leaving | None = None
    provider: ProviderState | None = None

    @property
    def presence(self) -> Presence:
        if self.entity:
            return Presence.RELEASED if self.leaving else Presence.ORPHAN if self.entity.orphan else Presence.PRESENT
        if self.errors:
            refused = all(error.code == _KIND_NOT_ALLOWED for error in self.errors)
            return Presence.REFUSED if refused else Presence.UNREADABLE
        if self.last_change and self.last_change.operation is Operation.REMOVED:
            return Presence.REMOVED
        return Presence.REFERENCED if self.references else Presence.UNKNOWN

    @property
    def explanation(self) -> str:
        sentences = [self._first_sentence(), *self._about_others(), *self._about_reading()]
        return " ".join(sentence for sentence in sentences if sentence)

    def _first_sentence(self) -> str:
        match self.presence:
            case Presence.PRESENT | Presence.RELEASED | Presence.ORPHAN:
                return self._here()
            case Presence.UNREADABLE | Presence.REFUSED:
                error = self.errors[0]
                place = error.path if error.line is None else f"{error.path}, line {error.line}"
                verb = "refused" if self.presence is Presence.REFUSED else "can't be read"
                return f"{self.ref} is declared but {verb}: {error.message} ({place}). {error.remedy}"
            case Presence.REMOVED if self.last_change:
                cause = self.last_change.cause
                return f"{self.ref} was removed at {_moment(self.last_change.at)} ({cause.kind} {cause.detail})."
            case Presence.REFERENCED:
                return (
                    f"No file that the catalog reads declares {self.ref}, but {self.references[0].entity.ref} points to it. "
                    "Declare it, or mend the ref; and see that a location leads to its file."
                )
            case _:
                return (
                    f"No file that the catalog reads declares {self.ref}. "
                    "See that a location leads to its file, and that a rule allows its kind."
                )

    def _here(self) -> str:
        if self.entity is None:
            return ""
        origin = self.entity.origin
        place = f"{origin.path}, line {origin.line}"
        if self.leaving:
            cause = self.leaving.cause
            return (
                f"{self.ref} was read from {place}, and no document declares it since {_moment(self.leaving.since)} ({cause.kind} "
                f"{cause.detail}). It is removed at {_moment(self.leaving.until)} unless one declares it by then."
            )
        if self.entity.orphan:
            return f"{self.ref} was read from {place}, and nothing leads there any more. It is kept as an orphan (catalog.orphanStrategy)."
        return f"{self.ref} is read from {place}."

    def _about_others(self) -> Sequence[str]:
        """Documents that declare the same ref and wait."""
        waiting = [f"{claim.path}, line {claim.line}" for claim in self.claims if claim.reading is not None]
        if not waiting or not self.entity:
            return ()
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        return (f"{waiting[0]}{more} declares it too and takes over when this declaration goes.",)

    def _about_reading(self) -> Sequence[str]:
        """What keeps the entity from being read again, or may have kept it from being read at all."""
        told: list[str] = []
        if self.entity:
            broken = next((error for error in self.errors if error.code != _CONFLICT), None)
            if broken:
                told.append(f"It is as it was when last in order: {_ended(broken.message)} {broken.remedy}")
        if self.location and self.location.error:
            told.append(f"The last read of {self.location.target} failed: {_ended(self.location.error)}")
        if self.provider and self.provider.missing_since:
            goes = f"goes at {_moment(self.provider.due)}" if self.provider.due else "stays"
            told.append(f"Its provider {self.provider.name} is no longer configured, and what it gave {goes} (catalog.providerGrace).")
        elif self.provider and self.provider.error:
            told.append(f"The last run of its provider {self.provider.name} failed: {_ended(self.provider.error)}")
        if self.presence in (Presence.REFERENCED, Presence.UNKNOWN) and self.failed_locations:
            first = self.failed_locations[0]
            more = f", and {len(self.failed_locations) - 1} more could not be read" if len(self.failed_locations) > 1 else ""
            told.append(f"It may be in {first.target}, of which the last read failed{more}: {_ended(first.error or '')}")
        return told


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
