"""Which locations an event touched: those that read what was pushed to, and no others."""

from collections.abc import Callable, Iterable, Sequence

from graph.store import Location, SourceFile, Store
from ingest.globs import is_pattern, matches
from ingest.targets import decoded
from plugins.contract import Place, Touched
from plugins.payloads import Payload, branch_of

PlaceOf = Callable[[str], Place | None]
"""What a URL names, None if no host that may be read knows it."""


async def touched_locations(store: Store, place_of: PlaceOf, touched: Sequence[Touched]) -> Sequence[str]:
    """The ids of the url locations that read something the event touched, in the order of locations.

    A location that is not known to read other repositories than its own is judged by its target and the files it had when it was read
    last. StoreUnavailableError.
    """
    pushed = [each for each in touched if each.repository is not None]
    locations = [location for location in await store.locations() if location.type == "url"] if pushed else []
    counts = await store.location_counts([location.id for location in locations])
    found: list[str] = []
    for location in locations:
        root = place_of(location.target)
        of_root = [each for each in pushed if root and _is_of(root, each)]
        alone = location.id not in counts or counts[location.id].files <= 1
        whole = any(each.paths is None for each in of_root)
        if whole or ((of_root or not alone) and await _reads(store, location, place_of, pushed)):
            found.append(location.id)
    return found


async def _reads(store: Store, location: Location, place_of: PlaceOf, touched: Sequence[Touched]) -> bool:
    files = await store.files(location.id)
    named = {location.target, *_addresses(files.values()), *files}
    places = [place for address in named if (place := place_of(address))]
    return any(_holds(place, each) for place in places for each in touched if _is_of(place, each))


def _addresses(files: Iterable[SourceFile]) -> Iterable[str]:
    """What files included, and what their Location entities lead to, found or not."""
    for file in files:
        yield from file.includes
        yield from (decoded(target).target for target in file.targets)


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
