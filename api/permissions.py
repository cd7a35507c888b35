"""Asking for permission before something is done to named entities."""

from collections.abc import Sequence

from graph.access import Access, Action
from graph.errors import ForbiddenError, NotFoundError
from graph.policy import seen_and_allowed
from graph.refs import Ref
from graph.store import Store


async def demand_on(store: Store, access: Access, action: Action, refs: Sequence[Ref]) -> None:
    """Return if the action may be done to every one of the entities.

    NotFoundError for one that is hidden or missing, which are one to the principal and to the queries; ForbiddenError for one that it
    sees and may not do this to.
    """
    access.demand(action)
    wanted = list(dict.fromkeys(refs))
    seen = await store.entities_by_ref(wanted, visible=access.visible)
    missing = next((ref for ref in wanted if ref not in seen), None)
    if missing is not None:
        raise NotFoundError(f"there is no entity {missing}")
    allowed = await allowed_of(store, access, action, wanted)
    refused = next((ref for ref in wanted if ref not in allowed), None)
    if refused is not None:
        raise ForbiddenError(f"{access.principal.ref} may not do this to {refused}: the permission policy does not allow {action} there.")


async def allowed_of(store: Store, access: Access, action: Action, refs: Sequence[Ref]) -> frozenset[Ref]:
    """Those of the entities that the principal sees and may do this to."""
    return frozenset(await store.entities_by_ref(refs, visible=seen_and_allowed(access, action)))
