"""Tasks: one run of a template each, with its steps and events, as values."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from secrets import token_bytes
from typing import Any, cast
from uuid import UUID

from graph.access import Action, Principal, PrincipalKind
from graph.refs import Ref
from plugins.actions import TaskUser, TemplateInfo
from workers.scaffolder.effects import Skeleton, skeletons_of
from workers.scaffolder.templates import Json, Step, step_of

_LAST_MOMENT = (1 << 48) - 1


class TaskStatus(StrEnum):
    """How far a task is; as in Backstage."""

    OPEN = "open"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self not in (TaskStatus.OPEN, TaskStatus.PROCESSING)


class StepStatus(StrEnum):
    """How far a step is; as in Backstage."""

    OPEN = "open"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class EventType(StrEnum):
    """What an event of a task tells; as in Backstage."""

    LOG = "log"
    COMPLETION = "completion"
    CANCELLED = "cancelled"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What a task does: all that a run depends on, as it was when the task was made. Secrets are not here."""

    api_version: str
    steps: Sequence[Step]
    output: Json
    parameters: Json
    user: TaskUser
    template: TemplateInfo
    principal: Principal
    recovery: Json | None = None
    upgrade: "UpgradeOf | None" = None

    def encoded(self) -> dict[str, Any]:
        """The spec as the store keeps it: what Backstage's API shows, with the principal beside it. `spec_of` reads it."""
        principal = self.principal
        actions = None if principal.actions is None else sorted(principal.actions)
        asked = {"ref": principal.ref, "kind": principal.kind, "claims": list(principal.claims), "actions": actions}
        of = self.upgrade
        upgrade = {"upgrade": {"task": of.task_id, "url": of.url, "spec": of.spec.encoded()}} if of else {}
        return {"shown": self.shown(), "digest": self.template.digest, "principal": asked, **upgrade}

    def shown(self) -> dict[str, Any]:
        """The spec as Backstage's API shows it."""
        entity = {"metadata": self.template.metadata}
        info = {"entityRef": self.template.ref, "entity": entity}
        user = {"entity": self.user.entity, "ref": self.user.ref}
        return {
            "apiVersion": self.api_version,
            "steps": [step.encoded() for step in self.steps],
            "output": self.output,
            "parameters": self.parameters,
            "user": {key: value for key, value in user.items() if value is not None},
            "templateInfo": {**info, **({"baseUrl": self.template.base_url} if self.template.base_url else {})},
            **({"EXPERIMENTAL_recovery": self.recovery} if self.recovery else {}),
        }


@dataclass(frozen=True, slots=True)
class UpgradeOf:
    """What a task brings up to date: what the task of that id published to the repository of that address, or by the proposal, as a task of
    that spec would publish it.
    """

    task_id: str
    url: str
    spec: TaskSpec


def spec_of(value: Json) -> TaskSpec:
    """The spec that was encoded."""
    upgrade = value.get("upgrade")
    shown, asked = cast("Json", value["shown"]), cast("Json", value["principal"])
    info, user = cast("Json", shown["templateInfo"]), cast("Json", shown["user"])
    actions = None if asked["actions"] is None else frozenset(Action(name) for name in asked["actions"] if name in set(Action))
    return TaskSpec(
        shown["apiVersion"],
        [step_of(step) for step in shown["steps"]],
        shown["output"],
        shown["parameters"],
        TaskUser(user.get("ref"), user.get("entity")),
        TemplateInfo(Ref(info["entityRef"]), info.get("baseUrl"), value["digest"], info["entity"]["metadata"]),
        Principal(Ref(asked["ref"]), PrincipalKind(asked["kind"]), tuple(Ref(claim) for claim in asked["claims"]), actions),
        shown.get("EXPERIMENTAL_recovery"),
        UpgradeOf(upgrade["task"], upgrade["url"], spec_of(upgrade["spec"])) if upgrade else None,
    )


@dataclass(frozen=True, slots=True)
class Task:
    """How a task is. `attempt` counts its retries from 1. `began_at` is when the attempt did; `looked_at` when its worker last said so.

    `version` is that of its row.
    """

    id: str
    template: Ref
    status: TaskStatus
    created_at: datetime
    created_by: Ref
    attempt: int = 1
    began_at: datetime | None = None
    looked_at: datetime | None = None
    ended_at: datetime | None = None
    is_cancelled: bool = False
    error: str | None = None
    output: Json = field(default_factory=dict[str, Any])
    version: int = 0

    def encoded(self) -> dict[str, Any]:
        """The task as the store keeps it; `task_of` reads it."""
        return {
            "template": self.template,
            "status": self.status,
            "createdAt": self.created_at.isoformat(),
            "createdBy": self.created_by,
            "attempt": self.attempt,
            "beganAt": _text(self.began_at),
            "lookedAt": _text(self.looked_at),
            "endedAt": _text(self.ended_at),
            "isCancelled": self.is_cancelled,
            "error": self.error,
            "output": self.output,
        }


def task_of(id: str, value: Json, version: int) -> Task:
    """The task that was encoded."""
    return Task(
        id,
        Ref(value["template"]),
        TaskStatus(value["status"]),
        datetime.fromisoformat(value["createdAt"]),
        Ref(value["createdBy"]),
        value["attempt"],
        _moment(value["beganAt"]),
        _moment(value["lookedAt"]),
        _moment(value["endedAt"]),
        value["isCancelled"],
        value["error"],
        value["output"],
        version,
    )


@dataclass(frozen=True, slots=True)
class StepState:
    """How a step of a task is. `output` is what may be shown of it. `snapshot` names the workspace at its end; None: as before it.

    A failure `is_tolerated` where the step lets the task go on. `fetched` is what the step brought from elsewhere.
    """

    index: int
    id: str
    name: str
    action: str
    status: StepStatus = StepStatus.OPEN
    began_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None
    output: Json = field(default_factory=dict[str, Any])
    snapshot: str | None = None
    sealed_output: str | None = None
    is_tolerated: bool = False
    fetched: Sequence[Skeleton] = ()

    @property
    def fails_task(self) -> bool:
        """Whether the task failed with it."""
        return self.status is StepStatus.FAILED and not self.is_tolerated

    def encoded(self) -> dict[str, Any]:
        """The state as the store keeps it; `step_state_of` reads it."""
        return {
            "id": self.id,
            "name": self.name,
            "action": self.action,
            "status": self.status,
            "beganAt": _text(self.began_at),
            "endedAt": _text(self.ended_at),
            "error": self.error,
            "output": self.output,
            "snapshot": self.snapshot,
            "sealedOutput": self.sealed_output,
            "isTolerated": self.is_tolerated,
            "fetched": [one.encoded() for one in self.fetched],
        }


def step_state_of(index: int, value: Json) -> StepState:
    """The state that was encoded."""
    return StepState(
        index,
        value["id"],
        value["name"],
        value["action"],
        StepStatus(value["status"]),
        _moment(value["beganAt"]),
        _moment(value["endedAt"]),
        value["error"],
        value["output"],
        value["snapshot"],
        value["sealedOutput"],
        value["isTolerated"],
        skeletons_of(value["fetched"]),
    )


def fetched_by(states: Iterable[StepState]) -> Sequence[Skeleton]:
    """What the steps brought from elsewhere, each once, as the last of them found it."""
    return list({one.source: one for state in states for one in state.fetched}.values())


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a task. `id` counts from 1 within the task; 0 for one that is not written yet."""

    type: EventType
    body: Mapping[str, Any]
    at: datetime
    id: int = 0

    def numbered(self, id: int) -> "Event":
        """The event with its number."""
        return replace(self, id=id)


def new_task_id() -> str:
    """A random UUID that is less than those made before, so that tasks are listed newest first by their ids."""
    moment = _LAST_MOMENT - time.time_ns() // 1_000_000
    raw = bytearray(moment.to_bytes(6, "big") + token_bytes(10))
    # Version 8, which is for layouts of one's own: https://www.rfc-editor.org/rfc/rfc9562#section-5.8
    raw[6], raw[8] = 0x80 | raw[6] & 0x0F, 0x80 | raw[8] & 0x3F
    return str(UUID(bytes=bytes(raw)))


def event_now(type: EventType, message: str, **more: Any) -> Event:
    """An event of this moment."""
    return Event(type, {"message": message, **more}, datetime.now(UTC))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
