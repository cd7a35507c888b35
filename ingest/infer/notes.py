"""What each location's repository told when it was last read: kept in the store, so that edges between repositories can be inferred."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from graph.state_rows import rows_below
from graph.store import StateRow, StateWrite, Store
from ingest.infer.edges import Repository
from ingest.infer.facts import OwnerFact, PublishedFact, RepositoryFacts, RequiredFact
from ingest.infer.packages import InferenceProblem

NOTES = "inference"
"""The collection of states that holds what the repositories tell, by location id. A row is due while nothing was inferred from it."""


@dataclass(frozen=True, slots=True)
class Note:
    """A location's repository as it was noted."""

    location_id: str
    repository: Repository
    row: StateRow


async def note(store: Store, location_id: str, repository: Repository) -> bool:
    """Keep what the repository tells; whether it is another thing than before."""
    rows = await store.states(NOTES, ids=[location_id])
    value = _encoded(repository)
    if rows and rows[0].value == value:
        return False
    if not rows and not _tells(repository.facts):
        return False
    await store.write_states([StateWrite(NOTES, location_id, value, due=datetime.now(UTC))])
    return True


async def notes(store: Store) -> list[Note]:
    """What all repositories tell."""
    return [Note(row.id, _decoded(row.value), row) async for row in rows_below(store, NOTES)]


def _tells(facts: RepositoryFacts) -> bool:
    return bool(facts.owners or facts.published or facts.required)


def _encoded(repository: Repository) -> dict[str, Any]:
    facts = repository.facts
    return {
        "root": repository.root,
        "addresses": dict(repository.addresses),
        "owners": [list(asdict(fact).values()) for fact in facts.owners],
        "published": [list(asdict(fact).values()) for fact in facts.published],
        "required": [list(asdict(fact).values()) for fact in facts.required],
        "problems": [list(asdict(problem).values()) for problem in facts.problems],
    }


def _decoded(value: Mapping[str, Any]) -> Repository:
    def rows(name: str) -> Sequence[Sequence[Any]]:
        return value[name]

    facts = RepositoryFacts(
        [OwnerFact(*row) for row in rows("owners")],
        [PublishedFact(*row) for row in rows("published")],
        [RequiredFact(*row) for row in rows("required")],
        [InferenceProblem(*row) for row in rows("problems")],
    )
    return Repository(value["root"], facts, value["addresses"])
