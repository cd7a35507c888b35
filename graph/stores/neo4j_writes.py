"""Writing a batch: all of it in one transaction, each label and relation in one query."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from graph.entities import Edge, described
from graph.errors import StaleWriteError
from graph.refs import Ref
from graph.store import Batch, Change, Operation
from graph.stores.logs import written_at
from graph.stores.neo4j_composer import check_relation
from graph.stores.neo4j_connections import Transaction
from graph.stores.neo4j_log import stored_change
from graph.stores.neo4j_records import EdgeKey, declared_from, declarer_of, kind_labels, stored_entity
from graph.stores.neo4j_sources import write_locations, write_sources
from graph.stores.stale import Place, refuse_moved_files

_AT_ONCE = 5000
_NEW: tuple[int | None, list[str]] = (None, [])


@dataclass(frozen=True, slots=True)
class _Stored:
    """An entity as it is before the batch: its hash, what it declares, and the labels of its kind."""

    hash: str
    declares: Mapping[EdgeKey, list[str]]
    labels: Sequence[str]


@dataclass(slots=True)
class _Rewriting:
    """What a batch does to one edge: whose evidence goes, and what comes in its place."""

    declarers: list[Ref] = field(default_factory=list[Ref])
    evidence: list[str] = field(default_factory=list[str])


class BatchWriter:
    """Writes one batch."""

    def __init__(self, transaction: Transaction, batch: Batch) -> None:
        self._transaction = transaction
        self._batch = batch
        self._stored: dict[Ref, _Stored] = {}
        self._nodes: dict[Ref, int] = {}
        self._sought: set[Ref] = set()
        self._loose: set[Ref] = set()
        self._unread: frozenset[Place] = frozenset()

    async def write(self) -> Sequence[Change]:
        """The log entries of the batch. StaleWriteError if an entity is not what its write was computed against."""
        await self._transaction.run("counter_lock")
        # A query of its own, after the lock is held: only now nobody else can move the counter.
        head, newest = await self._transaction.record("head")
        declares = {w.entity.ref: [edge for edge in w.declares if edge.evidence] for w in self._batch.writes}
        await self._read_stored(edge for edges in declares.values() for edge in edges)
        await self._refuse_stale()
        entities = {
            w.entity.ref: stored_entity(w.entity, w.description or described(w.entity.document), declares[w.entity.ref])
            for w in self._batch.writes
        }
        touched = self._touched({ref: declared_from(properties["declares"]) for ref, properties in entities.items()})
        fresh = await self._find_nodes(entities, touched)
        await self._write_entities(entities)
        await self._write_edges(touched, fresh)
        await self._remove_entities()
        await write_sources(self._transaction, self._batch, self._unread)
        await write_locations(self._transaction, self._batch)
        return await self._log(head, None if newest is None else datetime.fromisoformat(newest))

    async def _read_stored(self, declared: Iterable[Edge]) -> None:
        """Learn what is stored of the batch's entities, and the nodes of these and of what they declare from now on."""
        refs = [*(write.entity.ref for write in self._batch.writes), *(removal.ref for removal in self._batch.removals)]
        await self._read_nodes([*refs, *(end for edge in declared for end in (edge.source, edge.target))], refs)

    async def _read_nodes(self, refs: Iterable[Ref], entities: Sequence[Ref]) -> None:
        wanted = [ref for ref in dict.fromkeys(refs) if ref not in self._sought]
        if not wanted:
            return
        self._sought.update(wanted)
        for ref, number, stored_hash, declares, labels in await self._transaction.value("stored", {"refs": wanted, "entities": entities}):
            self._nodes[ref] = number
            if stored_hash is not None:
                self._stored[ref] = _Stored(stored_hash, declared_from(declares), labels)

    async def _refuse_stale(self) -> None:
        expected = [(write.entity.ref, write.previous_hash) for write in self._batch.writes]
        expected += [(removal.ref, removal.previous_hash) for removal in self._batch.removals]
        if len({ref for ref, _ in expected}) < len(expected):
            raise StaleWriteError("the batch writes one entity twice; write what it shall be in the end")
        hashes = {ref: stored.hash for ref, stored in self._stored.items()}
        stale = [ref for ref, previous_hash in expected if hashes.get(ref) != previous_hash]
        if stale:
            raise StaleWriteError(f"{len(stale)} entities changed since they were read, such as {stale[0]}; read again and retry")
        if self._batch.expected:
            stored = await self._transaction.value("stored_digests", {"places": [list(place) for place in self._batch.expected]})
            digests = {(location, path): digest for location, path, digest in stored}
            refuse_moved_files(self._batch.expected, digests)
            self._unread = frozenset(place for place in self._batch.expected if place not in digests)

    def _touched(self, declared: Mapping[Ref, Mapping[EdgeKey, list[str]]]) -> Mapping[EdgeKey, _Rewriting]:
        """The edges whose evidence changes, given what the written entities declare from now on. InputError for no name of a relation."""
        touched: dict[EdgeKey, _Rewriting] = {}
        for ref in (*declared, *(removal.ref for removal in self._batch.removals)):
            declares = declared.get(ref, {})
            before = self._stored[ref].declares if ref in self._stored else dict[EdgeKey, list[str]]()
            for key in (*before, *(key for key in declares if key not in before)):
                evidence = declares.get(key, [])
                if before.get(key, []) != evidence:
                    check_relation(key[1])
                    rewriting = touched.setdefault(key, _Rewriting())
                    rewriting.declarers.append(ref)
                    rewriting.evidence += evidence
        return touched

    async def _find_nodes(self, entities: Iterable[Ref], touched: Iterable[EdgeKey]) -> frozenset[Ref]:
        """Learn the nodes of all that the batch is about, as far as they are not known yet, and make those that are missing: these."""
        written = set(entities)
        ends = (ref for source, _, target in touched for ref in (source, target))
        named = list(dict.fromkeys((*written, *ends)))
        await self._read_nodes(named, ())
        missing = [(ref, [] if ref in written else ["Placeholder"]) for ref in named if ref not in self._nodes]
        if missing:
            created: list[tuple[Ref, int]] = await self._transaction.value("nodes_create", {"nodes": missing})
            self._nodes.update(created)
        return frozenset(ref for ref, _ in missing)

    async def _write_entities(self, entities: Mapping[Ref, Mapping[str, object]]) -> None:
        rows: list[dict[str, object]] = []
        outdated: list[tuple[Ref, list[str]]] = []
        for write in self._batch.writes:
            ref, labels = write.entity.ref, kind_labels(write.entity)
            rows.append({"node": self._nodes[ref], "properties": entities[ref], "labels": labels})
            if ref in self._stored:
                outdated.append((ref, [label for label in self._stored[ref].labels if label not in labels]))
        await self._remove_labels(outdated)
        await self._run("entities_write", "entities", rows)

    async def _write_edges(self, touched: Mapping[EdgeKey, _Rewriting], fresh: frozenset[Ref]) -> None:
        # An edge at a node that this batch made can't be there yet.
        known = [key for key in touched if key[0] not in fresh and key[2] not in fresh]
        stored = await self._stored_edges(known)
        created: list[Sequence[object]] = []
        updated: list[Sequence[object]] = []
        deleted: list[int] = []
        for key, rewriting in touched.items():
            number, before = stored.get(key, _NEW)
            evidence = sorted([text for text in before if declarer_of(text) not in rewriting.declarers] + rewriting.evidence)
            declarers = [declarer_of(text) for text in evidence]
            if number is None:
                if evidence:
                    created.append((self._nodes[key[0]], key[1], self._nodes[key[2]], declarers, evidence))
            elif evidence:
                updated.append((number, declarers, evidence))
            else:
                deleted.append(number)
                self._loose.update((key[0], key[2]))
        await self._run("edges_create", "edges", created)
        await self._run("edges_update", "edges", updated)
        await self._run("edges_delete", "edges", deleted)

    async def _stored_edges(self, keys: Sequence[EdgeKey]) -> Mapping[EdgeKey, tuple[int, list[str]]]:
        """Neo4j's number and the evidence of those of the edges that exist."""
        if not keys:
            return {}
        rows = [(self._nodes[source], relation, self._nodes[target]) for source, relation, target in keys]
        found = await self._transaction.value("edges_found", {"edges": rows})
        return {(source, relation, target): (number, evidence) for source, relation, target, number, evidence in found}

    async def _remove_entities(self) -> None:
        """Make placeholders of the removed, and remove those that no edge needs any more."""
        refs = [removal.ref for removal in self._batch.removals]
        await self._remove_labels([(ref, self._stored[ref].labels) for ref in refs])
        await self._run("entities_remove", "refs", refs)
        await self._run("placeholders_remove", "refs", sorted(self._loose.union(refs)))

    async def _remove_labels(self, labels: Iterable[tuple[Ref, Sequence[str]]]) -> None:
        await self._run("labels_remove", "labels", [(ref, list(others)) for ref, others in labels if others])

    async def _log(self, head: int, newest: datetime | None) -> Sequence[Change]:
        """Append to the log, numbered from the head on."""
        at = written_at(newest)
        entries = [
            *((w.entity.ref, Operation.CREATED if w.previous_hash is None else Operation.UPDATED, w.patch) for w in self._batch.writes),
            *((removal.ref, Operation.REMOVED, removal.patch) for removal in self._batch.removals),
        ]
        told = [entry for entry in entries if entry[1] is not Operation.UPDATED or entry[2]]
        changes = [Change(head + i, at, *entry, self._batch.cause) for i, entry in enumerate(told, start=1)]
        await self._run("changes_write", "changes", [stored_change(change) for change in changes])
        if changes:
            await self._transaction.run("counter_set", {"head": changes[-1].sequence, "at": at.isoformat()})
        return changes

    async def _run(self, query: str, parameter: str, rows: Sequence[object]) -> None:
        for start in range(0, len(rows), _AT_ONCE):
            await self._transaction.run(query, {parameter: rows[start : start + _AT_ONCE]})
