"""What one repository tells: who owns what is declared in it, which packages its components publish, and which they require."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from graph.entities import Document
from graph.refs import Ref, split_ref
from ingest.infer.codeowners import CodeOwners, Dialect, codeowners_path, owning_rules, read_codeowners
from ingest.infer.manifests import NAMES, read_manifests
from ingest.infer.packages import InferenceProblem, Manifest
from ingest.infer.shapes import table, text_of

PACKAGES_ANNOTATION = "callboard/packages"
"""Package URLs, divided by blanks or commas, of what an entity publishes: where no manifest says it, or several entities share a file."""

NAMED_RULE, CATCH_ALL_RULE = 0.8, 0.6
"""The confidence of an owner by the line of CODEOWNERS: one for the entity's folder, or one for the whole repository."""

# No pattern names it, so what matches it speaks of all files of a folder.
_ANY_FILE = "\0"


@dataclass(frozen=True, slots=True)
class Declared:
    """An entity that the repository declares; `path` is its catalog file, relative to the repository's root."""

    ref: Ref
    document: Document
    path: str


@dataclass(frozen=True, slots=True)
class OwnerFact:
    """CODEOWNERS says that the folder of an entity belongs to `owner`, as it is written there."""

    ref: Ref
    owner: str
    path: str
    line: int
    confidence: float


@dataclass(frozen=True, slots=True)
class PublishedFact:
    """An entity publishes a package, a package URL without version."""

    ref: Ref
    package: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class RequiredFact:
    """An entity requires a package, as `field` of a manifest says."""

    ref: Ref
    package: str
    field: str
    path: str
    line: int
    confidence: float


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """All of one repository. Paths are relative to its root."""

    owners: Sequence[OwnerFact] = ()
    published: Sequence[PublishedFact] = ()
    required: Sequence[RequiredFact] = ()
    problems: Sequence[InferenceProblem] = ()


def is_evidence(path: str) -> bool:
    """Whether the file, by its path relative to the repository's root, is one that facts are taken from."""
    return codeowners_path((path,)) is not None or posixpath.basename(path) in NAMES


def facts_of(files: Mapping[str, bytes], declared: Sequence[Declared], dialect: Dialect | None = None) -> RepositoryFacts:
    """The facts of a repository's files (by path; see `is_evidence`) about the entities that its catalog files declare.

    A manifest speaks of the component in the nearest catalog file at or above its folder. Where that file declares several, it speaks of
    the one whose annotation names its package, else of the one with the package's name; it is left out, with a problem, if there is none.
    """
    place = codeowners_path(files.keys())
    codeowners = read_codeowners(files[place], place, dialect) if place else CodeOwners("", Dialect.GITHUB)
    owners = [fact for entity in declared for fact in _owners(entity, codeowners)]
    manifests = read_manifests(files)
    problems = [*codeowners.problems, *(problem for manifest in manifests for problem in manifest.problems)]
    published = list(_annotated(declared))
    required: list[RequiredFact] = []
    by_folder = _components(declared)
    for manifest in manifests:
        candidates = _nearest(manifest, by_folder)
        ref = _speaks_of(manifest, candidates)
        if ref is None:
            if candidates and (manifest.published or manifest.requires):
                names = ", ".join(entity.ref for entity in candidates)
                message = f"may speak of {names}; annotate the one it means with {PACKAGES_ANNOTATION}"
                problems.append(InferenceProblem(manifest.path, manifest.line, message))
            continue
        if manifest.published:
            published.append(PublishedFact(ref, str(manifest.published), manifest.path, manifest.line))
        required += [RequiredFact(ref, str(r.package), r.field, manifest.path, r.line, r.confidence) for r in manifest.requires]
    return RepositoryFacts(owners, published, required, problems)


def _owners(entity: Declared, codeowners: CodeOwners) -> Iterator[OwnerFact]:
    if split_ref(entity.ref)[0] in ("group", "user", "location"):
        return
    folder = posixpath.dirname(entity.path)
    for rule in owning_rules(codeowners, posixpath.join(folder, _ANY_FILE)):
        confidence = CATCH_ALL_RULE if rule.is_catch_all else NAMED_RULE
        for owner in rule.owners:
            yield OwnerFact(entity.ref, owner, codeowners.path, rule.line, confidence)


def _packages_of(entity: Declared) -> list[str]:
    written = text_of(table(entity.document, "metadata", "annotations"), PACKAGES_ANNOTATION) or ""
    return [package for package in written.replace(",", " ").split() if package.startswith("pkg:")]


def _annotated(declared: Sequence[Declared]) -> Iterator[PublishedFact]:
    for entity in declared:
        for package in _packages_of(entity):
            yield PublishedFact(entity.ref, package, entity.path, 1)


def _components(declared: Iterable[Declared]) -> Mapping[str, list[Declared]]:
    by_folder: dict[str, list[Declared]] = defaultdict(list)
    for entity in declared:
        if split_ref(entity.ref)[0] == "component":
            by_folder[posixpath.dirname(entity.path)].append(entity)
    return by_folder


def _nearest(manifest: Manifest, by_folder: Mapping[str, list[Declared]]) -> Sequence[Declared]:
    folder = posixpath.dirname(manifest.path)
    while folder and folder not in by_folder:
        folder = posixpath.dirname(folder)
    return by_folder.get(folder, ())


def _speaks_of(manifest: Manifest, candidates: Sequence[Declared]) -> Ref | None:
    if len(candidates) == 1:
        return candidates[0].ref
    package = manifest.published
    if package is None:
        return None
    annotated = [entity.ref for entity in candidates if str(package) in _packages_of(entity)]
    name = package.name.rpartition("/")[2].lower()
    found = annotated or [entity.ref for entity in candidates if split_ref(entity.ref)[2] == name]
    return found[0] if len(found) == 1 else None
