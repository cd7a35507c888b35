"""`callboard ingest --infer`: what CODEOWNERS and package manifests tell, shown and not stored."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.exits import FINDINGS, OK
from cli.offline import reading_only
from cli.paths import shown_place
from cli.progress import shown_progress
from cli.reports import Report, Table, show
from config import Config
from graph.conditions import EVERYTHING
from graph.configured import registry_from
from graph.entities import Edge, Evidence
from graph.store import ErrorFilter
from graph.stores.sqlite import SqliteStore
from ingest.infer.catalog import RepositoryFiles, infer_from
from ingest.infer.edges import Inferred
from ingest.infer.folders import files_below, repositories_below
from ingest.pipeline import synchronise


def show_inferred(config: Config, folders: Sequence[Path], format_: str) -> int:
    """Print what the folders' repositories tell about the entities in them; FINDINGS if something could not be read, else OK."""
    inferred, errors = asyncio.run(_inferred(config, folders))
    show(_report(inferred, errors), format_)
    return FINDINGS if inferred.problems or errors else OK


async def _inferred(config: Config, folders: Sequence[Path]) -> tuple[Inferred, int]:
    config = reading_only(config, [str(folder) for folder in folders])
    registry = registry_from(config.catalog.relations)
    roots = [root for folder in folders for root in repositories_below(folder.resolve())]
    with TemporaryDirectory(prefix="callboard-") as scratch:
        store = SqliteStore(Path(scratch) / "catalog.db", registry)
        await store.open()
        try:
            with shown_progress() as progress:
                await synchronise(config, store, registry, progress)
            repositories = [RepositoryFiles(str(root), await asyncio.to_thread(files_below, root)) for root in roots]
            return await infer_from(repositories, store), await store.error_count(ErrorFilter(), visible=EVERYTHING)
        finally:
            await store.close()


def _report(inferred: Inferred, errors: int) -> Report:
    edges = [(edge, evidence) for edge in inferred.edges for evidence in edge.evidence]
    stated = Table(
        ("Source", "Relation", "Target", "Confidence", "Stated at", "As"),
        [(e.source, e.relation, e.target, f"{one.confidence:.2f}", shown_place(one.path, one.line), _field(one)) for e, one in edges],
        frozenset({"Confidence"}),
    )
    suggested = Table(
        ("Entity", "Declared owner", "CODEOWNERS names", "Stated at"),
        [(s.ref, ", ".join(s.declared), s.owner, shown_place(s.evidence.path, s.evidence.line)) for s in inferred.suggestions],
    )
    problems = Table(("Not understood", "Why"), [(shown_place(p.path, p.line), p.message) for p in inferred.problems])
    data = {
        "edges": [_edge(edge) for edge in inferred.edges],
        "suggestions": [
            {"ref": s.ref, "declared": list(s.declared), "owner": s.owner, "evidence": _evidence(s.evidence)} for s in inferred.suggestions
        ],
        "problems": [{"path": p.path, "line": p.line, "message": p.message} for p in inferred.problems],
        "catalogErrors": errors,
    }
    remark = f"{errors:,} errors in catalog files; `callboard validate` shows them." if errors else ""
    # CSV holds the last table, and the edges are what a program wants.
    return Report(f"{len(inferred.edges):,} edges inferred.", (problems, suggested, stated), (), data, remark)


def _field(evidence: Evidence) -> str:
    return evidence.field.partition("#")[2]


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "source": edge.source,
        "relation": edge.relation,
        "target": edge.target,
        "evidence": [_evidence(evidence) for evidence in edge.evidence],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "field": evidence.field,
        "path": evidence.path,
        "line": evidence.line,
        "inferred": evidence.inferred,
        "confidence": evidence.confidence,
    }
