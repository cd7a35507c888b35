"""Figures for Prometheus at /metrics: what this process answers, and what the store and the job queue know of all processes.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from api.auth.admission import access_of
from api.graphql.feed import LogFeed
from api.opening import StoreOpening
from api.rest.answers import answering
from graph.access import Action
from graph.errors import CallboardError, StoreError
from graph.store import Location, StateRow, Store
from workers.figures import DURATION_BOUNDS, JobNumbers, QueueUnavailableError
from workers.schedules import schedules

MOST_LOCATIONS = 200
"""How many locations have figures of their own; those that fail come first. All of them are counted together."""

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)

_log = logging.getLogger("callboard.metrics")


class OperationTimes:
    """How long this process took to answer GraphQL operations."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "callboard_graphql_seconds",
            "Time to answer a GraphQL operation, by type; subscriptions by how long they last. invalid: not understood.",
            ["type", "outcome"],
            buckets=_BUCKETS,
            registry=self.registry,
        )


class TimedOperation(SchemaExtension):
    """Notes how long an operation took."""

    def __init__(self, times: OperationTimes) -> None:
        super().__init__()
        self._times = times

    def on_operation(self) -> Iterator[None]:
        began = time.perf_counter()
        failed = True
        try:
            yield
            result = self.execution_context.result
            failed = bool(self.execution_context.pre_execution_errors or getattr(result, "errors", None))
        finally:
            type_ = self._type()
            self._times.seconds.labels(type_, "error" if failed else "ok").observe(time.perf_counter() - began)

    def _type(self) -> str:
        context = self.execution_context
        if context.graphql_document is None or context.pre_execution_errors:
            return "invalid"
        try:
            return {OperationType.QUERY: "query", OperationType.MUTATION: "mutation"}.get(context.operation_type, "subscription")
        except RuntimeError:
            return "invalid"


def metrics_route(store: Store, opening: StoreOpening, feed: LogFeed, times: OperationTimes) -> Route:
    """/metrics, for whoever may administer. What can't be reached is left out, and callboard_store_up or callboard_queue_up is 0."""

    async def metrics(request: Request) -> Response:
        access_of(request).demand(Action.ADMIN)
        families = [
            GaugeMetricFamily("callboard_subscriptions", "Subscriptions of this process.", value=feed.listeners),
            *await _store_families(store, opening),
            *await _queue_families(opening),
            *await _search_families(opening),
        ]
        registry = CollectorRegistry()
        registry.register(_Collected(families))
        return Response(generate_latest(registry) + generate_latest(times.registry), media_type=_CONTENT_TYPE)

    return Route("/metrics", answering(metrics))


class _Collected(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


async def _store_families(store: Store, opening: StoreOpening) -> Sequence[Metric]:
    up = GaugeMetricFamily("callboard_store_up", "Whether the store answers.", value=0)
    if not opening.opened:
        return [up]
    try:
        counts, head, horizon = await store.counts(), await store.head(), await store.horizon()
        locations = await store.locations()
        rows = await schedules(store, [location.id for location in locations])
    except StoreError as error:
        _log.warning("the store's figures are left out: %s", error)
        return [up]
    stored = GaugeMetricFamily("callboard_stored", "Things in the store.", labels=["what"])
    for what in ("entities", "placeholders", "edges", "errors", "changes"):
        stored.add_metric([what], getattr(counts, what))
    return [
        GaugeMetricFamily("callboard_store_up", "Whether the store answers.", value=1),
        stored,
        GaugeMetricFamily("callboard_log_head", "Number of the newest entry of the log of changes.", value=head),
        GaugeMetricFamily("callboard_log_horizon", "Number up to which the log of changes was cut off.", value=horizon),
        *_location_families(locations, [rows.get(location.id) for location in locations]),
    ]


def _location_families(locations: Sequence[Location], rows: Sequence[StateRow | None]) -> Sequence[Metric]:
    now = datetime.now(UTC)
    both = list(zip(locations, rows, strict=True))
    states = GaugeMetricFamily("callboard_locations", "Locations, by how their last read went.", labels=["state"])
    for state in ("ok", "failing", "unread"):
        states.add_metric([state], sum(_state(*each) == state for each in both))
    overdue = sum(row is not None and row.due is not None and row.due < now for row in rows)
    labels = ["location", "type"]
    read = GaugeMetricFamily("callboard_location_read_timestamp_seconds", "When a location was last read.", labels=labels)
    due = GaugeMetricFamily("callboard_location_due_timestamp_seconds", "When a location is read next.", labels=labels)
    failures = GaugeMetricFamily("callboard_location_failures", "Failed reads of a location since the last that succeeded.", labels=labels)
    for location, row in sorted(both, key=lambda each: _state(*each) != "failing")[:MOST_LOCATIONS]:
        label = [location.id, location.type]
        if row and "readAt" in row.value:
            read.add_metric(label, datetime.fromisoformat(row.value["readAt"]).timestamp())
            failures.add_metric(label, row.value.get("failures", 0))
        if row and row.due:
            due.add_metric(label, row.due.timestamp())
    late = GaugeMetricFamily("callboard_locations_overdue", "Locations that should have been read by now.", value=overdue)
    return [states, late, read, due, failures]


def _state(location: Location, row: StateRow | None) -> str:
    if location.error or (row and row.value.get("error")):
        return "failing"
    return "ok" if location.read_at else "unread"


async def _queue_families(opening: StoreOpening) -> Sequence[Metric]:
    work = opening.work
    help_ = "Whether the job queue answers. Its figures are of all processes: take the greatest of the replicas, not their sum."
    if work is None:
        return []
    try:
        numbers = await work.numbers()
    except QueueUnavailableError:
        return [GaugeMetricFamily("callboard_queue_up", help_, value=0)]
    present = GaugeMetricFamily("callboard_jobs", "Jobs at present: queued, running, or waiting for another try.", labels=["job", "state"])
    oldest = GaugeMetricFamily("callboard_job_oldest_seconds", "For how long the oldest queued job has waited.", labels=["job"])
    runs = CounterMetricFamily("callboard_job_runs", "Runs of jobs that ended: done, retried or failed.", labels=["job", "outcome"])
    seconds = HistogramMetricFamily("callboard_job_seconds", "How long runs of jobs took.", labels=["job"])
    for job in numbers:
        for state in ("queued", "running", "waiting"):
            present.add_metric([job.name, state], getattr(job, state))
        for outcome in ("done", "retried", "failed"):
            runs.add_metric([job.name, outcome], getattr(job, outcome))
        oldest.add_metric([job.name], job.oldest_age_seconds or 0)
        seconds.add_metric([job.name], _buckets(job), sum_value=job.seconds)
    return [GaugeMetricFamily("callboard_queue_up", help_, value=1), present, oldest, runs, seconds]


async def _search_families(opening: StoreOpening) -> Sequence[Metric]:
    search = opening.search
    if search is None:
        return []
    try:
        figures = await search.figures()
    except CallboardError as error:
        _log.warning("the figures of search are left out: %s", error)
        return []
    return [
        GaugeMetricFamily("callboard_search_documents", "Documents in the search index.", value=figures["documents"]),
        GaugeMetricFamily("callboard_search_lag", "Entries of the log that the search index is behind.", value=figures["lag"]),
        GaugeMetricFamily(
            "callboard_search_degraded", "Whether searches are answered by the store, as the index can't.", value=figures["degraded"]
        ),
    ]


def _buckets(job: JobNumbers) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in DURATION_BOUNDS), "+Inf"]
    return list(zip(bounds, accumulate(job.durations), strict=True))
