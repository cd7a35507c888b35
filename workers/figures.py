"""The figures of jobs, as whoever watches over them gets to see them."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from graph.errors import CallboardError

DURATION_BOUNDS = (0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0)
"""Upper bounds, in seconds, by which durations are counted; the last bucket has none."""


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that was given up. `reason` is what a reader can act on."""

    name: str
    arguments: Sequence[str]
    failed_at: datetime
    tries: int
    reason: str


@dataclass(slots=True)
class JobNumbers:
    """The numbers of the jobs of one name. `queued` may begin now, `waiting` were put off; ages are in seconds, None if there is none.

    `durations` are the numbers of runs by DURATION_BOUNDS, and those beyond; `seconds` is their sum.
    """

    name: str
    queued: int = 0
    running: int = 0
    waiting: int = 0
    oldest_age_seconds: float | None = None
    done: int = 0
    failed: int = 0
    retried: int = 0
    seconds: float = 0
    durations: Sequence[int] = field(default_factory=lambda: [0] * (len(DURATION_BOUNDS) + 1))


class QueueUnavailableError(CallboardError):
    """The queue does not answer at the moment."""

    code = "UNAVAILABLE"


class BackgroundWork(Protocol):
    """What a serving process knows of the background work, wherever that is done. QueueUnavailableError while the queue is away."""

    async def numbers(self) -> Sequence[JobNumbers]:
        """The numbers of every job that ever ran or waits now, by name."""
        ...

    async def failures(self) -> Sequence[FailedJob]:
        """The jobs that were given up, the newest first."""
        ...

    async def request(self, function: str, *args: str) -> None:
        """Have the job run soon."""
        ...

    def wakes(self) -> AsyncGenerator[None]:
        """Each time that a job has ended in any process."""
        ...
