"""Which locations an event touched: those that read what was pushed to, and no others."""

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from graph.state_rows import rows_below
from graph.store import Location, SourceFile, Store
from ingest.globs import is_pattern, matches
from ingest.remote import SOURCES
from ingest.sources import source_state
from ingest.targets import decoded, is_url
from plugins.contract import Place, Touched
from plugins.payloads import Payload, branch_of

PlaceOf = Callable[[str], Place | None]
"""What a URL names, None if no host that may be read knows it."""


async def touched_locations(store: Store, place_of: PlaceOf, touched: Sequence[Touched]) -> Sequence[str]:
    """The ids of the locations that read something the event touched, in the order of locations.

    Which repositories a location reads is told by its target and by what it read last; which files, by those it had then, what they
    included, and where their Location entities lead. StoreUnavailableError.
    """
    pushed = [each for each in touched if each.repository is not None]
    if not pushed:
        return []
    repositories = await _repositories(store)
    found: list[str] = []
    for location in await store.locations():
        root = place_of(location.target) if location.type == "url" else None
        places = [*repositories.get(location.id, ()), *([root] if root else [])]
        relevant = [each for each in pushed if any(_is_of(place, each) for place in places)]
        whole = any(each.paths is None for each in relevant)
        if whole or (relevant and await _reads(store, location, place_of, relevant)):
            found.append(location.id)
    return found


async def _repositories(store: Store) -> Mapping[str, Sequence[Place]]:
    """The repositories that each location read last, by its id."""
    return {row.id: [*source_state(row.value).places.values()] async for row in rows_below(store, SOURCES)}


async def _reads(store: Store, location: Location, place_of: PlaceOf, touched: Sequence[Touched]) -> bool:
    files = await store.files(location.id)
    named = {location.target, *files, *(include for file in files.values() for include in file.includes)}
    places = [place for address in named if (place := place_of(address))]
    places += [place for file in files.values() for place in _led_to(file, place_of)]
    return any(_holds(place, each) for place in places for each in touched if _is_of(place, each))


def _led_to(file: SourceFile, place_of: PlaceOf) -> Iterator[Place]:
    """Where the file's Location entities lead, found or not; targets are addresses, or relative to the file or to the repository's root."""
    here = place_of(file.path)
    for target in (decoded(text).target for text in file.targets):
        if is_url(target):
            there = place_of(target)
        else:
            path = target if target.startswith("/") else posixpath.join("/", posixpath.dirname(here.path) if here else "", target)
            there = here and replace(here, path=posixpath.normpath(path).lstrip("/"))
        if there:
            yield there


def _is_of(place: Place, touched: Touched) -> bool:
    """Whether the place lies in the repository and on the branch or tag that was touched; where a host did not name itself, on any."""
    names = {name.casefold() for name in (touched.repository, touched.renamed_from) if name}
    return touched.host in {"", place.host} and place.repository.casefold() in names and _is_on(place.revision, touched)


def _is_on(revision: str | None, touched: Touched) -> bool:
    if touched.revision is None:
        return True
    if revision is None:
        default = _default_branch(touched)
        return default is None or default == touched.revision
    # Of a branch whose name has slashes, a URL tells the first part alone.
    revision = branch_of(revision)
    return touched.revision == revision or touched.revision.startswith(f"{revision}/")


def _default_branch(touched: Touched) -> str | None:
    """The default branch, as hosts tell it with a push; None if this one does not."""
    told = Payload(touched.payload)
    branch = told.find("repository", "default_branch") or told.find("project", "default_branch")
    return branch if isinstance(branch, str) else None


def _holds(place: Place, touched: Touched) -> bool:
    if touched.paths is None:
        return True
    if is_pattern(place.path):
        return any(matches(place.path, path, hidden=True) for path in touched.paths)
    return place.path in touched.paths
