"""What package manifests say: the package that is published, the packages that are required, and how sure that makes a dependency."""

from dataclasses import dataclass
from enum import StrEnum


class Ecosystem(StrEnum):
    """Where a package name means something; the type in a package URL, https://github.com/package-url/purl-spec."""

    PYPI = "pypi"
    NPM = "npm"
    GO = "golang"
    MAVEN = "maven"
    CARGO = "cargo"


RUNTIME, PEER, OPTIONAL, DEVELOPMENT, INDIRECT = 0.9, 0.7, 0.6, 0.4, 0.3
"""The confidence of a dependency by the kind of its statement: what runs with it, what has to be there, what may be, what it is built or
tested with, and what only others brought along."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package by its name, in the form in which equal names are the same package."""

    ecosystem: Ecosystem
    name: str

    def __str__(self) -> str:
        return f"pkg:{self.ecosystem}/{self.name}"


@dataclass(frozen=True, slots=True)
class Required:
    """A package that a manifest requires: in which `field` of it and in which line, counted from 1."""

    package: Package
    field: str
    line: int
    confidence: float


@dataclass(frozen=True, slots=True)
class InferenceProblem:
    """Something in a file that could not be understood, and was left out."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as read. `path` is relative to the repository's root; `published` is None for one that publishes nothing."""

    path: str
    published: Package | None = None
    line: int = 1
    requires: tuple[Required, ...] = ()
    problems: tuple[InferenceProblem, ...] = ()


def broken(path: str, line: int, message: str) -> Manifest:
    """A manifest of which nothing could be read."""
    return Manifest(path, problems=(InferenceProblem(path, line, message),))
