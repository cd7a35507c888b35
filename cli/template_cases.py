"""The golden cases of a template: what a dry run has to make of some values, file by file."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from cli.template_files import given_secrets, mapping_of, placed
from workers.scaffolder.port import RehearsedFile

_VALUES, _SECRETS, _EXPECTED = "values.yaml", "secrets.yaml", "expected"
_MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class Case:
    """A folder with values.yaml, and the files that are expected below expected/."""

    folder: Path

    def values(self) -> Mapping[str, Any]:
        """The parameters."""
        return mapping_of(self.folder / _VALUES)

    def secrets(self) -> Mapping[str, str]:
        """The secrets, none without a file of them."""
        path = self.folder / _SECRETS
        return given_secrets(path if path.exists() else None)

    @property
    def expected(self) -> Path:
        return self.folder / _EXPECTED


def cases_of(folder: Path) -> Sequence[Case]:
    """The cases beside a template, by name."""
    return [Case(path.parent) for path in sorted(folder.glob(f"tests/*/{_VALUES}"))]


def differences(case: Case, files: Sequence[RehearsedFile]) -> Sequence[str]:
    """How the files differ from those that are expected, as lines to read; empty if they don't."""
    if not case.expected.is_dir():
        return [f"{_EXPECTED}/ is missing; `callboard template test --update` writes it"]
    wanted = {str(path.relative_to(case.expected)): path for path in case.expected.rglob("*") if path.is_file()}
    made = {file.path: file for file in files}
    lines = [f"{path} was not made" for path in sorted(wanted.keys() - made.keys())]
    lines += [f"{path} was made and is not expected" for path in sorted(made.keys() - wanted.keys())]
    for path in sorted(wanted.keys() & made.keys()):
        lines += _compared(path, wanted[path].read_bytes(), made[path].content)
        if bool(wanted[path].stat().st_mode & 0o100) is not made[path].executable:
            lines.append(f"{path} is {'' if made[path].executable else 'not '}executable, other than expected")
    return lines


def update(case: Case, files: Sequence[RehearsedFile]) -> None:
    """Make the files what is expected."""
    shutil.rmtree(case.expected, ignore_errors=True)
    placed(files, case.expected)


def _compared(path: str, wanted: bytes, made: bytes) -> Iterator[str]:
    if wanted == made:
        return
    before, after = (content.decode("utf-8", "replace").splitlines() for content in (wanted, made))
    found = list(unified_diff(before, after, f"expected/{path}", f"made/{path}", lineterm=""))
    yield from found[:_MOST_LINES] or [f"{path} differs in bytes that are no text"]
    if len(found) > _MOST_LINES:
        yield f"… and {len(found) - _MOST_LINES} more lines"
