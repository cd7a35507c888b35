"""From the facts of all repositories to inferred edges, which stand beside what is declared and never instead of it."""

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graph.entities import Edge, Evidence
from graph.refs import Ref
from ingest.infer.facts import OwnerFact, RepositoryFacts
from ingest.infer.packages import InferenceProblem
from ingest.infer.people import People

BY_NAME_ALONE = 0.2
"""What an owner loses of its confidence where no annotation or address says that the group or user is the one meant."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's facts, and where it is: a folder, to which paths are added, or at a host, where files have the `addresses` given."""

    root: str
    facts: RepositoryFacts
    addresses: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An inferred owner of an entity that declares another one. The declared one counts; somebody may want to look."""

    ref: Ref
    declared: tuple[Ref, ...]
    evidence: Evidence
    owner: Ref


@dataclass(frozen=True, slots=True)
class Inferred:
    """What follows from the facts. The edges are ordered by (source, relation, target), each with inferred evidence alone."""

    edges: tuple[Edge, ...]
    suggestions: tuple[Suggestion, ...]
    problems: tuple[InferenceProblem, ...]


def infer(repositories: Sequence[Repository], people: People, owners: Mapping[Ref, Sequence[Ref]]) -> Inferred:
    """The edges that follow from the facts. `owners` are the declared ones: where there are any, only the same owner is inferred.

    A package that several entities publish leads nowhere, and is a problem.
    """
    evidence: dict[tuple[Ref, str, Ref], dict[str, Evidence]] = defaultdict(dict)
    suggestions: list[Suggestion] = []
    publishers, problems = _publishers(repositories)
    for repository in repositories:
        for fact, meant, confidence in _meant(repository.facts.owners, people):
            place = Evidence(fact.ref, f"{fact.path}#owners", _address(repository, fact.path), fact.line, True, confidence)
            declared = tuple(owners.get(fact.ref, ()))
            if declared and meant not in declared:
                suggestions.append(Suggestion(fact.ref, declared, place, meant))
            else:
                evidence[fact.ref, "ownedBy", meant].setdefault(place.field, place)
        for required in repository.facts.required:
            target = publishers.get(required.package)
            if target and target != required.ref:
                stated = f"{required.path}#{required.field}"
                place = Evidence(required.ref, stated, _address(repository, required.path), required.line, True, required.confidence)
                evidence[required.ref, "dependsOn", target].setdefault(stated, place)
        problems += [
            InferenceProblem(_address(repository, problem.path), problem.line, problem.message) for problem in repository.facts.problems
        ]
    edges = tuple(Edge(*ends, tuple(found[name] for name in sorted(found))) for ends, found in sorted(evidence.items()))
    return Inferred(edges, tuple(suggestions), tuple(problems))


def _meant(facts: Sequence[OwnerFact], people: People) -> Iterator[tuple[OwnerFact, Ref, float]]:
    for fact in facts:
        meant = people.meant_by(fact.owner)
        if meant:
            yield fact, meant.ref, fact.confidence if meant.certain else round(fact.confidence - BY_NAME_ALONE, 2)


def _publishers(repositories: Sequence[Repository]) -> tuple[Mapping[str, Ref], list[InferenceProblem]]:
    found: dict[str, dict[Ref, tuple[str, int]]] = defaultdict(dict)
    for repository in repositories:
        for fact in repository.facts.published:
            found[fact.package].setdefault(fact.ref, (_address(repository, fact.path), fact.line))
    problems = [
        InferenceProblem(path, line, f"publishes {package}, as do {', '.join(sorted(other for other in refs if other != ref))}")
        for package, refs in found.items()
        for ref, (path, line) in refs.items()
        if len(refs) > 1
    ]
    return {package: next(iter(refs)) for package, refs in found.items() if len(refs) == 1}, problems


def _address(repository: Repository, path: str) -> str:
    return repository.addresses.get(path) or posixpath.join(repository.root, path)
