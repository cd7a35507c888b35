"""Reads pom.xml (https://maven.apache.org/pom.html) without trusting it: no document type, no entities, nothing fetched."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from ingest.infer.packages import DEVELOPMENT, OPTIONAL, RUNTIME, Ecosystem, InferenceProblem, Manifest, Package, Required, broken

_PROPERTY = re.compile(r"\$\{([^{}]{1,200})\}")
_DEEPEST = 100
_MOST_SUBSTITUTIONS = 20
_SCOPES = {"compile": RUNTIME, "runtime": RUNTIME, "provided": DEVELOPMENT, "test": DEVELOPMENT, "system": RUNTIME, "import": RUNTIME}


class UnsafeXmlError(ValueError):
    """The file declares a document type, by which XML can reach for other files or grow without end."""


@dataclass(slots=True)
class Pom:
    """A pom.xml as written: the texts of the elements below the project, and its dependencies, each with its line."""

    path: str
    texts: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    properties: dict[str, str] = field(default_factory=dict[str, str])
    dependencies: list[tuple[dict[str, str], int]] = field(default_factory=list[tuple[dict[str, str], int]])

    def text(self, name: str) -> str | None:
        """The text of the element, such as artifactId or parent/groupId."""
        return self.texts.get(name, (None, 0))[0]

    @property
    def parent_path(self) -> str | None:
        """Where the parent's file lies, relative to this one's folder; None if there is none, or it comes from a repository."""
        if self.text("parent/artifactId") is None:
            return None
        given = self.texts.get("parent/relativePath")
        return "../pom.xml" if given is None else given[0] or None


def parse_pom(text: str, path: str) -> Pom | Manifest:
    """The file's content; a broken manifest if it is no XML that can be read safely."""
    reader = _Reader(Pom(path))
    parser = reader.parser
    try:
        parser.Parse(text, True)
    except UnsafeXmlError as error:
        return broken(path, parser.CurrentLineNumber, str(error))
    except expat.ExpatError as error:
        return broken(path, error.lineno, f"is no valid XML: {expat.ErrorString(error.code)}")
    return reader.pom


def read_pom(pom: Pom, inherited: Mapping[str, str]) -> Manifest:
    """What the project publishes and requires. `inherited` are the properties of its parents, as far as they are in the repository."""
    group = pom.text("groupId") or pom.text("parent/groupId")
    known = {**inherited, **pom.properties}
    version = pom.text("version") or pom.text("parent/version") or ""
    for prefix in ("project.", "pom.", ""):
        known |= {f"{prefix}groupId": group or "", f"{prefix}version": version, f"{prefix}artifactId": pom.text("artifactId") or ""}
    known["project.parent.groupId"] = pom.text("parent/groupId") or ""
    found: list[tuple[Package | None, str, int, float]] = []
    if pom.text("parent/artifactId"):
        parent = _package(pom.text("parent/groupId"), pom.text("parent/artifactId"), known)
        found.append((parent, "parent", pom.texts["parent/artifactId"][1], RUNTIME))
    for values, line in pom.dependencies:
        scope = _SCOPES.get(values.get("scope", "compile"), RUNTIME)
        confidence = min(scope, OPTIONAL) if values.get("optional") == "true" else scope
        found.append((_package(values.get("groupId"), values.get("artifactId"), known), "dependencies", line, confidence))
    requires = tuple(Required(package, field, line, confidence) for package, field, line, confidence in found if package)
    unread = tuple(
        InferenceProblem(pom.path, line, f"{field}: groupId or artifactId is missing, or names an unknown property")
        for package, field, line, _ in found
        if package is None
    )
    return Manifest(pom.path, _package(group, pom.text("artifactId"), known), pom.texts.get("artifactId", ("", 1))[1], requires, unread)


def _package(group: str | None, artifact: str | None, known: Mapping[str, str]) -> Package | None:
    names = [_substituted(name, known) for name in (group or "", artifact or "")]
    return Package(Ecosystem.MAVEN, "/".join(names)) if all(name and "$" not in name for name in names) else None


def _substituted(text: str, known: Mapping[str, str]) -> str:
    """The text with its properties filled in, however they refer to each other; unknown ones stay as they are."""
    for _ in range(_MOST_SUBSTITUTIONS):
        filled = _PROPERTY.sub(lambda found: known.get(found[1], found[0])[:500], text)
        if filled == text or len(filled) > 1000:
            break
        text = filled
    return text


class _Reader:
    """Collects what `Pom` holds while the parser runs."""

    def __init__(self, pom: Pom) -> None:
        self.pom = pom
        self._path: list[str] = []
        self._texts: list[str] = []
        self._line = 1
        self._dependency: tuple[dict[str, str], int] | None = None
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._texts.append
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        raise UnsafeXmlError("declares a document type, which is not read; remove <!DOCTYPE …>")

    def _start(self, name: str, _attributes: object) -> None:
        self._path.append(name.rpartition(" ")[2])
        if len(self._path) > _DEEPEST:
            raise UnsafeXmlError(f"nests deeper than {_DEEPEST} elements")
        self._texts.clear()
        self._line = self.parser.CurrentLineNumber
        if self._path == ["project", "dependencies", "dependency"]:
            self._dependency = ({}, self._line)

    def _end(self, _name: str) -> None:
        text = "".join(self._texts).strip()
        self._texts.clear()
        match self._path:
            case ["project", "dependencies", "dependency"] if self._dependency:
                self.pom.dependencies.append(self._dependency)
                self._dependency = None
            case ["project", "dependencies", "dependency", name] if self._dependency:
                self._dependency[0][name] = text
            case ["project", "properties", name]:
                self.pom.properties[name] = text
            case ["project", name] | ["project", "parent", name]:
                key = name if len(self._path) == 2 else f"parent/{name}"
                self.pom.texts[key] = (text, self._line)
            case _:
                pass
        self._path.pop()
