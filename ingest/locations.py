"""From a location's target to all of its files: patterns, folders, and what Location entities lead to, however they nest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graph.refs import Ref
from graph.store import SourceFile
from ingest.files import FileContext, FileJob
from ingest.problems import ErrorCode
from ingest.readers import ReadError
from ingest.targets import Target, type_of


@dataclass(slots=True)
class Lead:
    """How a path was first reached: by which Location entity. It may be missing only while every target that leads to it is optional."""

    parent: Ref | None
    optional: bool


@dataclass(slots=True)
class Traversal:
    """The paths reached so far. `known` are the stored records of the location's files.

    Waves are followed in the order of their paths, so that which Location entity led to a file does not depend on chance.
    """

    context: FileContext
    known: Mapping[str, SourceFile]
    leads: dict[str, Lead] = field(default_factory=dict[str, Lead])
    failures: dict[str, ReadError] = field(default_factory=dict[str, ReadError])
    _folders: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """`_folders` holds every folder above a known file."""
        folders: set[str] = set()
        for path in self.known:
            folder = path.rpartition("/")[0]
            while folder and folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        self._folders = frozenset(folders)

    def follow(self, targets: Iterable[Target]) -> list[FileJob]:
        """The files that the targets lead to and that no earlier ones did, ordered by path. Blocking.

        What can't be looked at goes to `failures`, by path, and is a job too.
        """
        reached: list[str] = []
        for target in targets:
            for path in self._paths(target):
                lead = self.leads.get(path)
                if lead is None:
                    self.leads[path] = Lead(target.by, target.optional)
                    reached.append(path)
                else:
                    lead.optional = lead.optional and target.optional
        return [self._job(path) for path in sorted(reached)]

    def _job(self, path: str) -> FileJob:
        lead, record = self.leads[path], self.known.get(path)
        last = (record.digest, record.includes) if record else ("", ())
        return FileJob(path, lead.parent, *last, lead.optional)

    def _paths(self, target: Target) -> Iterable[str]:
        if target.type not in self.context.types or target.type != type_of(target.target):
            message = f"{target.target} is a location of type {target.type}, which is not read here"
            return self._failed(target, [ReadError(ErrorCode.UNSUPPORTED_LOCATION, target.target, message)])
        try:
            found = self.context.reader.find(target.target)
        except ReadError as failure:
            return self._failed(target, [failure])
        failures = list(found.failures)
        if not (found.paths or failures or target.optional):
            failures.append(ReadError(ErrorCode.UNREADABLE, target.target, f"{target.target} matches no file", missing=True))
        if found.missing and target.target in self._folders:
            return [target.target, *self._covered(target, target.target)]
        return [*found.paths, *self._failed(target, failures)]

    def _failed(self, target: Target, failures: Iterable[ReadError]) -> list[str]:
        """The paths that failed, and those of files that the target led to when it could be looked at.

        An empty result more often means a broken source than an empty one, so such files are read, not forgotten: what is really gone
        fails by itself and keeps what it declared.
        """
        paths: list[str] = []
        for failure in failures:
            self.failures.setdefault(failure.path, failure)
            paths.append(failure.path)
            if target.type == type_of(target.target):
                paths += self._covered(target, failure.path)
        return paths

    def _covered(self, target: Target, path: str) -> list[str]:
        covers = self.context.reader.covers
        return [known for known, file in self.known.items() if file.parent == target.by and covers(path, known)]
