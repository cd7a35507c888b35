"""Check schema.graphql: that it is the schema of the code, and that it breaks nothing of the last release without a declaration.

python -m scripts.schema            check; exit 1 if something is to be mended
python -m scripts.schema --write    print the schema of the code into schema.graphql
python -m scripts.schema --release  make the present schema the released one, and forget the declarations
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from api.graphql.compatibility import compare
from api.graphql.schema import build_schema
from graph.relations import RelationRegistry

ROOT = Path(__file__).resolve().parent.parent
PRINTED = Path("schema.graphql")
RELEASED = Path("docs/reference/released.graphql")
BREAKS = Path("docs/reference/released.breaks")


def printed() -> str:
    """The schema of the code, without configuration or plugins."""
    return build_schema(RelationRegistry()).as_str().rstrip() + "\n"


def findings(root: Path, current: str) -> Iterator[str]:
    """What is to be mended below `root`, where `current` is the schema of the code."""
    committed = root / PRINTED
    if not committed.exists() or committed.read_text("utf-8") != current:
        yield f"{PRINTED} is not the schema of the code; run python -m scripts.schema --write"
    released = root / RELEASED
    if released.exists():
        comparison = compare(released.read_text("utf-8"), current, declared(root))
        for change in comparison.undeclared:
            yield f"breaks clients of the last release: {change} Take it back, or add this sentence to {BREAKS}"
        for change in comparison.unused:
            yield f"{BREAKS} declares what does not happen: {change} Remove the line"


def declared(root: Path) -> list[str]:
    """The declared breaks: the lines of the file, empty ones and comments after # left out."""
    path = root / BREAKS
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def release(root: Path, current: str) -> None:
    """Make `current` the released schema; the declarations were for the release before."""
    (root / RELEASED).write_text(current, "utf-8")
    (root / BREAKS).unlink(missing_ok=True)


def main(arguments: list[str], root: Path) -> int:
    """0 if all is well or done, 1 if something is to be mended, 2 for arguments that make no sense."""
    current = printed()
    match arguments:
        case []:
            found = list(findings(root, current))
            sys.stdout.writelines(f"{line}\n" for line in found)
            return 1 if found else 0
        case ["--write"]:
            (root / PRINTED).write_text(current, "utf-8")
        case ["--release"]:
            release(root, current)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], ROOT))
