"""The package manifests of one repository, each read by its own format, with what they take from each other."""

import posixpath
from collections.abc import Callable, Iterable, Mapping

from ingest.infer.cargo import read_cargo, renamed_in
from ingest.infer.go_mod import read_go_mod
from ingest.infer.package_json import read_package_json
from ingest.infer.packages import Manifest, broken
from ingest.infer.pom import Pom, parse_pom, read_pom
from ingest.infer.pyproject import read_pyproject

MOST_BYTES = 1_000_000
"""A manifest that is larger is not read."""

_MOST_PARENTS = 10
_ALONE: Mapping[str, Callable[[str, str], Manifest]] = {
    "pyproject.toml": read_pyproject,
    "package.json": read_package_json,
    "go.mod": read_go_mod,
}
NAMES = frozenset({*_ALONE, "Cargo.toml", "pom.xml"})
"""The file names of manifests."""


def read_manifests(files: Mapping[str, bytes]) -> list[Manifest]:
    """What the manifests among the files say, ordered by path; paths are relative to the repository's root."""
    texts: dict[str, str] = {}
    manifests: list[Manifest] = []
    for path in sorted(path for path in files if posixpath.basename(path) in NAMES):
        if len(files[path]) > MOST_BYTES:
            manifests.append(broken(path, 1, f"has {len(files[path]):,} bytes; {MOST_BYTES:,} are allowed"))
            continue
        try:
            texts[path] = files[path].decode("utf-8-sig")
        except UnicodeDecodeError as error:
            manifests.append(broken(path, files[path].count(b"\n", 0, error.start) + 1, "is no UTF-8"))
    for path, text in texts.items():
        read = _ALONE.get(posixpath.basename(path))
        if read:
            manifests.append(read(text, path))
    manifests += _crates({path: text for path, text in texts.items() if posixpath.basename(path) == "Cargo.toml"})
    manifests += _poms({path: text for path, text in texts.items() if posixpath.basename(path) == "pom.xml"})
    return sorted(manifests, key=lambda manifest: manifest.path)


def _crates(texts: Mapping[str, str]) -> Iterable[Manifest]:
    roots = {posixpath.dirname(path): renamed for path, text in texts.items() if (renamed := renamed_in(text)) is not None}
    for path, text in texts.items():
        folder = posixpath.dirname(path)
        while folder and folder not in roots:
            folder = posixpath.dirname(folder)
        yield read_cargo(text, path, roots.get(folder, {}))


def _poms(texts: Mapping[str, str]) -> Iterable[Manifest]:
    parsed = {path: parse_pom(text, path) for path, text in texts.items()}
    for found in parsed.values():
        if not isinstance(found, Pom):
            yield found
            continue
        inherited: dict[str, str] = {}
        above: Pom = found
        for _ in range(_MOST_PARENTS):
            parent = parsed.get(_parent_of(above) or "")
            if not isinstance(parent, Pom) or parent is above or not _is_parent(parent, above):
                break
            inherited = {**parent.properties, **inherited}
            above = parent
        yield read_pom(found, inherited)


def _parent_of(pom: Pom) -> str | None:
    relative = pom.parent_path
    if relative is None:
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(pom.path), relative))
    return target if posixpath.basename(target).endswith(".xml") else posixpath.join(target, "pom.xml")


def _is_parent(parent: Pom, child: Pom) -> bool:
    return parent.text("artifactId") == child.text("parent/artifactId")
