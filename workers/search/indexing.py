"""Brings the search index up to the log of the catalog, and builds it anew.

What is read of the catalog is never older than the position that is written with it, so that whatever is interrupted is only done again.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from uuid import uuid4

from graph.conditions import EVERYTHING
from graph.entities import Entity
from graph.errors import StaleWriteError, StoreUnavailableError
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step
from graph.sources import StateRow, StateWrite
from graph.store import EdgeEnd, Store, Window
from ingest.touching import TOUCHED
from workers.search.ahead import ahead
from workers.search.brought import all_kept, is_source, kept
from workers.search.collation import DEPENDING, Collation, Surroundings
from workers.search.index import IndexBatch, IndexState, IndexUnavailableError, SearchDocument, SearchIndex
from workers.search.leaves import ANCESTORS, TRANSITIVE_RELATION
from workers.waiting import set_within

_CATALOG = "search-catalog"
_ID = "id"
_AT_ONCE = 500
_MOST_BEHIND = 5_000
"""Beyond so many changed entities, and a fifth of all, building anew is quicker."""

_SHARE = 5
_MOST_TOUCHED = 1_000
_LOOK_SECONDS = 0.4

_log = logging.getLogger("callboard.search")


class Indexing:
    """What writes the index. One at a time does; who holds the lease sees to that."""

    def __init__(self, store: Store, index: SearchIndex, collation: Collation, registry: RelationRegistry) -> None:
        self._store = store
        self._index = index
        self._collation = collation
        self._steps = (
            *(Step(relation.name, Direction.OUT) for relation in registry),
            *(Step(name, Direction.IN) for name in DEPENDING),
        )
        self._inverted = tuple(
            relation.name.lower() for relation in registry if any(declaration.inverted for declaration in relation.declarations)
        )

    async def is_behind(self) -> bool:
        """Whether the catalog has changed since the index was written, or there is no index of it."""
        state = await self._index.state()
        return state is None or state.position != await self._store.head() or bool(await self._store.states(TOUCHED, limit=1))

    async def check(self) -> None:
        """Look for damage of the index. IndexUnavailableError if there is any; `needs_rebuild` from then on."""
        await self._index.check()

    async def needs_rebuild(self) -> bool:
        """Whether the index can't be brought up to date by what changed since."""
        state = await self._index.state()
        if state is None or state.settings != self._collation.digest or state.catalog != await catalog_id(self._store):
            return True
        head = await self._store.head()
        if state.position > head or state.position < await self._store.horizon():
            return True
        changed = await self._store.changed_ref_count(state.position, head, visible=EVERYTHING)
        return changed > max(_MOST_BEHIND, (await self._store.counts()).entities // _SHARE)

    async def update(self) -> None:
        """Write what changed since the position of the index. Nothing without an index. IndexUnavailableError, StoreUnavailableError."""
        if state := await self._index.state():
            rows = await self._store.states(TOUCHED, limit=_MOST_TOUCHED)
            await self._bring_up(state, rows)
            await _forget(self._store, rows)

    async def _bring_up(self, state: IndexState, rows: Sequence[StateRow]) -> None:
        """Write what changed since that state, and what was touched; nothing is written if nothing was."""
        head = await self._store.head()
        if not rows and state.position == head:
            return
        for ident in (row.id for row in rows if is_source(row.id)):
            await self._index.write(IndexBatch(state, [ident], await kept(self._store, ident)))
        changed = {Ref(row.id) for row in rows if not is_source(row.id)}
        beyond = ""
        while refs := await self._store.changed_refs(state.position, head, _AT_ONCE, visible=EVERYTHING, beyond=beyond):
            changed.update(refs)
            beyond = refs[-1]
        await self._write(changed, state, IndexState(state.catalog, state.settings, head))

    async def _write(self, changed: set[Ref], before: IndexState, after: IndexState) -> None:
        """Replace the documents of what changed, and of what is affected by it.

        Parts of what changed are written first, and what changed last, with the new position: else a kill in between would leave parts that
        nothing leads to any more.
        """
        roots = changed | await self._with_other_edges(changed)
        parts = await self._with_other_ancestors(roots)
        central = await self._with_other_centrality(changed)
        for refs in _portions(sorted((parts | central) - roots)):
            await self._index.write(IndexBatch(before, refs, await self._documents(refs)))
        portions = list(_portions(sorted(roots))) or [()]
        for refs in portions[:-1]:
            await self._index.write(IndexBatch(before, refs, await self._documents(refs)))
        await self._index.write(IndexBatch(after, portions[-1], await self._documents(portions[-1])))

    async def _with_other_edges(self, changed: Iterable[Ref]) -> set[Ref]:
        """Entities out of which an edge leads that a changed one declares or declared, by fields that are read the other way round."""
        candidates: set[Ref] = set()
        steps = [step for step in self._steps if step.direction is Direction.OUT and step.relation.lower() in self._inverted]
        for refs in _portions(sorted(changed)):
            ends = await self._store.edges_of(refs, [Step(step.relation, Direction.IN) for step in steps], visible=EVERYTHING)
            candidates.update(ref for each in ends.values() for _, _, ref in each)
            for ref in refs:
                for relation in self._inverted:
                    candidates.update([Ref(source) async for source in self._index.sources_with(f">{relation}>{ref}")])
        return await self._differing(candidates.difference(changed), ">")

    async def _with_other_ancestors(self, roots: Iterable[Ref]) -> set[Ref]:
        """Parts of what changed, near and far, that are part of something else than the index says."""
        candidates: set[Ref] = set()
        for ref in roots:
            candidates.update([Ref(source) async for source in self._index.sources_with(f"{ANCESTORS}{ref}")])
        return await self._differing(candidates.difference(roots), ANCESTORS)

    async def _differing(self, candidates: Iterable[Ref], prefix: str) -> set[Ref]:
        differing: set[Ref] = set()
        for refs in _portions(sorted(candidates)):
            known = await self._index.edges_of(refs)
            around = await self._around(refs)
            for ref in refs:
                before = frozenset(leaf for leaf in known.get(ref, ()) if leaf.startswith(prefix))
                if _edge_leaves(around.get(ref, Surroundings()), prefix) != before:
                    differing.add(ref)
        return differing

    async def _with_other_centrality(self, changed: Iterable[Ref]) -> set[Ref]:
        """Where edges of what changed lead now or led before, if that makes a difference of about a half to how many depend on it."""
        gained: dict[Ref, int] = {}
        for refs in _portions(sorted(changed)):
            around = await self._store.edges_of(refs, [Step(name, Direction.OUT) for name in DEPENDING], visible=EVERYTHING)
            known = await self._index.edges_of(refs)
            beginnings = tuple(f">{name.lower()}>" for name in DEPENDING)
            for ref in refs:
                now = {f">{relation.lower()}>{target}" for relation, _, target in around.get(ref, ())}
                former = {leaf for leaf in known.get(ref, ()) if leaf.startswith(beginnings)}
                for leaf in now ^ former:
                    target = Ref(leaf.split(">", 2)[2])
                    gained[target] = gained.get(target, 0) + (1 if leaf in now else -1)
        found: set[Ref] = set()
        for refs in _portions(sorted(gained)):
            for ref, around in (await self._around(refs)).items():
                if around.centrality.bit_length() != max(0, around.centrality - gained[ref]).bit_length():
                    found.add(ref)
        return found

    async def rebuild(self) -> None:
        """Build the index anew beside the one that answers, which is kept up meanwhile. IndexUnavailableError, StoreUnavailableError."""
        rows = await self._store.states(TOUCHED, limit=_MOST_TOUCHED)
        state = IndexState(await catalog_id(self._store), self._collation.digest, await self._store.head())
        total = 0
        async with self._index.building() as build:
            async with self._keeping_up(rows), aclosing(ahead(self._all_documents())) as portions:
                async for documents in portions:
                    await build.add(documents)
                    total += len(documents)
                async for documents in all_kept(self._store):
                    await build.add(documents)
                    total += len(documents)
            await build.complete(state)
        await _forget(self._store, rows)
        _log.info("the search index was built anew: %d documents, up to change %d", total, state.position)
        await self.update()

    @asynccontextmanager
    async def _keeping_up(self, rows: Sequence[StateRow]) -> AsyncGenerator[None]:
        """Meanwhile, the index that answers follows the catalog, if it can. What is touched stays told, for the index that comes."""
        ended = asyncio.Event()
        keeping = asyncio.create_task(self._keep_up({row.id: row.version for row in rows}, ended))
        try:
            yield
        finally:
            ended.set()
            await keeping

    async def _keep_up(self, written: dict[str, int], ended: asyncio.Event) -> None:
        """`written` are the versions of what is touched that need not be written."""
        while not ended.is_set():
            # What is damaged, or was left far behind, answers as it is until it is replaced.
            with suppress(IndexUnavailableError, StoreUnavailableError):
                state = await self._index.state()
                if state and not await self.needs_rebuild():
                    touched = await self._store.states(TOUCHED, limit=_MOST_TOUCHED)
                    rows = [row for row in touched if written.get(row.id) != row.version]
                    await self._bring_up(state, rows)
                    written.update((row.id, row.version) for row in rows)
            await set_within(ended, _LOOK_SECONDS)

    async def _all_documents(self) -> AsyncGenerator[Sequence[SearchDocument]]:
        async with aclosing(ahead(self._pages())) as pages:
            async for entities, around in pages:
                yield await self._collated(entities, around)

    async def _pages(self) -> AsyncGenerator[tuple[Sequence[Entity], Mapping[Ref, Surroundings]]]:
        parents: dict[Ref, frozenset[Ref]] = {}
        window = Window(_AT_ONCE)
        while True:
            page = await self._store.page(EVERYTHING, (), window, visible=EVERYTHING)
            if page.rows:
                yield page.rows, await self._around([entity.ref for entity in page.rows], parents)
            if not page.has_next:
                return
            window = Window(_AT_ONCE, after=page.keysets[-1])

    async def _documents(self, refs: Sequence[Ref]) -> Sequence[SearchDocument]:
        entities = await self._store.entities_by_ref(refs, visible=EVERYTHING)
        around = await self._around([*entities])
        return await self._collated([*entities.values()], around)

    async def _collated(self, entities: Sequence[Entity], around: Mapping[Ref, Surroundings]) -> Sequence[SearchDocument]:
        documents: list[SearchDocument] = []
        for entity in entities:
            documents += await self._collation.documents(entity, around[entity.ref])
            # Most collators never wait, and requests are answered by the same loop.
            await asyncio.sleep(0)
        return documents

    async def _around(self, refs: Sequence[Ref], parents: dict[Ref, frozenset[Ref]] | None = None) -> dict[Ref, Surroundings]:
        """The surroundings of each. `parents` remembers, by part, the wholes that were found."""
        ends = await self._store.edges_of(refs, self._steps, visible=EVERYTHING)
        known = {} if parents is None else parents
        known.update((ref, _wholes(ends.get(ref, ()))) for ref in refs)
        waiting = {whole for ref in refs for whole in known[ref]}
        while waiting := {ref for ref in waiting if ref not in known}:
            found = await self._store.edges_of(sorted(waiting), (Step(TRANSITIVE_RELATION, Direction.OUT),), visible=EVERYTHING)
            known.update((ref, _wholes(found.get(ref, ()))) for ref in waiting)
            waiting = {whole for ref in waiting for whole in known[ref]}
        return {ref: Surroundings(ends.get(ref, ()), _ancestors(ref, known)) for ref in refs}


async def catalog_id(store: Store) -> str:
    """What tells this catalog from another one, made at the first call."""
    while True:
        rows = await store.states(_CATALOG, ids=[_ID])
        if rows:
            return str(rows[0].value[_ID])
        with suppress(StaleWriteError):
            await store.write_states([StateWrite(_CATALOG, _ID, {_ID: uuid4().hex}, expected=0)])


async def _forget(store: Store, rows: Sequence[StateRow]) -> None:
    for row in rows:
        # One that was touched again meanwhile stays.
        with suppress(StaleWriteError):
            await store.write_states([StateWrite(TOUCHED, row.id, None, expected=row.version)])


def _portions(refs: Sequence[Ref]) -> Iterable[Sequence[Ref]]:
    return (refs[start : start + _AT_ONCE] for start in range(0, len(refs), _AT_ONCE))


def _wholes(ends: Iterable[EdgeEnd]) -> frozenset[Ref]:
    return frozenset(ref for relation, direction, ref in ends if relation == TRANSITIVE_RELATION and direction is Direction.OUT)


def _ancestors(ref: Ref, wholes: dict[Ref, frozenset[Ref]]) -> frozenset[Ref]:
    found: set[Ref] = set()
    waiting = [*wholes.get(ref, ())]
    while waiting:
        whole = waiting.pop()
        if whole not in found:
            found.add(whole)
            waiting.extend(wholes.get(whole, ()))
    return frozenset(found)


def _edge_leaves(around: Surroundings, prefix: str) -> frozenset[str]:
    leaves = {f">{relation.lower()}>{ref}" for relation, direction, ref in around.ends if direction is Direction.OUT}
    leaves.update(f"{ANCESTORS}{ref}" for ref in around.ancestors)
    return frozenset(leaf for leaf in leaves if leaf.startswith(prefix))
