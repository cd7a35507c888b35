"""What a reading changes: entities compared with what is stored of them."""

from collections.abc import Sequence

from graph.entities import Description, Edge, Entity, canonical_json, content_hash, described
from graph.patches import patch_between, patch_of_removal
from graph.store import EntityWrite, Patch, Removal


def write_of(
    entity: Entity, declares: Sequence[Edge], stored: Entity | None, declared: Sequence[Edge], description: Description | None = None
) -> EntityWrite | None:
    """The write that turns the stored entity and its edges into the given ones; None if nothing differs.

    `description` is that of the entity's document, where it is known already.
    """
    if stored is None:
        return EntityWrite(entity, declares, None, description=description or described(entity.document))
    patch = patch_between(stored.document, entity.document)
    if not patch and stored.origin == entity.origin and stored.orphan == entity.orphan and tuple(declared) == tuple(declares):
        return None
    description = (description or described(entity.document)) if patch else None
    if not patch and _ends(declared) != _ends(declares):
        patch = unchanged_patch(entity)
    return EntityWrite(entity, declares, hash_of(stored), patch, description)


def unchanged_patch(entity: Entity) -> Patch:
    """A patch that only tests: it makes the log tell that the entity has changed, on which readers rely, where only its edges did."""
    return ({"op": "test", "path": "/metadata/name", "value": entity.name},)


def _ends(edges: Sequence[Edge]) -> set[tuple[str, str, str]]:
    return {(edge.source, edge.relation, edge.target) for edge in edges}


def removal_of(stored: Entity) -> Removal:
    """The removal of the entity as it is stored, its whole document in the patch."""
    return Removal(stored.ref, hash_of(stored), patch_of_removal(stored.document))


def hash_of(entity: Entity) -> str:
    """The hash by which the store recognises the document that a write was computed against."""
    return content_hash(canonical_json(entity.document))
