"""What tasks made, as values: uses of templates, and their effects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graph.entities import canonical_json, content_hash
from graph.refs import Ref
from plugins.actions import Effect

LOCATION = "metadata.annotations.backstage.io/managed-by-origin-location"
SOURCE = "metadata.annotations.backstage.io/source-location"
"""The facts of entities by which they are known as made by a task: the location that it registered, and the repository that it made."""

REPOSITORY = "repository"
PROPOSAL = "pull-request"
"""The kinds of effects that bring files to a repository."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What a task fetched: `url` is as its step named it, relative to the template or whole; `digest` stands for the content."""

    url: str
    is_file: bool
    digest: str

    @property
    def source(self) -> tuple[str, bool]:
        """Where it is, whatever it holds."""
        return self.url, self.is_file

    def encoded(self) -> dict[str, Any]:
        """The skeleton as the store keeps it; `skeleton_of` reads it."""
        return {"url": self.url, "isFile": self.is_file, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a template: a task that made something. By `digest`, which is that of the template's descriptor, and by what it fetched,
    versions are told apart.

    `upgrade_of` is the task whose work it brings up to date, and `upgraded` the address of the repository that this made, or of its
    proposal; None for one that makes something new.
    """

    task_id: str
    template: Ref
    digest: str
    created_at: datetime
    created_by: Ref
    upgrade_of: str | None = None
    upgraded: str | None = None
    skeletons: Sequence[Skeleton] = ()

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
            "skeletons": [one.encoded() for one in self.skeletons],
        }


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """A template as it is now: the digest of its descriptor, and those of what was fetched for it, as far as known, by where that is."""

    digest: str
    skeletons: Mapping[tuple[str, bool], str]

    def is_that_of(self, use: Use) -> bool:
        """Whether the use is of this version."""
        return use.digest == self.digest and not any(self.has_changed(one) for one in use.skeletons)

    def has_changed(self, skeleton: Skeleton) -> bool:
        """Whether there is something else now where the skeleton was fetched."""
        return self.skeletons.get(skeleton.source, skeleton.digest) != skeleton.digest


@dataclass(frozen=True, slots=True)
class KeptEffect:
    """An effect as it is kept: which step of the task had it, and when."""

    kind: str
    url: str
    ref: Ref | None
    step_id: str
    created_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


def repository_of(effect: Effect | KeptEffect) -> str | None:
    """The address of the repository that was made, or that files were proposed to; None for what is neither."""
    if effect.kind == REPOSITORY:
        return effect.url
    return effect.details.get("proposedTo") if effect.kind == PROPOSAL else None


def use_of(value: Mapping[str, Any]) -> Use:
    """The use that was encoded."""
    at = datetime.fromisoformat(value["createdAt"])
    by = Ref(value["createdBy"])
    return Use(
        value["task"],
        Ref(value["template"]),
        value["digest"],
        at,
        by,
        value["upgradeOf"],
        value["upgraded"],
        skeletons_of(value["skeletons"]),
    )


def skeletons_of(values: Sequence[Mapping[str, Any]]) -> tuple[Skeleton, ...]:
    """The skeletons that were encoded."""
    return tuple(map(skeleton_of, values))


def skeleton_of(value: Mapping[str, Any]) -> Skeleton:
    """The skeleton that was encoded."""
    return Skeleton(value["url"], value["isFile"], value["digest"])


def version_of(digest: str, skeletons: Sequence[Skeleton]) -> str:
    """What stands for a descriptor and what was fetched together."""
    told = sorted([one.url, one.is_file, one.digest] for one in skeletons)
    return content_hash(canonical_json([digest, told]))
