"""Registered locations as clients of Backstage know them: by ids that stay when the target changes, and by refs made from the target."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Protocol

from graph.access import Access
from graph.entities import Document
from graph.refs import EntityRef, Ref


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered location. `ref` is what Backstage calls the Location entity that it makes for it; here there is no such entity."""

    id: str
    type: str
    target: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class Preview:
    """What a target declares: the descriptors in the order of their files, and whether a location of it is registered."""

    type: str
    target: str
    exists: bool
    documents: Sequence[Document]

    @property
    def ref(self) -> Ref:
        """What its registration would be called."""
        return ref_of_registration(self.type, self.target)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a repository holds: its catalog files, or if it has none, the descriptor that it could have."""

    files: Sequence[Preview]
    suggestion: Document | None


class Registrations(Protocol):
    """What is done to registered locations and to single entities. Errors as of `Actions`."""

    async def all(self, access: Access) -> Sequence[Registration]:
        """Every registration, ordered by id; none for whoever may not read locations."""
        ...

    async def of_entity(self, ref: Ref, access: Access) -> Registration:
        """The registration that led to the entity. NotFoundError if none did, or if the entity is missing or hidden."""
        ...

    async def preview(self, type: str, target: str, access: Access) -> Preview:
        """Read the target and keep nothing. InputError if anything in it can't be read.

        Of what is read only that is shown which the principal would see in the catalog.
        """
        ...

    async def add(self, type: str, target: str, access: Access, *, again: bool) -> Registration:
        """Register the target, which is read soon but not yet. ConflictError if it is known; with `again` it is read again instead."""
        ...

    async def move(self, id: str, type: str, target: str, access: Access) -> Registration:
        """Have the registration read from another target. What came from the old one goes once the new one has been read.

        NotFoundError for an unknown id; ConflictError if the new target is known already.
        """
        ...

    async def remove(self, id: str, access: Access) -> None:
        """Unregister, with what nothing else declares. NotFoundError for an unknown id."""
        ...

    async def refresh(self, ref: Ref, access: Access) -> None:
        """Have the entity's location, or the registration of that ref, read soon. NotFoundError if there is neither."""
        ...

    async def delete_entity(self, ref: Ref, access: Access) -> None:
        """Remove an entity that the principal sees. What declares it brings it back when it is read next, a pushed one when it is pushed
        next. ForbiddenError if the principal may not; nothing if it is missing.
        """
        ...

    async def analyze(self, url: str, filename: str, access: Access) -> Analysis:
        """Look for files of that name in the URL's repository. InputError if it is no URL, or can't be read."""
        ...


def ref_of_registration(type: str, target: str) -> Ref:
    """The ref that Backstage gives to the Location entity of a registered location."""
    digest = sha1(f"{type}:{target}".encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
    return EntityRef("location", "default", f"generated-{digest}").ref
