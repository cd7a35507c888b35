"""Tasks and their events as Backstage's clients know them."""

from datetime import UTC, datetime
from typing import Any

from workers.scaffolder.port import SeenTask
from workers.scaffolder.tasks import Event
from workers.scaffolder.templates import Step


def task_json(seen: SeenTask) -> dict[str, Any]:
    """A task. Without the inputs of its steps for whoever may not read these."""
    task, shown = seen.task, seen.spec.shown()
    shown["steps"] = [step_json(step, sees_input=seen.sees_steps) for step in seen.spec.steps]
    told = {
        "id": task.id,
        "spec": shown,
        "status": task.status,
        "createdAt": moment(task.created_at),
        "lastHeartbeatAt": None if task.looked_at is None else moment(task.looked_at),
        "createdBy": task.created_by,
    }
    return {key: value for key, value in told.items() if value is not None}


def step_json(step: Step, *, sees_input: bool) -> dict[str, Any]:
    """A step, without what its expressions are for whoever may not read them."""
    return step.encoded() if sees_input else {"id": step.id, "name": step.name, "action": step.action}


def event_json(task_id: str, event: Event) -> dict[str, Any]:
    """An event of a task."""
    return {
        "id": event.id,
        "isTaskRecoverable": False,
        "taskId": task_id,
        "body": event_body(event),
        "type": event.type,
        "createdAt": moment(event.at),
    }


def event_body(event: Event) -> dict[str, Any]:
    """What an event tells."""
    return dict(event.body)


def moment(at: datetime) -> str:
    """As JavaScript writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
