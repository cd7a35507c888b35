"""What tasks made, as values: uses of templates, and their effects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graph.refs import Ref

LOCATION = "metadata.annotations.backstage.io/managed-by-origin-location"
SOURCE = "metadata.annotations.backstage.io/source-location"
"""The facts of entities by which they are known as made by a task: the location that it registered, and the repository that it made."""


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a template: a task that made something. `digest` is that of the template's descriptor, by which versions are told apart.

    `upgrade_of` is the task whose work it brings up to date, and `upgraded` the repository; None for one that makes something new.
    """

    task_id: str
    template: Ref
    digest: str
    created_at: datetime
    created_by: Ref
    upgrade_of: str | None = None
    upgraded: str | None = None

    def encoded(self) -> dict[str, Any]:
        """The use as the store keeps it; `use_of` reads it."""
        return {
            "task": self.task_id,
            "template": self.template,
            "digest": self.digest,
            "createdAt": self.created_at.isoformat(),
            "createdBy": self.created_by,
            "upgradeOf": self.upgrade_of,
            "upgraded": self.upgraded,
        }


@dataclass(frozen=True, slots=True)
class KeptEffect:
    """An effect as it is kept: which step of the task had it, and when."""

    kind: str
    url: str
    ref: Ref | None
    step_id: str
    created_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


def use_of(value: Mapping[str, Any]) -> Use:
    """The use that was encoded."""
    at = datetime.fromisoformat(value["createdAt"])
    by = Ref(value["createdBy"])
    return Use(value["task"], Ref(value["template"]), value["digest"], at, by, value["upgradeOf"], value["upgraded"])
