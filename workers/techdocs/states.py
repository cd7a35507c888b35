"""What is known of each site beside its files: when it was built and looked at, what is wrong with it, and what the build said."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from graph.state_rows import rows_below
from graph.store import StateWrite, Store
from workers.techdocs.results import DocsProblem, LeftOut, ProblemKind

STATES = "docs"
"""The collection of states with a row for each site, by its id."""

LOGS = "docs-logs"
PROBLEMS = "docs-problems"


@dataclass(frozen=True, slots=True)
class SiteState:
    """One site. `etag` is that of the site that is there, `failed_etag` that of sources of which none came. Both None: never built.

    `error` is why the last build gave no site, and what to do; None if it gave one, or nothing had changed since one did.
    """

    etag: str | None = None
    failed_etag: str | None = None
    built_at: datetime | None = None
    checked_at: datetime | None = None
    error: tuple[str, str] | None = None
    left_out: Sequence[LeftOut] = ()
    problems: int = 0

    def failed(self, error: tuple[str, str], etag: str | None, left_out: Sequence[LeftOut] = ()) -> "SiteState":
        """After a build of sources with the etag that gave no site: the last one stays."""
        return replace(self, failed_etag=etag, error=error, left_out=left_out, checked_at=datetime.now(UTC))


async def state_of(store: Store, site_id: str) -> SiteState:
    """What is known of a site; a SiteState of nothing where it never was built."""
    rows = await store.states(STATES, ids=[site_id])
    return _state(rows[0].value) if rows else SiteState()


async def write_state(
    store: Store, site_id: str, state: SiteState, *, problems: Sequence[DocsProblem] | None = None, log: str | None = None
) -> None:
    """Keep what is known of a site now, and with it the problems and the log of its last build where they are given."""
    writes = [StateWrite(STATES, site_id, _value(state))]
    if log is not None:
        writes.append(StateWrite(LOGS, site_id, {"log": log}))
    if problems is not None:
        found = [asdict(problem) for problem in problems]
        writes.append(StateWrite(PROBLEMS, site_id, {"problems": found} if found else None))
    await store.write_states(writes)


async def log_of(store: Store, site_id: str) -> str | None:
    """What the last build said; None if there was none."""
    rows = await store.states(LOGS, ids=[site_id])
    return rows[0].value["log"] if rows else None


async def problems_of(store: Store, site_id: str) -> Sequence[DocsProblem]:
    """What is wrong with the pages of a site."""
    rows = await store.states(PROBLEMS, ids=[site_id])
    return _problems(rows[0].value) if rows else ()


async def all_problems(store: Store) -> AsyncIterator[tuple[str, Sequence[DocsProblem]]]:
    """Every site with problems, by its id and ordered by it."""
    async for row in rows_below(store, PROBLEMS):
        yield row.id, _problems(row.value)


def _problems(value: Mapping[str, Any]) -> Sequence[DocsProblem]:
    return [DocsProblem(ProblemKind(one["kind"]), one["page"], one["target"], one["line"]) for one in value["problems"]]


def _state(value: Mapping[str, Any]) -> SiteState:
    error = value["error"]
    return SiteState(
        value["etag"],
        value["failedEtag"],
        _moment(value["builtAt"]),
        _moment(value["checkedAt"]),
        (error[0], error[1]) if error else None,
        [LeftOut(setting, reason) for setting, reason in value["leftOut"]],
        value["problems"],
    )


def _value(state: SiteState) -> dict[str, Any]:
    return {
        "etag": state.etag,
        "failedEtag": state.failed_etag,
        "builtAt": state.built_at.isoformat() if state.built_at else None,
        "checkedAt": state.checked_at.isoformat() if state.checked_at else None,
        "error": list(state.error) if state.error else None,
        "leftOut": [[one.setting, one.reason] for one in state.left_out],
        "problems": state.problems,
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
