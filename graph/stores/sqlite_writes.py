"""Writing a batch: all of it in the one transaction of the session, each table in one statement."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import orjson

from graph.entities import Description, Document, Entity, described
from graph.errors import StaleWriteError
from graph.refs import Ref
from graph.store import Batch, CatalogError, Change, Operation, SourceFile
from graph.stores.logs import written_at
from graph.stores.sqlite_composer import TEXT_SEPARATOR
from graph.stores.sqlite_connections import Session, as_json
from graph.stores.sqlite_log import change_record
from graph.stores.sqlite_records import record_of
from graph.stores.sqlite_state_rows import newest_entry
from graph.stores.stale import refuse_moved_files

_NO_SEPARATORS = {ord(TEXT_SEPARATOR): " ", 0: " "}

_Facts = dict[str, dict[str, dict[int, str | None]]]
"""Facts of many nodes: by path, value and node, how it was declared if not in lower case."""


class BatchWriter:
    """Writes one batch."""

    def __init__(self, session: Session, batch: Batch) -> None:
        self._session = session
        self._batch = batch
        self._terms: dict[str, int] = {}
        self._nodes: dict[Ref, int] = {}
        self._hashes: dict[Ref, str] = {}
        self._loose: list[int] = []

    def write(self) -> Sequence[Change]:
        """The log entries of the batch. StaleWriteError if an entity or a file is not what the batch was computed against."""
        self._find_nodes()
        self._refuse_stale()
        known = {write.entity.ref: write.description or described(write.entity.document) for write in self._batch.writes}
        new = [write.entity for write in self._batch.writes if self._hashes.get(write.entity.ref) != known[write.entity.ref].hash]
        facts = _gathered((self._nodes[entity.ref], known[entity.ref]) for entity in new)
        self._find_terms(facts)
        self._remove(new)
        self._write_entities(known, new)
        self._write_facts(facts)
        self._write_declarations()
        self._write_files()
        self._write_locations()
        return self._log()

    def _find_nodes(self) -> None:
        ends = {ref for write in self._batch.writes for edge in write.declares if edge.evidence for ref in (edge.source, edge.target)}
        named = sorted(ends.union(write.entity.ref for write in self._batch.writes))
        self._run("name_nodes", "refs", named)
        wanted = as_json([*named, *(removal.ref for removal in self._batch.removals)])
        for ref, node, stored_hash in self._session.rows("stored_nodes", {"refs": wanted}):
            self._nodes[ref] = node
            if stored_hash is not None:
                self._hashes[ref] = stored_hash

    def _refuse_stale(self) -> None:
        expected = [(write.entity.ref, write.previous_hash) for write in self._batch.writes]
        expected += [(removal.ref, removal.previous_hash) for removal in self._batch.removals]
        if len({ref for ref, _ in expected}) < len(expected):
            raise StaleWriteError("the batch writes one entity twice; write what it shall be in the end")
        stale = [ref for ref, previous_hash in expected if self._hashes.get(ref) != previous_hash]
        if stale:
            raise StaleWriteError(f"{len(stale)} entities changed since they were read, such as {stale[0]}; read again and retry")
        if self._batch.expected:
            stored = self._session.rows("stored_digests", {"files": as_json(list(self._batch.expected))})
            refuse_moved_files(self._batch.expected, {(location, path): digest for location, path, digest in stored})

    def _find_terms(self, facts: _Facts) -> None:
        wanted = set(facts)
        wanted.update([write.entity.origin.location_id for write in self._batch.writes])
        edges = [edge for write in self._batch.writes for edge in write.declares]
        wanted.update([edge.relation for edge in edges])
        for edge in edges:
            for evidence in edge.evidence:
                wanted.add(evidence.field)
                wanted.add(evidence.path)
        for of_file in (*self._batch.files, *self._batch.claims):
            wanted.update((of_file.location_id, of_file.path))
        for place in self._batch.forgotten:
            wanted.update(place)
        if wanted:
            terms = as_json(sorted(wanted))
            self._session.run("name_terms", {"terms": terms})
            self._terms = orjson.loads(self._session.value("terms", {"terms": terms}))

    def _remove(self, new: Sequence[Entity]) -> None:
        """What the writes replace and the removals end, placeholders that nothing points to any more included."""
        removed = [self._nodes[removal.ref] for removal in self._batch.removals]
        known = [self._nodes[write.entity.ref] for write in self._batch.writes if write.previous_hash is not None]
        self._run("remove_facts", "nodes", [*removed, *(self._nodes[entity.ref] for entity in new if entity.ref in self._hashes)])
        self._run("remove_texts", "nodes", removed)
        self._run("remove_entities", "nodes", removed)
        self._run("mark_missing", "nodes", removed)
        if known or removed:
            self._loose = self._session.rows("declared_ends", {"nodes": as_json([*known, *removed])})
            self._loose += removed
            self._run("remove_declarations", "nodes", [*known, *removed])

    def _write_entities(self, known: Mapping[Ref, Description], new: Sequence[Entity]) -> None:
        rows: list[Sequence[object]] = []
        for write in self._batch.writes:
            entity = write.entity
            record = orjson.dumps(record_of(entity)).decode()
            location = self._terms[entity.origin.location_id]
            rows.append((self._nodes[entity.ref], known[entity.ref].hash, location, int(entity.orphan), record))
        self._run("write_entities", "rows", rows)
        self._run("write_texts", "rows", [(self._nodes[entity.ref], _searched(entity.ref, entity.document)) for entity in new])
        self._run("mark_present", "nodes", [self._nodes[write.entity.ref] for write in self._batch.writes if write.previous_hash is None])

    def _write_facts(self, facts: _Facts) -> None:
        if facts:
            of_terms = {self._terms[path]: values for path, values in facts.items()}
            self._session.run("write_facts", {"facts": orjson.dumps(of_terms, option=orjson.OPT_NON_STR_KEYS).decode()})

    def _write_declarations(self) -> None:
        nodes, terms = self._nodes, self._terms
        rows = [
            (
                nodes[edge.source], terms[edge.relation], nodes[edge.target], nodes[evidence.declarer], terms[evidence.field],
                terms[evidence.path], evidence.line, int(evidence.inferred), evidence.confidence,
            )
            for write in self._batch.writes
            for edge in write.declares
            for evidence in edge.evidence
        ]  # fmt: skip
        self._run("write_declarations", "rows", rows)
        self._run("remove_placeholders", "nodes", self._loose)

    def _write_files(self) -> None:
        batch, terms = self._batch, self._terms
        places = [*((file.location_id, file.path) for file in batch.files), *batch.forgotten]
        self._run("remove_files", "files", [(terms[location], terms[path]) for location, path in places])
        self._run("remove_claims", "files", [(terms[location], terms[path]) for location, path in places])
        self._run("remove_errors", "files", places)
        self._run(
            "write_files", "rows", [(terms[file.location_id], terms[file.path], orjson.dumps(_file(file)).decode()) for file in batch.files]
        )
        self._run(
            "write_claims", "rows",
            [
                (
                    terms[claim.location_id], terms[claim.path], claim.document, claim.ref, claim.line,
                    None if claim.reading is None else b64encode(claim.reading).decode(),
                )
                for claim in batch.claims
            ],
        )  # fmt: skip
        self._run(
            "write_errors", "rows",
            [
                (e.id, e.location_id, e.path, e.code, e.line, e.column, e.ref, orjson.dumps(_error(e)).decode())
                for e in batch.errors
            ],
        )  # fmt: skip

    def _write_locations(self) -> None:
        self._run("remove_locations", "ids", self._batch.removed_locations)
        self._run(
            "write_locations", "rows",
            [
                (at.id, at.type, at.target, at.origin, at.order, at.read_at.isoformat() if at.read_at else None, at.error)
                for at in self._batch.locations
            ],
        )  # fmt: skip

    def _log(self) -> Sequence[Change]:
        entries = list(self._entries())
        if not entries:
            return ()
        self._session.run("take_sequence", {"taken": len(entries)})
        head = self._session.value("head")
        first, newest = head - len(entries) + 1, newest_entry(self._session, head)
        now, cause = written_at(newest[1] if newest else None), self._batch.cause
        changes = [Change(first + i, now, ref, operation, patch, cause) for i, (ref, operation, patch) in enumerate(entries)]
        self._run("write_changes", "rows", [(change.sequence, change.ref, change_record(change)) for change in changes])
        return changes

    def _entries(self) -> Iterator[tuple[Ref, Operation, Sequence[dict[str, object]]]]:
        for write in self._batch.writes:
            if write.previous_hash is None:
                yield write.entity.ref, Operation.CREATED, ()
            elif write.patch:
                yield write.entity.ref, Operation.UPDATED, [dict(step) for step in write.patch]
        for removal in self._batch.removals:
            yield removal.ref, Operation.REMOVED, [dict(step) for step in removal.patch]

    def _run(self, query: str, name: str, values: Sequence[object]) -> None:
        if values:
            self._session.run(query, {name: as_json(values)})


def _gathered(descriptions: Iterable[tuple[int, Description]]) -> _Facts:
    """The facts of nodes as they are written: SQLite takes apart nested objects in half the time that rows take it."""
    facts: _Facts = {}
    for node, description in descriptions:
        for path, values in description.shown.items():
            at_path = facts.get(path)
            if at_path is None:
                at_path = facts[path] = {}
            for value, shown in values.items():
                at_value = at_path.get(value)
                if at_value is None:
                    at_path[value] = {node: shown}
                else:
                    at_value[node] = shown
    return facts


def _searched(ref: Ref, document: Document) -> str:
    """What TextContains looks through, in lower case."""
    metadata: Document = document["metadata"]
    tags = metadata.get("tags")
    texts = [ref, metadata.get("title"), metadata.get("description"), *(cast("list[object]", tags) if isinstance(tags, list) else ())]
    # Printable text, nearly all there is, holds neither of them.
    parts = [text if text.isprintable() else text.translate(_NO_SEPARATORS) for text in texts if isinstance(text, str)]
    return TEXT_SEPARATOR.join(parts).lower()


def _file(file: SourceFile) -> Sequence[object]:
    return (file.path, file.digest, list(file.includes), list(file.targets), file.parent, list(file.claims), list(file.kept))


def _error(error: CatalogError) -> Sequence[object]:
    return (
        error.location_id, error.path, error.code, error.message, error.remedy, error.document, error.line, error.column, error.ref,
    )  # fmt: skip
