"""The corpus of real catalogs: where it lies, and its files by role."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from graph.relations import RelationRegistry
from ingest.reading import Include, IncludeError, Reading, ReadingSettings, read_documents

CATALOG_ROLES = ("catalog", "template", "transcribed", "role")
"""The roles of files that hold descriptors."""

_SETTINGS = ReadingSettings((), RelationRegistry())


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file of the corpus. `root` is the folder of its repository, `path` is relative to it."""

    repository: str
    path: str
    role: str
    root: Path

    @property
    def content(self) -> bytes:
        return (self.root / self.path).read_bytes()


def corpus_folder() -> Path:
    """The folder of the corpus: CALLBOARD_CORPUS, else beside the project. Skips the test without one, and fails it in CI."""
    configured = os.environ.get("CALLBOARD_CORPUS")
    folder = Path(configured) if configured else Path(__file__).resolve().parents[2] / "shared" / "corpus"
    if (folder / "MANIFEST.tsv").is_file():
        return folder
    reason = "the corpus is missing; CALLBOARD_CORPUS names its folder"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def corpus_files(*roles: str) -> Iterator[CorpusFile]:
    """The files with one of the roles, in the order of the manifest."""
    folder = corpus_folder()
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t"):
            if row["role"] in roles:
                yield CorpusFile(row["repo"], row["path"], row["role"], folder / row["repo"].replace("/", "__"))


def including(file: CorpusFile) -> Include:
    """Reads within the file's repository; a URL is out of reach."""

    def include(target: str) -> bytes:
        path = (file.root / file.path).parent.joinpath(target).resolve()
        if "://" in target or not path.is_relative_to(file.root.resolve()):
            raise IncludeError("it is outside of the repository.", "Keep the file in the repository.")
        try:
            return path.read_bytes()
        except OSError as error:
            raise IncludeError("it can't be read.", "Check the path.") from error

    return include


def read(file: CorpusFile) -> Reading:
    """The file, read as a location's file is."""
    return read_documents(file.content, file.path, including(file), _SETTINGS)
