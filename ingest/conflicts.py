"""Who holds a ref that several documents declare, and how the others are told."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from graph.refs import Ref
from graph.store import CatalogError, Claim
from ingest.problems import ErrorCode

Place = tuple[str, str]
"""A file: location id and path."""


def place_of(claim: Claim) -> Place:
    """The file that the claim is in."""
    return (claim.location_id, claim.path)


def winner_of(claims: Sequence[Claim], holder: Place | None, order: Mapping[str, int], is_new: Callable[[Claim], bool]) -> Claim | None:
    """The claim that the entity is made from; None if there is no claim.

    The holder keeps the ref while its file still declares it, unless its claim is as new as others, read together with it. Then other
    files of its location come first, then all. Among several the least (configured order, location, path, document) wins; `order` gives
    each location's place in the configuration.
    """

    if len(claims) == 1:
        return claims[0]

    def rank(claim: Claim) -> tuple[int, str, str, int]:
        return (order.get(claim.location_id, len(order)), claim.location_id, claim.path, claim.document)

    held = [claim for claim in claims if place_of(claim) == holder]
    if held and is_new(held[0]):
        held += [claim for claim in claims if is_new(claim)]
    nearby = [claim for claim in claims if holder and claim.location_id == holder[0]]
    return min(held or nearby or claims, key=rank, default=None)


def conflict_errors(ref: Ref, claims: Sequence[Claim], winner: Claim) -> Iterator[CatalogError]:
    """One error at each of several claims of a ref, naming the other; none for a single claim."""
    if len(claims) == 1:
        return
    others = sorted(_shown(claim) for claim in claims if claim is not winner)
    for claim in claims:
        if claim is winner:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            message = f"{ref} is declared here and at {others[0]}{more}; this declaration is the one in use"
            remedy = "Give the other entity another name, or delete that declaration."
        else:
            message = f"{ref} is already declared at {_shown(winner)}, which is the one in use"
            remedy = "Give this entity another name, or delete one of the two declarations; this one takes over when the other goes."
        yield CatalogError(claim.location_id, claim.path, ErrorCode.CONFLICT, message, remedy, claim.document, claim.line, None, ref)


def _shown(claim: Claim) -> str:
    return f"{claim.path}:{claim.line}"
