"""What a build of documentation yields: a site, the news that nothing changed, or the reason why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from graph.refs import Ref


class ProblemKind(StrEnum):
    """What is wrong with a page, although it was built."""

    BROKEN_LINK = "broken-link"
    MISSING_ANCHOR = "missing-anchor"
    MISSING_IMAGE = "missing-image"
    MISSING_PAGE = "missing-page"
    MISSING_SNIPPET = "missing-snippet"
    UNDRAWN_DIAGRAM = "undrawn-diagram"


@dataclass(frozen=True, slots=True)
class DocsProblem:
    """One flaw of a site. `page` is a file of the sources, relative to their folder; `line` counts from 1, None where it is not known."""

    kind: ProblemKind
    page: str
    target: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was asked for and not done, while the rest was built. `setting` is its place, such as plugins.macros."""

    setting: str
    reason: str


@dataclass(frozen=True, slots=True)
class NoDocs:
    """There is nothing to build or to show; the message is for the author of the entity, the remedy says what to do."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class BuiltSite:
    """A finished site: `folder` holds its files and nothing else, until the build it came from is left."""

    ref: Ref
    folder: Path
    etag: str
    problems: Sequence[DocsProblem]
    log: str
    left_out: Sequence[LeftOut]


@dataclass(frozen=True, slots=True)
class UnchangedSite:
    """The sources, and everything else that the site depends on, are those of the build with this etag."""

    ref: Ref
    etag: str


@dataclass(frozen=True, slots=True)
class FailedBuild:
    """No site came of it. `etag` is that of the sources, None if they could not be read: they need no second try while it stays."""

    ref: Ref
    reason: str
    remedy: str
    etag: str | None = None
    log: str = ""
    left_out: Sequence[LeftOut] = ()


BuildResult = BuiltSite | UnchangedSite | FailedBuild
