"""Background jobs, for those who watch over the server."""

from datetime import datetime

import strawberry

from api.graphql.context import Info
from api.graphql.types.fields import attribute, reading
from graph.access import Action
from graph.conditions import EVERYTHING
from workers.figures import FailedJob, JobNumbers


def _mean(numbers: JobNumbers) -> float | None:
    runs = sum(numbers.durations)
    return numbers.seconds / runs if runs else None


@strawberry.type(description="The jobs of one name.")
class JobCounts:
    name: str = attribute("What they do, such as `refresh_location`.")
    queued: int = attribute("How many may begin now.")
    running: int = attribute("How many run now.")
    waiting: int = attribute("How many were put off, such as until another try.")
    oldest_age_seconds: float | None = attribute("For how long the oldest of those queued has waited, in seconds; null if there is none.")
    done: int = attribute("How many runs succeeded.")
    retried: int = attribute("How many runs were followed by another try.")
    failed: int = attribute("How many jobs were given up.")
    mean_seconds: float | None = reading(_mean, "How long a run took on average, in seconds; null if none has ended.")


@strawberry.type(description="A job that was given up.")
class JobFailure:
    name: str = attribute("What it should have done.")
    arguments: list[str] = attribute("With what: for `refresh_location`, the id of the location.")
    failed_at: datetime = attribute("When it was given up.")
    tries: int = attribute("How often it was tried.")
    reason: str = attribute("Why the last try failed.")


@strawberry.type(description="The background jobs of this catalog, in all processes. Numbers of runs begin anew when the queue does.")
class JobsReport:
    jobs: list[JobCounts] = attribute("The jobs, by name.")
    failures: list[JobFailure] = attribute("Jobs that were given up, the newest first; the last hundred are kept.")


class JobsSource:
    """The source of JobsReport."""

    def __init__(self, jobs: list[JobNumbers], failures: list[FailedJob]) -> None:
        self.jobs, self.failures = jobs, failures


async def jobs(info: Info) -> JobsSource | None:
    work, access = info.context.work, info.context.access
    # The arguments of jobs name what may be hidden.
    if work is None or access.visible != EVERYTHING or not access.may(Action.ADMIN):
        return None
    return JobsSource(list(await work.numbers()), list(await work.failures()))
