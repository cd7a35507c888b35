"""Inference over a catalog that is stored: its entities, where they were read, and the groups and users that owners mean."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from graph.conditions import EVERYTHING
from graph.entities import Entity
from graph.refs import Ref
from graph.store import Store, Window
from ingest.infer.edges import Inferred, Repository, infer
from ingest.infer.facts import Declared, facts_of
from ingest.infer.people import people_of

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class RepositoryFiles:
    """What was read of a repository: `root` is its folder or the URL of its root, paths are relative to it."""

    root: str
    files: Mapping[str, bytes]


async def infer_from(repositories: Sequence[RepositoryFiles], store: Store) -> Inferred:
    """What the repositories tell about the entities that were read from their files."""
    entities = [entity async for entity in _all(store)]
    declares = await store.declared_by([entity.ref for entity in entities])
    owners: dict[Ref, list[Ref]] = {}
    for edges in declares.values():
        for edge in edges:
            if edge.relation == "ownedBy" and any(not evidence.inferred for evidence in edge.evidence):
                owners.setdefault(edge.source, []).append(edge.target)
    found = [Repository(one.root, facts_of(one.files, _declared_in(one.root, entities))) for one in repositories]
    return infer(found, people_of((entity.ref, entity.document) for entity in entities), owners)


def _declared_in(root: str, entities: Sequence[Entity]) -> list[Declared]:
    prefix = root.rstrip("/") + "/"
    return [
        Declared(entity.ref, entity.document, entity.origin.path.removeprefix(prefix))
        for entity in entities
        if entity.origin.path.startswith(prefix)
    ]


async def _all(store: Store) -> AsyncIterator[Entity]:
    window = Window(_AT_ONCE)
    while True:
        page = await store.page(EVERYTHING, (), window, visible=EVERYTHING)
        for entity in page.rows:
            yield entity
        if not page.has_next:
            return
        window = Window(_AT_ONCE, after=page.keysets[-1])
